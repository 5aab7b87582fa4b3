"""The most probable classes of each row."""

import numpy as np

from assayd_server.core.arrays import Floats, Integers


def top_classes(probabilities: Floats, count: int) -> Integers:
    """The most probable classes of each row, most probable first; ties go to the lower class.

    Args:
        probabilities: (n, c), without NaN.
        count: k, from 0 to c.

    Returns:
        (n, k) int64, class positions.
    """
    row_count, class_count = probabilities.shape
    if count == 0:
        return np.empty((row_count, 0), np.int64)
    if count == 1:
        return probabilities.argmax(axis=1)[:, None]
    if 4 * count >= class_count:
        return np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    return _selected(probabilities, count)


def _selected(probabilities: Floats, count: int) -> Integers:
    """For k far below c: find the k-th largest value, then sort only the few classes that reach it."""
    kth = np.partition(probabilities, -count, axis=1)[:, -count, None]
    above, tied = probabilities > kth, probabilities == kth
    room = count - above.sum(axis=1, keepdims=True)
    chosen = above | (tied & (tied.cumsum(axis=1) <= room))
    classes = np.nonzero(chosen)[1].reshape(-1, count)  # k in every row, ascending: so ties stay in order
    values = np.take_along_axis(probabilities, classes, axis=1)
    return np.take_along_axis(classes, np.argsort(-values, axis=1, kind="stable"), axis=1)
