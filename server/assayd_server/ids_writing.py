"""The ids of a pool on their way to disk, with the order that they are found by."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.array_writing import array_file, write_array
from assayd_server.core.arrays import Booleans
from assayd_server.errors import ArtefactError
from assayd_server.given_ids import GivenIds
from assayd_server.id_order import are_row_numbers, first_not_rising
from assayd_server.mapped import mapped
from assayd_server.pool_manifest import IDS, IDS_ORDER, IdType


def write_ids(folder: Path, given: GivenIds, *, kept: Booleans) -> IdType:
    """Write ids.npy, and ids_order.npy where they do not ascend; nothing where they are 0, 1, 2 and so on.

    Args:
        folder: where neither is yet.
        given: the ids.
        kept: (n,) which of them are in the pool.

    Raises:
        ArtefactError: they are not of one type, an id is there twice, or nothing can be written.
    """
    dtype, count = _common(given)
    if count != len(kept):
        raise ArtefactError(f"{given.source}: there are {count} ids, of {len(kept)} rows")
    path = folder / IDS
    with array_file(path, dtype=dtype, shape=(int(kept.sum()),)) as file:
        for block in _kept_blocks(given, kept):
            file.add(block.astype(dtype))
    ids = mapped(path)
    if dtype.kind == "i" and are_row_numbers(ids):
        path.unlink()
    elif first_not_rising(ids, None) is not None:
        _write_order(folder / IDS_ORDER, ids, given, kept)
    return "string" if dtype.kind == "S" else "int64"


def check_ids(scratch: Path, given: GivenIds) -> int:
    """See to it that ids can be those of a pool, before any work is done for it, and count them.

    Args:
        scratch: a folder that is not there and will not be there.
        given: the ids, at least one.

    Raises:
        ArtefactError: as of write_ids.
    """
    scratch.mkdir()
    try:
        count = sum(map(len, given.blocks()))
        write_ids(scratch, given, kept=np.ones(count, np.bool_))
    finally:
        shutil.rmtree(scratch)
    return count


def _common(given: GivenIds) -> tuple[np.dtype[Any], int]:
    """int64, or bytes as wide as the longest; and how many ids there are."""
    kinds, count = set(), 0
    for block in given.blocks():
        kinds.add((block.dtype.kind, block.dtype.itemsize))
        count += len(block)
    if not kinds:
        raise ArtefactError(f"{given.source}: there are no ids")
    kind, width = max(kinds)  # of one file, and so of one kind
    return np.dtype("<i8") if kind == "i" else np.dtype(f"S{width}"), count


def _kept_blocks(given: GivenIds, kept: Booleans) -> Iterator[NDArray[Any]]:
    start = 0
    for block in given.blocks():
        yield block[kept[start : start + len(block)]]
        start += len(block)


def _write_order(path: Path, ids: NDArray[Any], given: GivenIds, kept: Booleans) -> None:
    order = np.argsort(ids, kind="stable").astype("<i8", copy=False)
    place = first_not_rising(ids, order)
    if place is not None:
        rows = np.flatnonzero(kept)[order[place : place + 2]]
        same = ids[order[place]]
        spelled = repr(same.decode()) if ids.dtype.kind == "S" else str(same)
        raise ArtefactError(f"{given.source}: row {rows[0]} and row {rows[1]} have the same id, {spelled}")
    write_array(path, order)
