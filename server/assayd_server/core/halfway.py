"""Points halfway between rows of one class: where a model is less sure of them, it knows the rows by heart.

Of rows that a model has not seen, points between two of the same predicted class lie deeper in the class than the
rows themselves, and it is surer of them. A model that was trained on the rows, and could remember each, is surer
of the rows.
"""

from typing import NamedTuple

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.distances import squared_distances, squares

GAP_MIN = 0.01
DEVIATIONS_MIN = 5.0
PAIRS_MIN = 100


class Gap(NamedTuple):
    """By how much a model is surer of rows than of what lies between them, in probability."""

    mean: float
    deviations: float
    """The mean in units of its own standard deviation."""
    pair_count: int

    @property
    def is_memory(self) -> bool:
        """Whether it is more than chance, and enough to matter."""
        enough = self.pair_count >= PAIRS_MIN and self.mean >= GAP_MIN
        return enough and self.deviations >= DEVIATIONS_MIN


def nearest_alike(rows: Floats, classes: Integers) -> Integers:
    """The nearest other row of the same class, by distance in standard deviations of each column.

    Args:
        rows: (n, d) float, finite. Memory and time grow with the square of the rows of a class.
        classes: (n,).

    Returns:
        (n,) int64; -1 for a row that is alone in its class.
    """
    scaled, nearest = rows / np.where(np.ptp(rows, axis=0) > 0, rows.std(axis=0), 1), np.full(len(rows), -1)
    for each in np.unique(classes):
        places = np.flatnonzero(classes == each)
        if len(places) < 2:
            continue
        own = squares(scaled[places])
        distances = squared_distances(scaled[places], scaled[places], row_squares=own, point_squares=own)
        np.fill_diagonal(distances, np.inf)
        nearest[places] = places[distances.argmin(axis=1)]
    return nearest


def gap(of_rows: Floats, between: Floats) -> Gap:
    """How much surer a model is of rows than of the points between them.

    Args:
        of_rows: (n,) the probability of the predicted class of each row.
        between: (n,) the probability of the same class at the point halfway to its neighbour.
    """
    differences = (of_rows - between)[np.isfinite(of_rows - between)]
    if len(differences) < 2:
        return Gap(0.0, 0.0, len(differences))
    mean, error = float(differences.mean()), float(differences.std() / len(differences) ** 0.5)
    return Gap(mean, mean / max(error, 1e-12), len(differences))
