"""Mean and covariance of reduced embeddings, as sums of integers that merge exactly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats
from assayd_server.core.blocks import blocks
from assayd_server.core.drift.reduction import COORDINATE_MAX, COORDINATE_SCALE, with_coordinates

_ROUNDING_VARIANCE = 1 / 24
"""For a row: more than what arithmetic in double precision is off by, and less than what hotelling adds."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over some rows; those of parts add up to those of the whole."""

    rows: int
    """How many there are that have coordinates."""

    sums: NDArray[np.int64]
    """(width,), in units of 1 / COORDINATE_SCALE."""

    products: NDArray[np.int64]
    """(width, width), of each coordinate with each, in squares of that unit: 2^34 at most for a row, so that 2^29
    rows can be added."""


def moments(reduced: Floats) -> Moments:
    """The sums of (n, width) reduced rows, each rounded by itself; one with NaN is left out."""
    width = reduced.shape[1]
    known = reduced[with_coordinates(reduced)]
    sums, products = np.zeros(width, np.int64), np.zeros((width, width), np.int64)
    for place in blocks(len(known), max(width, 1)):
        rows = np.rint(known[place] * COORDINATE_SCALE)
        sums += rows.sum(axis=0).astype(np.int64)
        products += (rows.T @ rows).astype(np.int64)  # whole numbers below 2^53, so exact in any order
    return Moments(len(known), sums, products)


def could_be(moments: Moments) -> bool:
    """Whether any rows have these moments: no sum is too large, and no direction has a negative variance."""
    largest = int(COORDINATE_MAX * COORDINATE_SCALE)
    bounded = _within(moments.sums, moments.rows * largest) and _within(
        moments.products, moments.rows * largest**2
    )
    if not (bounded and (moments.products == moments.products.T).all()):
        return False
    if not (moments.rows and len(moments.sums)):
        return True
    scatter = moments.products - np.outer(moments.sums, moments.sums / moments.rows)
    return bool(np.linalg.eigvalsh(scatter)[0] >= -_ROUNDING_VARIANCE * moments.rows)


def _within(values: NDArray[np.int64], largest: int) -> bool:
    return bool(((values >= -largest) & (values <= largest)).all())
