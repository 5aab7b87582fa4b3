"""Which classes the model has become more or less sure of: a test for each dimension of its probabilities."""

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.drift.holm import holm
from assayd_server.core.drift.kolmogorov import grid_distance, kolmogorov_p_value


def shift_by_class(reference: Integers, window: Integers) -> tuple[Floats, Floats]:
    """Black-box shift detection: Kolmogorov and Smirnov's test for each class's probability, Holm's over classes.

    Args:
        reference: (c, b) int64, for each class how many rows have their probability in each frozen interval, the
            missing left out. Classes of fewer intervals have zeros at the end.
        window: (c, b) int64, over the same intervals.

    Returns:
        The gaps between the distribution functions, (c,) in [0, 1], and p-values adjusted for there being c, (c,).

    Source: Lipton, Wang and Smola 2018; Rabanser, Günnemann and Lipton 2019, Failing Loudly.
    """
    distances = grid_distance(reference, window)
    rows = reference.sum(axis=-1), window.sum(axis=-1)
    return np.asarray(distances), holm(kolmogorov_p_value(distances, *rows))
