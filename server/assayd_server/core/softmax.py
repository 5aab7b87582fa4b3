"""From class scores to class probabilities."""

import numpy as np

from assayd_server.core.arrays import Floats

TEMPERATURE_MIN, TEMPERATURE_MAX = 0.001, 1000.0
"""Beyond these every row is one-hot or uniform, whatever its scores."""


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities proportional to exp(z / T), row by row.

    The row's largest score is taken off first, so no score overflows however large it is.

    Args:
        logits: (n, c), c >= 1, float; -inf stands for an impossible class. A row with NaN, +inf or
            nothing but -inf gives NaN.
        temperature: T > 0; above 1 flattens, below 1 sharpens.

    Returns:
        (n, c), the dtype of logits, in [0, 1], rows sum to 1.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks (for T).
    """
    exponents = gaps(logits, temperature)
    np.exp(exponents, out=exponents)
    exponents /= exponents.sum(axis=1, keepdims=True)
    return exponents


def gaps(logits: Floats, temperature: float) -> Floats:
    """(z - z1) / T: how far each class is behind the best of its row.

    Args:
        logits: (n, c), as for softmax.
        temperature: T > 0.

    Returns:
        (n, c), the dtype and layout of logits, at most 0; a new array.
    """
    # inf - inf leaves an invalid row NaN; a gap beyond the largest float is -inf, and its exponential 0
    with np.errstate(invalid="ignore", over="ignore"):
        behind = logits - logits.max(axis=1, keepdims=True)
        if temperature != 1.0:
            behind /= behind.dtype.type(temperature)
    return behind


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """The probabilities that a softmax would have given at another temperature: p^(1/T), normalised.

    Exact, because ln p equals the logits up to a constant in each row.

    Args:
        probabilities: (n, c), float, rows sum to 1.
        temperature: T > 0, relative to the temperature that gave the probabilities.

    Returns:
        (n, c), the dtype of probabilities. T = 1 returns the argument itself.
    """
    if temperature == 1.0:
        return probabilities
    with np.errstate(divide="ignore"):  # ln 0 = -inf: an impossible class stays impossible
        return softmax(np.log(probabilities), temperature)
