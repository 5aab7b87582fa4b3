"""Nearest rows by a full sort in double precision: what searches are compared with."""

from typing import Any

import numpy as np


def similarities(queries: np.ndarray, vectors: np.ndarray, metric: str = "cosine") -> np.ndarray:
    """(n, N) in double precision, by another road than the server's."""
    queries, vectors = queries.astype(np.float64), vectors.astype(np.float64)
    if metric == "l2":
        return -np.linalg.norm(queries[:, None] - vectors[None], axis=2)
    products = queries @ vectors.T
    if metric == "inner_product":
        return products
    return products / np.linalg.norm(queries, axis=1)[:, None] / np.linalg.norm(vectors, axis=1)


def nearest(queries: np.ndarray, vectors: np.ndarray, k: int, **wanted: Any) -> np.ndarray:
    """(n, k) rows by a full sort, ties by row; own: rows that are not their own neighbours."""
    found = similarities(queries, vectors, wanted.get("metric", "cosine"))
    if "own" in wanted:
        found[np.arange(len(queries)), wanted["own"]] = -np.inf
    return np.argsort(-found, axis=1, kind="stable")[:, :k]
