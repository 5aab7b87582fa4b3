"""What is to be read of a table, and what all kinds of tables have in common."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from assayd.arrays import Array
from assayd.cli.exits import CommandError

Batch: TypeAlias = pa.RecordBatch | Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Which columns and rows, and how many rows at a time."""

    columns: tuple[str, ...]
    """Only these, in this order; none where the rows have no columns."""
    batch_rows: int
    """Of each batch but the last."""
    start: int = 0
    """How many rows at the beginning are left out."""
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    """How to read the columns of a format that has no types."""


class Readable(Protocol):
    """Rows, read in order and in bounded memory."""

    path: Path
    columns: tuple[str, ...]
    """Empty where rows have no named columns."""
    row_count: int | None
    """None where only reading it all would tell."""
    layout: str
    """What its rows are made of, as a text that changes when that changes."""

    def row_bytes(self, columns: tuple[str, ...]) -> int:
        """About what a row of these columns takes in memory; above 0."""
        ...

    def batches(self, reading: Reading) -> Iterator[Batch]:
        """The rows."""
        ...


class Source(Readable, Protocol):
    """A file of rows."""

    def no_rows(self, reading: Reading) -> Batch:
        """A batch without rows, with the columns and types of the others."""
        ...


def digest(text: str) -> str:
    """A short name for a long text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def bad_data(path: Path, kind: str) -> Iterator[None]:
    """What a reader says about a file's content, as one sentence with the file's name.

    Raises:
        CommandError: the content is not what it should be.
    """
    try:
        yield
    except (pa.ArrowException, ValueError) as error:
        raise CommandError(f"{path}: {kind}: {_short(error)}") from None
    except OSError as error:
        if error.errno:  # the system's own, such as no permission
            raise
        raise CommandError(f"{path}: {kind}: {_short(error)}") from None


def _short(error: Any) -> str:
    line = " ".join(str(error).split())
    return line if len(line) <= 200 else f"{line[:200]} ..."
