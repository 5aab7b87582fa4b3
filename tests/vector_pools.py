"""Pools for tests, and brute force over them."""

import numpy as np

from assayd_server.core.similarity import Metric, unit_vectors
from assayd_server.nearest import Nearest
from assayd_server.stored_vectors import StoredVectors


def stored(vectors: np.ndarray, metric: Metric = Metric.COSINE) -> StoredVectors:
    """As a pool's folder has them."""
    vectors = vectors.astype(np.float32)
    if metric is not Metric.COSINE:
        return StoredVectors(metric, vectors, None)
    return StoredVectors(metric, unit_vectors(vectors), np.linalg.norm(vectors, axis=1).astype(np.float32))


def clusters(
    row_count: int, dimension: int, *, cluster_count: int = 20, sigma: float = 0.5, seed: int = 0
) -> np.ndarray:
    """(n, d) around centres that are drawn at random."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(cluster_count, dimension))
    return centres[random.integers(0, cluster_count, row_count)] + sigma * random.normal(
        size=(row_count, dimension)
    )


def brute_force(
    searched: StoredVectors,
    queries: np.ndarray,
    k: int,
    *,
    excluded: np.ndarray | None = None,
    own: np.ndarray | None = None,
    similarity_min: float | None = None,
) -> Nearest:
    """In float64, one query after the other, rounded as similarities are returned."""
    rows, similarities = np.zeros((len(queries), k), int), np.full((len(queries), k), np.nan, np.float32)
    counts = np.zeros(len(queries), int)
    vectors = searched.searched.astype(float)
    directions = unit_vectors(queries) if searched.metric is Metric.COSINE else queries.astype(np.float32)
    for i, query in enumerate(directions.astype(float)):
        l2 = searched.metric is Metric.L2
        found = -np.sqrt(((vectors - query) ** 2).sum(axis=1)) if l2 else (vectors * query).sum(axis=1)
        found = found.astype(np.float32)
        allowed = np.ones(len(vectors), bool)
        allowed[excluded if excluded is not None else []] = False
        if own is not None and own[i] >= 0:
            allowed[own[i]] = False
        if similarity_min is not None:
            allowed &= found >= np.float32(similarity_min)
        order = [row for row in np.lexsort((np.arange(len(vectors)), -found)) if allowed[row]][:k]
        counts[i] = len(order)
        rows[i, : len(order)], similarities[i, : len(order)] = order, found[order]
    return Nearest(rows, similarities, counts)
