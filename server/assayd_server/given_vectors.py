"""Vectors that a pool is to be made of: looked through and written, some rows at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assayd_server.array_writing import array_file
from assayd_server.core.arrays import Booleans, Floats
from assayd_server.core.similarity import Metric, unit_vectors
from assayd_server.errors import ArtefactError
from assayd_server.mapped import mapped
from assayd_server.pool_manifest import DIMENSION_MAX, LENGTHS, VECTORS
from assayd_server.progress import Progress

_ELEMENTS_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class GivenVectors:
    """(n, d) numbers, and where they are from."""

    values: Floats
    source: str
    """As errors name it."""

    @property
    def dimension(self) -> int:
        """d."""
        return self.values.shape[1]

    def __len__(self) -> int:
        """N."""
        return len(self.values)

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """float32 of some rows after others; what does not fit is an infinity."""
        step = max(1, _ELEMENTS_AT_ONCE // self.dimension)
        for start in range(0, len(self), step):
            place = slice(start, start + step)
            with np.errstate(over="ignore"):
                yield place, self.values[place].astype("<f4")


def vectors_in(path: Path) -> GivenVectors:
    """The vectors in a .npy file.

    Raises:
        ArtefactError: it cannot be read, or is no matrix of numbers with rows and columns.
    """
    values = mapped(path)
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        raise ArtefactError(
            f"{path}: is {values.dtype} of shape {list(values.shape)}, due are numbers of shape (n, d)"
        )
    given = GivenVectors(values, str(path))
    if not 1 <= given.dimension <= DIMENSION_MAX:
        raise ArtefactError(f"{path}: its vectors are {given.dimension} wide, allowed are 1 to {DIMENSION_MAX}")
    if not len(given):
        raise ArtefactError(f"{path}: has no vectors, and a pool has one at least")
    return given


def kept_rows(given: GivenVectors, metric: Metric, *, skip_invalid: bool) -> Booleans:
    """(n,) which rows can be in a pool.

    Args:
        given: the vectors.
        metric: what they are to be searched by.
        skip_invalid: leave the others out; else one of them is an error.

    Raises:
        ArtefactError: a row cannot be searched for, or none can.
    """
    kept = np.empty(len(given), np.bool_)
    with closing(Progress("vectors looked through", len(given))) as progress:
        for place, block in given.blocks():
            kept[place] = _searchable(block, metric)
            progress.advance(len(block))
    count = len(kept) - int(kept.sum())
    if count and not skip_invalid:
        raise ArtefactError(_what_is_wrong(given, metric, row=int(kept.argmin()), count=count))
    if count == len(kept):
        raise ArtefactError(
            f"{given.source}: no vector is of use: all hold NaN or an infinity, are too long or zero"
        )
    return kept


def write_vectors(folder: Path, given: GivenVectors, metric: Metric, *, kept: Booleans) -> None:
    """Write vectors.npy, and lengths.npy under cosine.

    Raises:
        ArtefactError: they cannot be written.
    """
    count = int(kept.sum())
    lengths = None
    with ExitStack() as stack:
        progress = stack.enter_context(closing(Progress("vectors written", count)))
        vectors = stack.enter_context(array_file(folder / VECTORS, dtype="<f4", shape=(count, given.dimension)))
        if metric is Metric.COSINE:
            lengths = stack.enter_context(array_file(folder / LENGTHS, dtype="<f4", shape=(count,)))
        for place, block in given.blocks():
            rows = block[kept[place]]
            if lengths is not None:
                rows, rows_lengths = _directions(rows)
                lengths.add(rows_lengths)
            vectors.add(rows)
            progress.advance(len(rows))


def _directions(rows: Floats) -> tuple[Floats, Floats]:
    """float32: rows of length 1, and how long they were."""
    if not len(rows):
        return rows, np.empty(0, "<f4")
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    return unit_vectors(rows), lengths.astype("<f4")


def _searchable(block: Floats, metric: Metric) -> Booleans:
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.einsum("ij,ij->i", block, block, dtype=np.float64)
        sound = squares <= np.finfo(np.float32).max
    return sound & (squares > 0) if metric is Metric.COSINE else sound


def _what_is_wrong(given: GivenVectors, metric: Metric, *, row: int, count: int) -> str:
    with np.errstate(over="ignore"):
        vector = given.values[row].astype("<f4")
    if not np.isfinite(vector).all():
        what = "holds NaN or an infinity, as float32"
    elif metric is Metric.COSINE and not vector.any():
        what = "is zero, which has no cosine"
    else:
        what = "is too long: its square overflows float32"
    more = f", and {count - 1} more cannot be in a pool" if count > 1 else ""
    return f"{given.source}: row {row}: {what}{more}; --skip-invalid leaves such rows out"
