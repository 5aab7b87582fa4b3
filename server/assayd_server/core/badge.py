"""Rows that the model would learn much from, each something else: k-means++ on the gradients of the last layer.

An uncertain row has a long gradient, and rows that are alike have gradients close to each other. The first row
is that of the longest gradient, as in the authors' program. Each next one is drawn in proportion to D^2, the
squared distance of its gradient from the nearest of those drawn before.

To draw is a race: the row with the largest D^2 / E wins, where E is an exponential draw that belongs to id, seed
and step. That gives each row its chance, and the order of the rows has no say.

Source: Ash et al. 2020, Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds; Arthur and
Vassilvitskii 2007, k-means++: The Advantages of Careful Seeding.
"""

import numpy as np

from assayd_server.core.arrays import Floats, Hashes, Integers
from assayd_server.core.draws import exponentials
from assayd_server.core.gradients import gradients, squared_distances_from


def badge(probabilities: Floats, embeddings: Floats, count: int, *, seed: int, ids: Hashes) -> Integers:
    """Positions of rows in the order in which they are drawn.

    Args:
        probabilities: (n, c), rows sum to 1.
        embeddings: (n, d), what the last layer took in. A row that has NaN or an infinity, here or there, or whose
            squared length overflows, is never selected.
        count: how many, 0 to n.
        seed: any integer; another one gives another batch.
        ids: (n,) uint64, as of id_hash.

    Returns:
        (k,) int64, without repetition; k = count unless fewer rows can be selected. Ties go to the lower position;
        when all gradients have been drawn, the lowest of the rows that repeat them follow.
    """
    rows = gradients(probabilities, embeddings)
    selectable = np.isfinite(rows.squares)
    nearest = np.where(selectable, np.inf, -1)
    positions = np.empty(min(count, int(selectable.sum())), np.int64)
    for step in range(len(positions)):
        runners = _raced(nearest, ids, seed=seed, step=step) if step else np.where(selectable, rows.squares, -1)
        positions[step] = position = int(runners.argmax())
        np.fmin(nearest, squared_distances_from(position, rows), out=nearest)
        nearest[position] = -1
    return positions


def _raced(nearest: Floats, ids: Hashes, *, seed: int, step: int) -> Floats:
    """D^2 / E: below 0 for what cannot be drawn."""
    with np.errstate(over="ignore"):
        return nearest / exponentials(ids, seed=seed, step=step)
