"""A pool's index: it proposes rows, and others compute how alike they are. The only file that imports faiss."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Before faiss is loaded: else its threads spin while they wait for each other, and where others use the processors
# too, two of them took twenty times as long as one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import faiss
import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.similarity import Metric
from assayd_server.errors import ArtefactError
from assayd_server.index_effort import NEIGHBORS, Effort, effort_of, least_effort
from assayd_server.index_kind import Kind
from assayd_server.index_shape import Shape, shape_for, shape_of
from assayd_server.stored_vectors import StoredVectors

__all__ = ["Index", "Kind", "approximate_scores", "build", "flat_proposals", "read"]

BLAS_QUERIES_MIN = 8
"""From how many queries at once exact search is a matrix product, which makes 64 of them five times as fast, and
training fifteen times.
"""
ADD_ROWS = 1 << 16
POINTS_PER_CENTRE = 64
ITERATIONS = 10
"""Of what cells and codes are trained with: more takes longer and finds no more."""
PQ_CENTRES = 256
QUERY_BITS = 8
"""Of a query's numbers, when they are compared with signs."""
VISITED_MAX = 1024
VISITED_AT_BUILD = 100
"""Of tight clusters a graph that was built with faiss's 40 never finds 2 %, however far it is walked."""
TRIAL_ROWS = 200
_MAPPED = faiss.IO_FLAG_MMAP_IFC | faiss.IO_FLAG_PQ_SKIP_SDC_TABLE | faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE
"""Read into pages that processes share; no tables, which each would have for itself, for a tenth of the time."""
SMALL_BYTES = 1 << 24
"""A part of an index may be as large, whatever the size of its file."""
_READING = threading.Lock()
_METRICS = {
    Metric.COSINE: faiss.METRIC_INNER_PRODUCT,
    Metric.INNER_PRODUCT: faiss.METRIC_INNER_PRODUCT,
    Metric.L2: faiss.METRIC_L2,
}


def _prepare(threads: int, dimension: int) -> None:
    faiss.omp_set_num_threads(threads)  # holds for the calling thread alone
    # Holds for the process, and is compared with queries times dimensions; only speed depends on it.
    faiss.cvar.distance_compute_blas_threshold = BLAS_QUERIES_MIN * dimension


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
    _prepare(threads, stored.dimension)
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

    def __init__(self, index: Any, shape: Shape, effort: Effort, cells: Integers | None) -> None:
        self._index, self._shape, self._effort = index, shape, effort
        self.kind = shape.kind
        self.cells = cells
        """(N,) int32: the cell of each row, at build, where the kind has cells."""

    @property
    def parameters(self) -> dict[str, str]:
        """As the manifest has them; what read() takes."""
        return self._shape.parameters | self._effort.parameters

    def candidates(self, queries: Floats, count: int, *, threads: int) -> Integers:
        """(n, c) int64 rows, c at least count, -1 where the index has no more; in no order that means anything.

        Args:
            queries: (n, d) float32, unit vectors under cosine.
            count: how many neighbours are wanted, 1 to N.
            threads: to work with.
        """
        _prepare(threads, self._shape.dimension)
        fetched = min(self._index.ntotal, self._effort.proposals_for(count))
        rows = self._index.search(queries, fetched, params=self._search_parameters(count, fetched))[1]
        rows[rows >= self._index.ntotal] = -1  # whatever stood in the file
        return rows

    def _search_parameters(self, count: int, fetched: int) -> Any:
        if self.kind is Kind.HNSW:
            return faiss.SearchParametersHNSW(efSearch=max(fetched, self._effort.width_for(count)))
        probes = min(self._effort.width_for(count), self._shape.cells)
        if self.kind is Kind.IVF:
            return faiss.SearchParametersIVF(nprobe=probes)
        if self.kind is Kind.LSH:
            inner = faiss.IVFRaBitQSearchParameters(nprobe=probes, qb=QUERY_BITS)
        else:
            inner = faiss.SearchParametersIVF(nprobe=probes)
        return faiss.SearchParametersPreTransform(index_params=inner)

    def write(self, path: Path) -> None:
        """Write it, to be read with its kind and parameters; faiss alone reads it too, and ignores the ending."""
        faiss.write_index(self._index, str(path))
        with path.open("ab") as file:
            file.write(_ending(file.tell()))


def build(stored: StoredVectors, kind: Kind, *, threads: int, seed: int = 0) -> Index:
    """An index of any kind but flat, that searches just as hard as it must.

    The same vectors, seed and threads give the same index, but for a graph that several threads built.

    Args:
        stored: what is to be searched; N >= 1.
        kind: of the index.
        threads: to work with.
        seed: of what rows are trained and measured with, and where centres begin.
    """
    _prepare(threads, stored.dimension)
    shape = shape_for(kind, row_count=len(stored), dimension=stored.dimension)
    index = faiss.index_factory(stored.dimension, shape.recipe, _METRICS[stored.metric])
    if kind is Kind.HNSW:
        index.hnsw.efConstruction = VISITED_AT_BUILD
    _train(index, shape, stored, seed)
    for start in range(0, len(stored), ADD_ROWS):
        index.add(np.ascontiguousarray(stored.searched[start : start + ADD_ROWS]))
    trial = _Trial(stored, threads=threads, seed=seed)
    effort = least_effort(
        kind,
        width_max=shape.cells or min(VISITED_MAX, len(stored)),
        recall_of=lambda effort: trial.recall(Index(index, shape, effort, None)),
    )
    return Index(index, shape, effort, _cells(index) if shape.cells else None)


