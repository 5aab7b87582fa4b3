"""Novelty from class scores or probabilities alone: needs no reference but for its calibration.

Every function gives (n,), the dtype of its rows, larger for stranger rows; NaN for a row with NaN or +inf, or with
nothing but -inf. The most probable class is kept apart from the others, whose sum says exactly how far it is from
certain: 1 - p1 would lose in single precision every row that is more certain than 0.9999999.
"""

from typing import Literal, TypeAlias

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.row_sums import row_sums
from assayd_server.core.softmax import gaps
from assayd_server.core.two_largest import NARROW_COLUMNS_MAX

GEN_POWER = 0.1
GEN_CLASSES_MAX = 100
"""gamma and M, as the paper has them."""
Places: TypeAlias = tuple[Integers, Integers]
"""Rows and columns."""


def max_logit(logits: Floats) -> Floats:
    """-max z.

    Args:
        logits: (n, c).

    Source: Hendrycks et al. 2022, Scaling Out-of-Distribution Detection for Real-World Settings.
    """
    return _finite_or_nan(-_laid_out(logits).max(axis=1))


def energy(logits: Floats, temperature: float = 1.0) -> Floats:
    """-T logsumexp(z / T).

    Args:
        logits: (n, c).
        temperature: T > 0.

    Source: Liu et al. 2020, Energy-based Out-of-distribution Detection.
    """
    rows = _laid_out(logits)
    with np.errstate(all="ignore"):
        exponents = gaps(rows, temperature)
        sums = row_sums(np.exp(exponents, out=exponents))
        return _finite_or_nan(-(rows.max(axis=1) + rows.dtype.type(temperature) * np.log(sums)))


def msp_of_logits(logits: Floats, temperature: float = 1.0) -> Floats:
    """1 - p1, the maximum softmax probability turned round.

    Args:
        logits: (n, c), c >= 2.
        temperature: T > 0.

    Returns:
        In [0, 1 - 1/c].

    Source: Hendrycks and Gimpel 2017, A Baseline for Detecting Misclassified and Out-of-Distribution Examples in
    Neural Networks.
    """
    return _msp(_weights(logits, temperature))


def msp_of_probabilities(probabilities: Floats) -> Floats:
    """1 - p1, as the sum of the others.

    Args:
        probabilities: (n, c), c >= 2, from 0, rows sum to 1.
    """
    return _msp(_laid_out(probabilities, copies=True))


def gen_of_logits(logits: Floats, temperature: float = 1.0) -> Floats:
    """The generalized entropy: the sum of (p (1 - p))^0.1 over the 100 largest probabilities.

    Args:
        logits: (n, c), c >= 2.
        temperature: T > 0.

    Returns:
        From 0, for a row that is certain, to m ((m - 1) / m^2)^0.1, with m = min(c, 100), for one that is spread
        evenly over m classes.

    Source: Liu, Lochman and Zach 2023, GEN: Pushing the Limits of Softmax-Based Out-of-Distribution Detection.
    """
    return _gen(_weights(logits, temperature))


def gen_of_probabilities(probabilities: Floats) -> Floats:
    """The same of probabilities, of which a model may have rounded the smallest to 0.

    Args:
        probabilities: (n, c), c >= 2, from 0, rows sum to 1.
    """
    return _gen(_laid_out(probabilities, copies=True))


def _weights(logits: Floats, temperature: float) -> Floats:
    """exp((z - z1) / T): in proportion to the probabilities, and 1 for the most probable class."""
    with np.errstate(all="ignore"):
        weights = gaps(_laid_out(logits), temperature)
        return np.exp(weights, out=weights)


def _first_apart(weights: Floats) -> tuple[Places, Floats, Floats]:
    """Where the largest weight of each row is, which becomes 0; its value, and the sum of the others."""
    places = np.arange(len(weights)), weights.argmax(axis=1)
    first = weights[places]
    weights[places] = 0
    return places, first, row_sums(weights)


def _msp(weights: Floats) -> Floats:
    _, first, rest = _first_apart(weights)
    return rest / (first + rest)


def _gen(weights: Floats) -> Floats:
    """Of p (1 - p), where 1 - p is the others for the largest p; the rest of p is small enough to be taken from 1.

    The order of p (1 - p) is that of p: the second largest p is no more than 1 less the largest.
    """
    places, first, rest = _first_apart(weights)
    total = first + rest
    weights /= total[:, None]
    products = weights - weights * weights
    products[places] = first / total * (rest / total)
    if products.shape[1] > GEN_CLASSES_MAX:
        products = np.partition(products, -GEN_CLASSES_MAX, axis=1)[:, -GEN_CLASSES_MAX:]
    with np.errstate(divide="ignore", invalid="ignore"):  # ln 0 = -inf, and its exponential is 0 again
        np.log(products, out=products)
    products *= GEN_POWER
    return row_sums(np.exp(products, out=products))  # a third of the time of np.power


def _laid_out(rows: Floats, *, copies: bool = False) -> Floats:
    """Where there are few columns, each in one piece: reductions of short rows are several times as fast then."""
    order: Literal["F", "C"] = "F" if rows.shape[1] <= NARROW_COLUMNS_MAX else "C"
    return np.array(rows, order=order) if copies else np.asarray(rows, order=order)


def _finite_or_nan(values: Floats) -> Floats:
    """The values, which are ours, with NaN for those that are infinite."""
    finite: Booleans = np.isfinite(values)
    values[~finite] = np.nan
    return values
