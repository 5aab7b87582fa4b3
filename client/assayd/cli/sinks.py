"""Where tables go: Parquet and CSV, by the extension, written in bounded memory."""

from collections.abc import Callable, Collection, Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv, parquet

from assayd.cli.exits import UsageError
from assayd.cli.sources.batching import of_equal_size
from assayd.durable import write_whole

_GROUP_BYTES = 16 * 1024 * 1024
_GROUP_ROWS_MAX = 131_072

_WRITERS: dict[str, Callable[[BinaryIO, pa.Schema], Any]] = {
    ".parquet": parquet.ParquetWriter,
    ".csv": csv.CSVWriter,
}


def check_output(
    path: Path,
    *,
    rows: Path,
    overwrite: bool,
    flag: str = "--output",
    extensions: Collection[str] = _WRITERS,
) -> None:
    """Refuse what cannot be written, before anything is done.

    Raises:
        UsageError: an unknown extension, no such folder, or the file is there; or it is the rows' own.
    """
    if path.suffix.lower() not in extensions:
        raise UsageError(f"{flag}: {path} must end in one of {', '.join(extensions)}")
    if not path.parent.is_dir():
        raise UsageError(f"{flag}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"{flag}: {path} is a folder")
    if path.exists() and rows.exists() and path.samefile(rows):
        raise UsageError(f"{flag}: {path} is the input")
    if path.exists() and not overwrite:
        raise UsageError(f"{flag}: {path} is there already and complete, --overwrite replaces it")


def check_holds(path: Path, schema: pa.Schema) -> None:
    """Refuse columns that the format does not have, before there are many rows of them.

    Raises:
        UsageError: names the format.
    """
    try:
        with _WRITERS[path.suffix.lower()](BytesIO(), schema) as writer:
            writer.write_table(schema.empty_table())
    except pa.ArrowException as error:
        raise UsageError(f"--output: {path.suffix} does not hold all columns: {error}") from None


def write_table(path: Path, batches: Iterator[pa.RecordBatch], *, folder: Path) -> None:
    """Write record batches, at least one, to a file that appears whole or not at all.

    Args:
        path: its extension says what it is.
        batches: of one schema, any sizes; the file does not depend on these.
        folder: for the temporary file, on the same file system.
    """
    first = next(batches)
    rows = max(1, min(_GROUP_ROWS_MAX, _GROUP_BYTES * first.num_rows // max(1, first.nbytes)))

    def write(file: BinaryIO) -> None:
        with _WRITERS[path.suffix.lower()](file, first.schema) as writer:
            for batch in of_equal_size(chain([first], batches), rows):
                writer.write_table(pa.Table.from_batches([batch]))

    write_whole(path, write, folder=folder)
