"""Where rows come from: Parquet, CSV and .npy, by the extension."""

from collections.abc import Callable
from pathlib import Path

from assayd.cli.exits import UsageError
from assayd.cli.sources.csv_text import CsvSource
from assayd.cli.sources.npy import NpySource
from assayd.cli.sources.parquet import ParquetSource
from assayd.cli.sources.reading import Source

_KINDS: dict[str, Callable[[Path], Source]] = {".parquet": ParquetSource, ".csv": CsvSource, ".npy": NpySource}


def open_source(path: Path, flag: str = "--input") -> Source:
    """The rows of a file.

    Args:
        path: of the file.
        flag: that names it.

    Raises:
        UsageError: there is no such file, or its extension is unknown.
        CommandError: it is not what its extension says.
    """
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"{flag}: {path} must end in one of {', '.join(_KINDS)}")
    if not path.is_file():
        raise UsageError(f"{flag}: {path} is {'a folder' if path.is_dir() else 'not there'}")
    return kind(path)
