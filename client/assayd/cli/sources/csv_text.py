"""Rows from CSV, a block of lines at a time."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from assayd.cli.exits import CommandError
from assayd.cli.sources.batching import of_equal_size
from assayd.cli.sources.reading import Reading, bad_data, digest

_BLOCK_BYTES = 2 * 1024 * 1024
"""What is parsed at a time; no line may be longer."""
_NUMBER_BYTES = 8


class CsvSource:
    """A CSV file in UTF-8; its first line names the columns."""

    row_count: int | None = None

    def __init__(self, path: Path) -> None:
        """Read the first lines.

        Raises:
            CommandError: they are not CSV with names.
        """
        self.path = path
        with path.open("rb") as file:
            if b"\0" in file.read(4096):
                raise CommandError(f"{path}: is not CSV: it holds bytes that no text has")
        with bad_data(path, "cannot be read as CSV"), self._open(csv.ConvertOptions()) as reader:
            self.columns: tuple[str, ...] = tuple(reader.schema.names)
        if all(map(_is_number, self.columns)):
            raise CommandError(f"{path}: the first line holds numbers only, it must name the columns")
        self.layout = digest("\n".join(self.columns))

    def row_bytes(self, columns: tuple[str, ...]) -> int:
        """As many numbers as there are columns."""
        return _NUMBER_BYTES * len(columns)

    def batches(self, reading: Reading) -> Iterator[pa.RecordBatch]:
        """The rows; those before the start are parsed and dropped."""
        options = csv.ConvertOptions(include_columns=list(reading.columns), column_types=dict(reading.types))
        with bad_data(self.path, "cannot be read"), self._open(options) as reader:
            yield from of_equal_size(reader, reading.batch_rows, skip=reading.start)

    def no_rows(self, reading: Reading) -> pa.RecordBatch:
        """Of the types that the file is to be read as."""
        return pa.RecordBatch.from_pylist([], pa.schema([(name, reading.types[name]) for name in reading.columns]))

    def _open(self, options: csv.ConvertOptions) -> csv.CSVStreamingReader:
        read = csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
        parse = csv.ParseOptions(newlines_in_values=True)
        return csv.open_csv(self.path, read_options=read, parse_options=parse, convert_options=options)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
