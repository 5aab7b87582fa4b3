"""Labels as answers to questions, so that one formula serves rows of one class and rows of any number of labels.

Rows of one class answer one question with c answers; rows of c labels answer c questions with two answers each,
absent and present. Probabilities are (n, q, k) for n rows, q questions and k answers, labels (n, q): the position
of the answer that was given, or UNKNOWN.
"""

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.binary import two_classes_of_probability

UNKNOWN = -1
"""In place of a label that nobody has given or verified: it is left out of everything, and counts as no answer."""


def of_classes(probabilities: Floats) -> Floats:
    """Of rows that belong to one of c classes: (n, c) to (n, 1, c), a view."""
    return probabilities[:, None, :]


def of_labels(probabilities: Floats) -> Floats:
    """Of rows that have any of c labels, each by itself: (n, c), in [0, 1], to (n, c, 2), absent and present."""
    return two_classes_of_probability(probabilities[..., None])


def truth_of_classes(labels: Integers, class_count: int) -> Integers:
    """Each class against the rest.

    Args:
        labels: (n,), positions of classes, or UNKNOWN.
        class_count: c.

    Returns:
        (n, c) int8: 1 at the class of the row, 0 at the others, UNKNOWN throughout a row without a label.
    """
    truth = (labels[:, None] == np.arange(class_count)).astype(np.int8)
    truth[labels == UNKNOWN] = UNKNOWN
    return truth
