"""A pool's index: it proposes rows, and others compute how alike they are. The only file that imports faiss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import faiss
import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.similarity import Metric
from assayd_server.errors import ArtefactError
from assayd_server.index_kind import Kind
from assayd_server.stored_vectors import StoredVectors

__all__ = ["Index", "Kind", "approximate_scores", "build", "flat_proposals", "read"]

BLAS_QUERIES_MIN = 8
"""From how many queries at once exact search is a matrix product, which makes 64 five times as fast."""
ADD_ROWS = 1 << 16
_METRICS = {
    Metric.COSINE: faiss.METRIC_INNER_PRODUCT,
    Metric.INNER_PRODUCT: faiss.METRIC_INNER_PRODUCT,
    Metric.L2: faiss.METRIC_L2,
}


def flat_proposals(queries: Floats, stored: StoredVectors, count: int, *, threads: int) -> tuple[Integers, Floats]:
    """The most similar rows by float32 arithmetic over all of them.

    Args:
        queries: (n, d) float32, unit vectors under cosine.
        stored: what is searched.
        count: how many, 1 to N.
        threads: to work with.

    Returns:
        (n, count) rows, best first, -1 where arithmetic overflowed, and their scores: products, or negated squared
        distances.
    """
    faiss.omp_set_num_threads(threads)  # holds for the calling thread alone
    # Holds for the process, and is compared with queries times dimensions; only speed depends on it.
    faiss.cvar.distance_compute_blas_threshold = BLAS_QUERIES_MIN * stored.dimension
    metric = _METRICS[stored.metric]
    scores, rows = faiss.knn(queries, stored.searched, count, metric=metric)
    return rows, -scores if metric == faiss.METRIC_L2 else scores


def approximate_scores(queries: Floats, stored: StoredVectors, rows: Integers, *, threads: int) -> Floats:
    """Scores as of flat_proposals for some rows of each query: (n, c) float32, -inf for the row -1.

    Args:
        queries: (n, d) float32, contiguous.
        stored: what is searched.
        rows: (n, c) int64, contiguous.
        threads: to work with.
    """
    faiss.omp_set_num_threads(threads)
    scores = np.empty(rows.shape, np.float32)
    l2 = stored.metric is Metric.L2
    work = faiss.fvec_L2sqr_by_idx if l2 else faiss.fvec_inner_products_by_idx
    pointers = [faiss.swig_ptr(array) for array in (scores, queries, stored.searched, rows)]
    work(*pointers, stored.dimension, *rows.shape)
    return np.negative(scores, out=scores) if l2 else scores


class Index:
    """Proposes rows that are probably among the most similar; may be searched by several threads at once."""

    kind: Kind
    parameters: dict[str, str]
    """As the manifest has them; what read() takes."""
    cells: Integers | None
    """(N,) int32: the cell of each row, at build, where the kind has cells."""

    def __init__(
        self, index: faiss.Index, kind: Kind, parameters: Mapping[str, str], cells: Integers | None
    ) -> None:
        self._index = index
        self.kind, self.parameters, self.cells = kind, dict(parameters), cells

    def candidates(self, queries: Floats, count: int, *, threads: int) -> Integers:
        """(n, c) int64 rows, c at least count, -1 where the index has no more; in no order that means anything.

        Args:
            queries: (n, d) float32, unit vectors under cosine.
            count: how many neighbours are wanted, 1 to N.
            threads: to work with.
        """
        faiss.omp_set_num_threads(threads)
        fetched = min(self._index.ntotal, math.ceil(count * float(self.parameters["fetch"])))
        return self._index.search(queries, fetched, params=self._search_parameters(fetched))[1]

    def _search_parameters(self, fetched: int) -> faiss.SearchParameters:
        return faiss.SearchParametersIVF(nprobe=int(self.parameters["probes"]))

    def write(self, path: Path) -> None:
        """Write it, to be read with its kind and parameters."""
        faiss.write_index(self._index, str(path))


def build(stored: StoredVectors, kind: Kind, *, threads: int, seed: int = 0) -> Index:
    """An index over vectors, of any kind but flat; the same ones for the same seed."""
    faiss.omp_set_num_threads(threads)
    lists = _list_count(len(stored))
    index = faiss.index_factory(stored.dimension, f"IVF{lists},SQ8", _METRICS[stored.metric])
    index.cp.seed = seed
    index.cp.min_points_per_centroid = 1
    index.cp.max_points_per_centroid = 64
    index.train(_training_rows(stored, lists * 64, seed))
    for start in range(0, len(stored), ADD_ROWS):
        index.add(np.ascontiguousarray(stored.searched[start : start + ADD_ROWS]))
    parameters = {"lists": str(lists), "codes": "SQ8", "probes": str(min(lists, 8)), "fetch": "2"}
    return Index(index, kind, parameters, _cells(index))


def _list_count(row_count: int) -> int:
    return max(1, min(1 << 16, round(2 * math.sqrt(row_count)), row_count // 16))


def _training_rows(stored: StoredVectors, count: int, seed: int) -> Floats:
    if count >= len(stored):
        return np.ascontiguousarray(stored.searched)
    rows = np.random.default_rng(seed).choice(len(stored), count, replace=False)
    return np.asarray(stored.searched[np.sort(rows)])


def _cells(index: faiss.Index) -> Integers:
    cells = np.full(index.ntotal, -1, np.int32)
    for cell in range(index.nlist):
        size = index.invlists.list_size(cell)
        if size:
            cells[faiss.rev_swig_ptr(index.invlists.get_ids(cell), size)] = cell
    return cells


def read(path: Path, *, kind: Kind, parameters: Mapping[str, str], stored: StoredVectors) -> Index:
    """An index as it was written, mapped into memory where that can be.

    Raises:
        ArtefactError: it is no such index, or is of another dimension, size, metric or kind.
    """
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP)
    except (RuntimeError, MemoryError):
        raise ArtefactError(f"{path}: is not an index that faiss can read") from None
    return Index(index, kind, parameters, None)
