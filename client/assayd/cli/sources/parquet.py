"""Rows from Parquet, some pages of each column at a time."""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from assayd.cli.sources.batching import of_equal_size
from assayd.cli.sources.reading import Reading, bad_data, digest

_BUFFER_BYTES = 64 * 1024
"""Read ahead of each column. Without it pyarrow takes a whole row group into memory."""
_NUMBER_BYTES = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "FLOAT": 4, "DOUBLE": 8}
_UNREADABLE = "is not Parquet, or was not written to its end"


class ParquetSource:
    """A Parquet file. Row groups may have any size."""

    def __init__(self, path: Path) -> None:
        """Read the footer.

        Raises:
            CommandError: there is none.
        """
        self.path = path
        with bad_data(path, _UNREADABLE):
            self._metadata = parquet.read_metadata(path)
            self._schema = self._metadata.schema.to_arrow_schema()
        self.columns = tuple(self._schema.names)
        self.row_count: int | None = self._metadata.num_rows
        self.layout = digest(self._schema.to_string(show_schema_metadata=False))

    def row_bytes(self, columns: tuple[str, ...]) -> int:
        """By the types; what has no fixed width counts as in the file, and as the numbers in it at the least."""
        return max(1, sum(self._width(name) for name in columns))

    def batches(self, reading: Reading) -> Iterator[pa.RecordBatch]:
        """The rows, from the row group on that holds the first one."""
        groups, skip = self._groups_from(reading.start)
        with bad_data(self.path, "cannot be read"), self._open() as file:
            found = file.iter_batches(
                reading.batch_rows, row_groups=groups, columns=list(reading.columns), use_threads=False
            )
            ordered = (batch.select(list(reading.columns)) for batch in found)
            yield from of_equal_size(ordered, reading.batch_rows, skip=skip)

    def no_rows(self, reading: Reading) -> pa.RecordBatch:
        """Of the file's own types."""
        return pa.RecordBatch.from_pylist([], pa.schema([self._schema.field(name) for name in reading.columns]))

    def _open(self) -> parquet.ParquetFile:
        # memory maps count as memory of the process, and to read ahead is to hold whole row groups
        return parquet.ParquetFile(
            self.path, metadata=self._metadata, buffer_size=_BUFFER_BYTES, pre_buffer=False, memory_map=False
        )

    def _groups_from(self, start: int) -> tuple[list[int], int]:
        """The row groups from that row on, and how many rows of the first one come before it."""
        groups = range(self._metadata.num_row_groups)
        ends = list(accumulate(self._metadata.row_group(group).num_rows for group in groups))
        wanted = [group for group in groups if ends[group] > start]
        before = ends[wanted[0] - 1] if wanted and wanted[0] else 0
        return wanted, start - before

    def _width(self, name: str) -> int:
        try:
            return -(-self._schema.field(name).type.bit_width // 8)
        except ValueError:
            return self._stored_bytes(name) // max(1, self._metadata.num_rows)

    def _stored_bytes(self, name: str) -> int:
        groups = map(self._metadata.row_group, range(self._metadata.num_row_groups))
        chunks = (group.column(leaf) for group in groups for leaf in range(group.num_columns))
        own = (
            chunk for chunk in chunks if f"{chunk.path_in_schema}.".startswith(f"{name}.")
        )  # a name may have dots
        return sum(map(_chunk_bytes, own))


def _chunk_bytes(chunk: parquet.ColumnChunkMetaData) -> int:
    """Numbers that are alike take next to nothing in the file, and all of their room in memory."""
    return max(chunk.total_uncompressed_size, chunk.num_values * _NUMBER_BYTES.get(chunk.physical_type, 0))
