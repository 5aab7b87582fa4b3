"""The rows a second that servers are sized by: a table in docs/operations.md, of the last full run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
_HEAD = "| calls | rows a second |\n|---|---|\n"


class _Line(NamedTuple):
    calls: str
    benchmark: str
    size: int | None
    rows: int
    """Of a call."""


_LINES = (
    _Line("1 row, 64 at once", "one_row", None, 1),
    _Line("32 rows, 32 at once", "rows_32", None, 32),
    _Line("256 rows, 4 at once", "rows_256", None, 256),
    _Line("256 rows as uint8, 4 at once", "rows_256_uint8", None, 256),
    _Line("1,024 rows, 4 at once", "by_rows", 1024, 1024),
    _Line("ResNet-50, 8 images, 8 at once", "resnet50", None, 8),
)


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """In Markdown, with two digits of each figure.

    Args:
        results: of all benchmarks, as serving.json has them.
    """
    return _HEAD + "".join(
        f"| {line.calls} | {float(f'{_rows_a_second(results, line):.2g}'):,.0f} |\n" for line in _LINES
    )


def _rows_a_second(results: Sequence[Mapping[str, Any]], line: _Line) -> float:
    """Of assayd, the median of the rounds."""
    (found,) = [one for one in results if (one["benchmark"], one["size"]) == (line.benchmark, line.size)]
    return line.rows * median(turn["calls/s"] for turn in found["systems"]["assayd"])


def with_table(page: str, text: str) -> str:
    """A page with its table in place of the one that it has."""
    before, _, rest = page.partition(_HEAD)
    return before + text + rest[rest.index("\n\n") + 1 :]
