"""What lines of rows may look like, and what they become."""

import csv as plain_csv
import io
import json
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pyarrow import csv

from assayd.cli.sources.reading import Batch, Reading


class LineFormat(Protocol):
    """A way to write a row in a line."""

    columns: tuple[str, ...]
    """Empty where rows have no named columns."""
    begins: Sequence[bytes]
    """The first line, where it is a row."""

    def batch(self, lines: Sequence[bytes], reading: Reading) -> Batch:
        """Rows from their lines.

        Raises:
            ValueError: a line is no such row; pyarrow's errors are of this kind.
        """
        ...


def format_of(first: bytes) -> LineFormat:
    """What the first line, which is not blank, tells.

    Raises:
        ValueError: it is neither JSON nor names of columns.
    """
    if first.startswith(b"{"):
        return JsonObjects(first)
    return JsonArrays(first) if first.startswith(b"[") else CsvLines(first)


class CsvLines:
    """CSV, whose first line names the columns."""

    begins: Sequence[bytes] = ()

    def __init__(self, first: bytes) -> None:
        """Of the names."""
        (names,) = plain_csv.reader([first.decode()], strict=True)
        if all(map(_is_number, names)):
            raise ValueError("it holds numbers only, it must name the columns")
        self.columns = tuple(names)

    def batch(self, lines: Sequence[bytes], reading: Reading) -> Batch:
        """A field for each column."""
        table = csv.read_csv(
            io.BytesIO(b"\n".join(lines)),
            read_options=csv.ReadOptions(use_threads=False, column_names=list(self.columns)),
            convert_options=csv.ConvertOptions(
                include_columns=list(reading.columns), column_types=dict(reading.types)
            ),
        )
        (batch,) = table.combine_chunks().to_batches()
        return batch


class JsonObjects:
    """JSON objects: values by the names of columns; one that is not there is missing."""

    def __init__(self, first: bytes) -> None:
        """Of the first row, which has all columns."""
        self._example: dict[str, Any] = _parsed(first, dict)
        self.columns = tuple(self._example)
        self.begins: Sequence[bytes] = (first,)

    def batch(self, lines: Sequence[bytes], reading: Reading) -> Batch:
        """A value for each column."""
        rows = [_parsed(line, dict) for line in lines]
        schema = pa.schema([(name, _nested(reading.types[name], self._example[name])) for name in reading.columns])
        return pa.RecordBatch.from_pylist(
            [{name: row.get(name) for name in reading.columns} for row in rows], schema
        )


class JsonArrays:
    """JSON arrays of numbers, all of one shape; null is a missing one."""

    columns: tuple[str, ...] = ()

    def __init__(self, first: bytes) -> None:
        """Of the first row."""
        self._shape = np.asarray(_parsed(first, list), np.float64).shape
        self.begins: Sequence[bytes] = (first,)

    def batch(self, lines: Sequence[bytes], reading: Reading) -> Batch:  # noqa: ARG002 there are no columns
        """The arrays as they are."""
        rows = [np.asarray(_parsed(line, list), np.float64) for line in lines]
        other = next((row.shape for row in rows if row.shape != self._shape), None)
        if other is not None:
            raise ValueError(f"one is of shape {list(other)}, the first one was of {list(self._shape)}")
        return np.stack(rows)


def _parsed(line: bytes, kind: type) -> Any:
    try:
        row = json.loads(line)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    if not isinstance(row, kind):
        raise ValueError(f"is {type(row).__name__} in JSON, the first line was {kind.__name__}")
    return row


def _nested(of_one: pa.DataType, example: Any) -> pa.DataType:
    """As many lists of that type as the example has."""
    if not isinstance(example, list):
        return of_one
    return pa.list_(_nested(of_one, example[0] if example else None))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
