"""How unsure a multi-label model is of each row: of its labels' own uncertainties, the largest or the mean.

A label by itself is a question with two answers, whose least confidence and margin are the same: 1 - |2p - 1|.
Every function takes (n, c) probabilities, one for each label, and returns (n,) in [0, 1]; NaN gives NaN.
"""

from collections.abc import Callable

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.uncertainty import Measure


def multilabel_max(probabilities: Floats) -> Floats:
    """The largest 1 - |2p - 1|: finds rows of which any one label is in doubt.

    Args:
        probabilities: (n, c), each in [0, 1], c >= 1.

    Returns:
        (n,), in [0, 1]; 1 where a label has the probability 1/2.
    """
    return 1 - np.abs(2 * probabilities - 1).min(axis=1)


def multilabel_mean(probabilities: Floats) -> Floats:
    """The mean 1 - |2p - 1|: finds rows of which many labels are in doubt.

    Args:
        probabilities: (n, c), each in [0, 1], c >= 1.

    Returns:
        (n,), in [0, 1]; 1 where every label has the probability 1/2.
    """
    return np.clip(1 - np.abs(2 * probabilities - 1).mean(axis=1), 0, 1)


LABEL_FORMULAS: dict[Measure, Callable[[Floats], Floats]] = {
    Measure.MULTILABEL_MAX: multilabel_max,
    Measure.MULTILABEL_MEAN: multilabel_mean,
}
