"""Uncertain rows from all clusters: in rounds, each of which takes one row of every cluster, the smallest first.

Rare kinds of rows make small clusters, so they are taken before the large ones fill the batch.

Source: Citovsky et al. 2021, Batch Active Learning at Scale (Cluster-Margin); there a row of a cluster is drawn by
chance, here the most uncertain one is taken.
"""

import numpy as np

from assayd_server.core.arrays import Floats, Integers


def cluster_margin(uncertainty: Floats, clusters: Integers, count: int) -> Integers:
    """Positions of rows in the order in which they are taken.

    Args:
        uncertainty: (n,), of the candidates: in the paper the 10 b rows of the lowest margin. NaN is never taken.
        clusters: (n,), any integers; a cluster's size is the number of candidates it has.
        count: b, 0 to n.

    Returns:
        (k,) int64, without repetition; k = count unless fewer rows can be taken. Within a cluster the more
        uncertain row is first, among clusters of one size too; ties go to the lower position.
    """
    candidates = np.flatnonzero(~np.isnan(uncertainty))
    candidates = candidates[np.argsort(-uncertainty[candidates], kind="stable")]
    _, cluster_of, sizes = np.unique(clusters[candidates], return_inverse=True, return_counts=True)
    size_of = sizes[cluster_of]
    order = np.lexsort((size_of, _ranks(cluster_of, sizes)))
    return candidates[order[:count]]


def _ranks(cluster_of: Integers, sizes: Integers) -> Integers:
    """How many rows of its cluster come before each row: (n,)."""
    grouped = np.argsort(cluster_of, kind="stable")
    starts = np.cumsum(sizes) - sizes
    ranks = np.empty_like(grouped)
    ranks[grouped] = np.arange(len(grouped)) - starts[cluster_of[grouped]]
    return ranks
