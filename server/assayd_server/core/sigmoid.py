"""From scores of labels to a probability for each label by itself."""

import numpy as np
from scipy.special import expit, logit

from assayd_server.core.arrays import Floats


def sigmoid(logits: Floats, temperature: float = 1.0) -> Floats:
    """1 / (1 + exp(-z / T)), value by value.

    Args:
        logits: (n, c), float; -inf stands for an impossible label. NaN stays NaN.
        temperature: T > 0; above 1 draws every probability towards 1/2.

    Returns:
        (n, c), the dtype of logits, in [0, 1].
    """
    with np.errstate(over="ignore"):  # beyond the largest float lies an infinity, whose sigmoid is 0 or 1
        return expit(logits / logits.dtype.type(temperature))


def tempered_each(probabilities: Floats, temperature: float) -> Floats:
    """The probabilities that a sigmoid would have given at another temperature: its logit, divided by T.

    Args:
        probabilities: (n, c), float, each in [0, 1].
        temperature: T > 0, relative to the temperature that gave the probabilities.

    Returns:
        (n, c), the dtype of probabilities. T = 1 returns the argument itself.
    """
    return probabilities if temperature == 1.0 else sigmoid(logit(probabilities), temperature)