def _train(index: Any, shape: Shape, stored: StoredVectors, seed: int) -> None:
    parts = _parts(index)
    clusterings = [part.cp for part in parts if hasattr(part, "cp")]
    for part in parts:
        if hasattr(part, "pq"):
            part.do_polysemous_training = False  # serves a search not made here, and takes 50 times as long
            clusterings.append(part.pq.cp)
    for clustering in clusterings:
        clustering.seed, clustering.niter = seed, ITERATIONS
        clustering.min_points_per_centroid, clustering.max_points_per_centroid = 1, POINTS_PER_CENTRE
    rng = np.random.default_rng(seed)
    count = POINTS_PER_CENTRE * max(shape.cells, PQ_CENTRES)
    rows = np.arange(len(stored)) if count >= len(stored) else rng.choice(len(stored), count, replace=False)
    if len(rows) < 2 * PQ_CENTRES:
        rows = np.resize(rows, 2 * PQ_CENTRES)  # faiss wants as many as it makes centres of
    index.train(np.asarray(stored.searched[np.sort(rows)]))


def _parts(index: Any) -> list[Any]:
    """An index, and what is within it."""
    index = faiss.downcast_index(index)
    inner = [getattr(index, name) for name in ("index", "quantizer", "storage") if hasattr(index, name)]
    return [index, *(part for each in inner for part in _parts(each))]


def _cells(index: Any) -> Integers:
    lists = next(part.invlists for part in _parts(index) if hasattr(part, "invlists"))
    cells = np.full(index.ntotal, -1, np.int32)
    for cell in range(lists.nlist):
        size = lists.list_size(cell)
        if size:
            cells[faiss.rev_swig_ptr(lists.get_ids(cell), size)] = cell
    return cells


class _Trial:
    """Some rows of the pool, and how similar their nearest ones are."""

    def __init__(self, stored: StoredVectors, *, threads: int, seed: int) -> None:
        self._stored, self._threads = stored, threads
        rng = np.random.default_rng(seed)
        self._own = np.sort(rng.choice(len(stored), min(len(stored), TRIAL_ROWS), replace=False))
        self._queries = np.asarray(stored.searched[self._own])
        self._ks = sorted({min(k, len(stored) - 1) for k in NEIGHBORS} - {0})
        rows = flat_proposals(self._queries, stored, min(NEIGHBORS[-1] + 1, len(stored)), threads=threads)[0]
        self._best = self._scores(rows)

    def recall(self, index: Index) -> float:
        """The share of the nearest that it proposes; one that is as similar does as well."""
        return min((self._recall(index, k) for k in self._ks), default=1.0)

    def _recall(self, index: Index, k: int) -> float:
        found = self._scores(index.candidates(self._queries, k + 1, threads=self._threads))[:, :k]
        return float((found >= self._best[:, k - 1, None]).mean())

    def _scores(self, rows: Integers) -> Floats:
        rows = np.where(rows == self._own[:, None], -1, rows)
        scores = approximate_scores(self._queries, self._stored, rows, threads=self._threads)
        return -np.sort(-scores, axis=1)


def read(path: Path, *, kind: Kind, parameters: Mapping[str, str], stored: StoredVectors) -> Index:
    """An index as it was written, mapped into memory.

    Args:
        path: where it was written to.
        kind: of the index.
        parameters: of the index.
        stored: what it was built over.

    Raises:
        ArtefactError: it is no such index, or is of another dimension, size, metric or kind.
    """
    try:
        shape, effort = shape_of(kind, parameters, dimension=stored.dimension), effort_of(kind, parameters)
    except (KeyError, ValueError) as error:
        raise ArtefactError(f"{path}: the parameters of its manifest are not those of {kind}: {error}") from None
    index = _mapped(path)
    due = _traits(faiss.index_factory(stored.dimension, shape.recipe, _METRICS[stored.metric]))
    if _traits(index) != due or index.ntotal != len(stored) or not index.is_trained:
        wanted = f"{len(stored)} rows of {stored.dimension} numbers, for {stored.metric}"
        raise ArtefactError(f"{path}: is not the {kind} index that its manifest tells of, over {wanted}")
    return Index(index, shape, effort, None)


def _mapped(path: Path) -> Any:
    size = _checked_size(path)
    with _READING:
        limits = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
        faiss.set_deserialization_vector_byte_limit(max(size, SMALL_BYTES))  # no part is larger than the whole
        faiss.set_deserialization_loop_limit(size)
        try:
            return faiss.read_index(str(path), _MAPPED)
        except (RuntimeError, MemoryError):
            raise ArtefactError(f"{path}: faiss cannot read it") from None
        finally:
            faiss.set_deserialization_vector_byte_limit(limits[0])
            faiss.set_deserialization_loop_limit(limits[1])


def _checked_size(path: Path) -> int:
    """The size of a file that ends as it should: faiss crashes on some that were cut off."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END) - len(_ending(0))
            file.seek(max(size, 0))
            ending = file.read()
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror}") from None
    if size < 0 or ending != _ending(size):
        raise ArtefactError(f"{path}: is no index of a pool, or not all of one")
    return size


def _ending(size: int) -> bytes:
    """What follows after so many bytes of faiss's."""
    return b"assayd.index.1\n" + size.to_bytes(8, "little")


def _traits(index: Any) -> list[Any]:
    """What two indexes of one shape have in common, however many rows they have."""
    return [
        [type(part).__name__.removesuffix("IP").removesuffix("L2"), part.d, part.metric_type]
        + [getattr(part, name) for name in ("nlist", "code_size") if hasattr(part, name)]
        for part in _parts(index)
    ]
