"""Two classes from one column: models that score the second class alone, and labels each by itself."""

import numpy as np

from assayd_server.core.arrays import Floats


def two_classes_of_logit(logit: Floats) -> Floats:
    """Class scores whose softmax is the sigmoid of z: 0 and z.

    Args:
        logit: (..., 1).

    Returns:
        (..., 2), the dtype of logit.
    """
    return np.concatenate([np.zeros_like(logit), logit], axis=-1)


def two_classes_of_probability(probability: Floats) -> Floats:
    """The probabilities 1 - p and p.

    Args:
        probability: (..., 1), that of the second class.

    Returns:
        (..., 2), the dtype of probability.
    """
    return np.concatenate([1 - probability, probability], axis=-1)
