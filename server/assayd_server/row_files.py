"""Rows in files of any kind that can be read."""

from pathlib import Path

from assayd_server.errors import ArtefactError
from assayd_server.given_rows import ARRAY_FILES, GivenRows, rows_in_arrays
from assayd_server.servable import Servable

_TABLE_FILES = (".parquet", ".csv")


def open_rows(
    path: Path, model: Servable, *, columns: str | None = None, id_column: str | None = None
) -> GivenRows:
    """The rows of a file, as a model takes them.

    Args:
        path: .npy, .npz by input name, .parquet or .csv.
        model: that takes them.
        columns: of a table, names between commas; None for all but that of the ids.
        id_column: of a table; None where the rows have no ids.

    Raises:
        ArtefactError: it cannot be read, or what reads it is not installed.
    """
    kind = path.suffix.lower()
    if kind in ARRAY_FILES:
        for flag, value in (("--id-column", id_column), ("--columns", columns)):
            if value is not None:
                raise ArtefactError(f"{flag}: the rows of {path} have no named columns")
        return rows_in_arrays(path)
    if kind not in _TABLE_FILES:
        allowed = ", ".join((*ARRAY_FILES, *_TABLE_FILES))
        raise ArtefactError(f"--input: {path} must end in one of {allowed}")
    try:
        from assayd_server.table_input import rows_in_table
    except ModuleNotFoundError as error:
        raise ArtefactError(
            f'{path}: {error.name} is missing, which reads {kind} files: pip install "assayd[server,cli]"'
        ) from None
    return rows_in_table(path, model.contract.inputs, columns=columns, id_column=id_column)
