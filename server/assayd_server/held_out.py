"""Labelled rows on disk: NumPy files, of which only what is used is read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.archives import arrays_in
from assayd_server.core.arrays import Integers
from assayd_server.errors import ArtefactError
from assayd_server.npy_header import check_header

_ZIP = b"PK"


def read_rows(path: Path) -> dict[str, NDArray[Any]]:
    """Arrays of n rows by the input that they feed; the only input's name may be empty.

    Args:
        path: a .npy file for a model with one input, or a .npz file with an array for each.

    Raises:
        ArtefactError: it cannot be read, or its arrays differ in their rows.
    """
    arrays = _read(path)
    lengths = {values.shape[:1] for values in arrays.values()}
    if len(lengths) != 1 or lengths == {()}:
        raise ArtefactError(f"{path}: does not hold rows, or not as many for each input")
    return arrays


def read_labels(path: Path, *, names: Sequence[str], class_count: int) -> Integers:
    """Class positions, (n,) int64.

    Args:
        path: a .npy file with class positions, or with class names where there are names.
        names: of the classes, or none.
        class_count: c.

    Raises:
        ArtefactError: it cannot be read, or a label is no class.
    """
    values = _read(path).get("")
    if values is None or values.ndim != 1:
        raise ArtefactError(f"{path}: one label for each row is due, an array of shape (n,)")
    if values.dtype.kind == "U" and names:
        return _positions(values, names, path)
    if values.dtype.kind not in "iu":
        also = " or class names" if names else ", as the bundle has no labels"
        raise ArtefactError(f"{path}: is of type {values.dtype}, due are class positions, whole numbers{also}")
    for row in np.flatnonzero((values < 0) | (values >= class_count))[:1]:
        raise ArtefactError(f"{path}: row {row}: class {values[row]} is outside of 0 to {class_count - 1}")
    return values.astype(np.int64)


def read_label_matrix(path: Path, *, label_count: int) -> Integers:
    """Which of the labels each row has, (n, c) int64 of 0 and 1.

    Args:
        path: a .npy file of 0 and 1, or of truth values.
        label_count: c.

    Raises:
        ArtefactError: it cannot be read, or holds anything else.
    """
    values = _read(path).get("")
    if values is None or values.ndim != 2 or values.shape[1] != label_count or values.dtype.kind not in "iub":
        raise ArtefactError(
            f"{path}: of a model with {label_count} labels, an array of 0 and 1 of shape (n, {label_count}) is due"
        )
    for row in np.flatnonzero(((values != 0) & (values != 1)).any(axis=1))[:1]:
        raise ArtefactError(f"{path}: row {row}: holds another number than 0 and 1")
    return values.astype(np.int64)


def _positions(values: NDArray[Any], names: Sequence[str], path: Path) -> Integers:
    by_name = {name: position for position, name in enumerate(names)}
    for row, value in enumerate(values):
        if value not in by_name:
            raise ArtefactError(f"{path}: row {row}: {str(value)!r} is not one of the bundle's labels")
    return np.array([by_name[value] for value in values], np.int64)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """The array of a .npy file under an empty name, or those of a .npz file under their own."""
    try:
        with path.open("rb") as file:
            is_archive = file.read(len(_ZIP)) == _ZIP
            file.seek(0)
            if is_archive:
                return arrays_in(file, path)
            check_header(file, path.stat().st_size)
        return {"": np.load(path, mmap_mode="r", allow_pickle=False)}
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ArtefactError:
        raise
    except Exception:  # a header is parsed as Python, and may fail in any way; what is in it is never run
        raise ArtefactError(f"{path}: is no NumPy file of numbers or text") from None
