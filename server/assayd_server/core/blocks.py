"""Rows in blocks: what is worked on at once stays within the processor's cache, however many rows there are."""

from collections.abc import Iterator

BLOCK_ELEMENTS = 1 << 16
"""Half a megabyte of double precision."""


def blocks(row_count: int, row_elements: int) -> Iterator[slice]:
    """Slices of rows that hold BLOCK_ELEMENTS each, or one row where that holds more.

    Args:
        row_count: n, from 0.
        row_elements: how many numbers a row takes while it is worked on, from 1.
    """
    size = max(1, BLOCK_ELEMENTS // row_elements)
    return (slice(start, start + size) for start in range(0, row_count, size))
