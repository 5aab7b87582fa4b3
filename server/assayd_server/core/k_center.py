"""Rows that cover the others: each next one is the row that is farthest from all chosen before it.

The greedy solution of the k-centre problem: the largest distance from any row to its nearest chosen one is at most
twice the smallest that is possible. One vector of distances is kept, so the memory beside the embeddings is O(n).

Source: Sener and Savarese 2018, Active Learning for Convolutional Neural Networks: A Core-Set Approach; Gonzalez
1985, Clustering to Minimize the Maximum Intercluster Distance.
"""

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.blocks import blocks
from assayd_server.core.distances import squared_distances, squares

_TIE = 1e-3
"""Relative; more than rounding can put between the distances of equal rows."""


def k_center(
    embeddings: Floats, count: int, *, first: int | None = None, chosen: Floats | None = None
) -> Integers:
    """Positions of rows that cover the others by Euclidean distance, in the order in which they are chosen.

    Args:
        embeddings: (n, d). A row with NaN or an infinity, or whose squared length overflows, is never selected.
        count: how many, 0 to n.
        first: the position to start from; by default the lowest, or with chosen the farthest row from these.
        chosen: (q, d), rows that are covered already, as those with a label.

    Returns:
        (k,) int64, without repetition; k = count unless fewer rows can be selected. Ties, such as rows that are
        all covered, go to the lower position. Half precision is computed in single.
    """
    rows = embeddings.astype(np.result_type(embeddings.dtype, np.float32), copy=False)
    row_squares = squares(rows)
    selectable = np.isfinite(row_squares)
    nearest = np.where(selectable, np.inf, -np.inf)
    if chosen is not None:
        _cover(nearest, rows, chosen.astype(rows.dtype, copy=False), row_squares=row_squares)
    positions = np.empty(min(count, int(selectable.sum())), np.int64)
    for index in range(len(positions)):
        position = _farthest(nearest, rows)
        if index == 0 and first is not None and selectable[first]:
            position = first
        _cover(nearest, rows, rows[position, None], row_squares=row_squares)
        nearest[position] = -np.inf
        positions[index] = position
    return positions


def _cover(nearest: Floats, rows: Floats, points: Floats, *, row_squares: Floats) -> None:
    """Lower the distances to those from the points; a point that is not finite covers nothing."""
    point_squares = squares(points)
    finite = np.isfinite(point_squares)
    points, point_squares = points[finite], point_squares[finite]
    for some in blocks(len(points), rows.shape[1]):
        for part in blocks(len(rows), len(points[some])):
            distances = squared_distances(
                rows[part], points[some], row_squares=row_squares[part], point_squares=point_squares[some]
            )
            np.fmin(nearest[part], distances.min(axis=0), out=nearest[part])


def _farthest(nearest: Floats, rows: Floats) -> int:
    """The position of the largest distance; of rows that are equal the lowest, whatever rounding did to them."""
    farthest = int(nearest.argmax())
    rivals = np.flatnonzero(nearest[:farthest] >= nearest[farthest] * (1 - _TIE))
    for part in blocks(len(rivals), rows.shape[1]):
        equal = (rows[rivals[part]] == rows[farthest]).all(axis=1)
        if equal.any():
            return int(rivals[part][equal.argmax()])
    return farthest
