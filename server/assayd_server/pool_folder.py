"""A pool on disk: checked before anything of it is parsed, and mapped into memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.bundle import MANIFEST_BYTES_MAX, content_of, digest_of
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.similarity import Metric
from assayd_server.errors import ArtefactError
from assayd_server.id_order import ID_BYTES_MAX, first_not_rising, first_odd_text
from assayd_server.inside import check_inside
from assayd_server.mapped import file_digest, mapped
from assayd_server.pool_ids import PoolIds
from assayd_server.pool_manifest import (
    CELLS,
    IDS,
    IDS_ORDER,
    INDEX,
    LENGTHS,
    MEAN,
    POOL_MANIFEST,
    VECTORS,
    PoolManifest,
    parsed_pool_manifest,
)
from assayd_server.stored_vectors import StoredVectors

_ROWS_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class PoolFolder:
    """A pool whose files were found to be what its manifest says."""

    path: Path
    digest: str
    """Of pool.json, and so of all."""
    manifest: PoolManifest
    stored: StoredVectors
    ids: PoolIds
    mean: Floats
    """(d,) float64: the mean of the unit vectors of all rows that have a direction."""
    cells: Integers | None
    """(N,) int32: the cell of the index that each row lies in; None of an index without cells."""
    index_path: Path | None
    """None of a flat pool."""


def read_pool(folder: Path, *, digest: str | None = None, within: Sequence[Path] = ()) -> PoolFolder:
    """The pool in a folder.

    Args:
        folder: with a pool.json in it.
        digest: what that of pool.json must be; None for any.
        within: other folders that its files may lie in, by links.

    Raises:
        ArtefactError: a file is missing, or is not what the manifest says.
    """
    path = folder / POOL_MANIFEST
    reach = [folder, *within]
    check_inside(path, reach)
    text = content_of(path, bytes_max=MANIFEST_BYTES_MAX)
    actual = digest_of(text)
    if digest is not None and actual != digest:
        raise ArtefactError(f"{path}: its digest is {actual}, due is {digest}")
    manifest = parsed_pool_manifest(text, path)
    for name, due in manifest.files.items():
        check_inside(folder / name, reach)
        _check_digest(folder / name, due)
    return PoolFolder(
        path=folder,
        digest=actual,
        manifest=manifest,
        stored=StoredVectors(manifest.metric, _vectors(folder, manifest), _lengths(folder, manifest)),
        ids=_ids(folder, manifest),
        mean=_mean(folder, manifest),
        cells=_cells(folder, manifest),
        index_path=folder / INDEX if INDEX in manifest.files else None,
    )


def _check_digest(path: Path, due: str) -> None:
    actual = file_digest(path)
    if actual != due:
        raise ArtefactError(f"{path}: its digest is {actual}, {POOL_MANIFEST} says {due}")


def _vectors(folder: Path, manifest: PoolManifest) -> Floats:
    return _array(folder / VECTORS, "<f4", (manifest.row_count, manifest.dimension))


def _lengths(folder: Path, manifest: PoolManifest) -> Floats | None:
    if manifest.metric is not Metric.COSINE:
        return None
    lengths = _array(folder / LENGTHS, "<f4", (manifest.row_count,))
    for start, part in _parts(lengths):
        wrong = ~((part > 0) & (part < np.inf))
        if wrong.any():
            raise ArtefactError(f"{folder / LENGTHS}: row {start + int(wrong.argmax())}: is no length above 0")
    return lengths


def _mean(folder: Path, manifest: PoolManifest) -> Floats:
    mean = _array(folder / MEAN, "<f8", (manifest.dimension,))
    if not np.isfinite(mean).all():
        raise ArtefactError(f"{folder / MEAN}: holds NaN or an infinity")
    return mean


def _cells(folder: Path, manifest: PoolManifest) -> Integers | None:
    if CELLS not in manifest.files:
        return None
    cells = _array(folder / CELLS, "<i4", (manifest.row_count,))
    for start, part in _parts(cells):
        if (part < 0).any():
            raise ArtefactError(f"{folder / CELLS}: row {start + int((part < 0).argmax())}: is no cell")
    return cells


def _ids(folder: Path, manifest: PoolManifest) -> PoolIds:
    count = manifest.row_count
    if IDS not in manifest.files:
        return PoolIds(count)
    ids = _checked_ids(folder / IDS, manifest)
    order = None
    if IDS_ORDER in manifest.files:
        order = _array(folder / IDS_ORDER, "<i8", (count,))
        for _, part in _parts(order):
            if part.min() < 0 or part.max() >= count:
                raise ArtefactError(f"{folder / IDS_ORDER}: names a row that the pool does not have")
    if first_not_rising(ids, order) is not None:
        where = folder / (IDS if order is None else IDS_ORDER)
        raise ArtefactError(f"{where}: the ids do not ascend, or one is there twice")
    return PoolIds(count, ids=ids, order=order)


def _checked_ids(path: Path, manifest: PoolManifest) -> NDArray[Any]:
    if manifest.id_type == "int64":
        return _array(path, "<i8", (manifest.row_count,))
    ids = mapped(path)
    if ids.dtype.kind != "S" or not 1 <= ids.dtype.itemsize <= ID_BYTES_MAX:
        raise ArtefactError(f"{path}: is of type {ids.dtype}, due are bytes, 1 to {ID_BYTES_MAX} of them an id")
    _check_shape(path, ids, (manifest.row_count,))
    odd = first_odd_text(ids)
    if odd is not None:
        raise ArtefactError(f"{path}: row {odd[0]}: {odd[1]}")
    return ids


def _array(path: Path, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    array = mapped(path)
    if array.dtype != np.dtype(dtype):
        raise ArtefactError(f"{path}: is of type {array.dtype}, due is {np.dtype(dtype)}")
    _check_shape(path, array, shape)
    return array


def _check_shape(path: Path, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape or not array.flags.c_contiguous:
        order = "" if array.flags.c_contiguous else ", column by column"
        raise ArtefactError(
            f"{path}: is of shape {list(array.shape)}{order}, {POOL_MANIFEST} says {list(shape)}, row by row"
        )


def _parts(values: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    for start in range(0, len(values), _ROWS_AT_ONCE):
        yield start, values[start : start + _ROWS_AT_ONCE]
