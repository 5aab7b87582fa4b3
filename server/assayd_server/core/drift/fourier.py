"""Drift of the embedding: the maximum mean discrepancy, by random Fourier features whose sums are integers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assayd_server.core.arrays import Floats
from assayd_server.core.blocks import blocks
from assayd_server.core.draws import uniforms
from assayd_server.core.drift.quadratic_form import quadratic_form_p_value
from assayd_server.core.drift.reduction import with_coordinates

FEATURE_SCALE = 1 << 20
"""A feature of 1, as an integer; 2^63 / 2^20 rows can be added."""

FREQUENCY_COUNT_MAX = 1024
"""The null takes the eigenvalues of a matrix of twice this width: 34 MB, and some seconds."""

_BANDWIDTH_ROWS = 500
_NULL_ROWS = 20_000
"""So many rows of the reference, evenly spaced, tell how sums of features vary by chance."""


@dataclass(frozen=True, slots=True, eq=False)
class FourierFeatures:
    """psi(x) = (cos w_1.x, ..., cos w_D.x, sin w_1.x, ..., sin w_D.x) / sqrt(D), so that psi(x).psi(y) is about
    exp(-|x - y|^2 / (2 s^2)), the Gaussian kernel of bandwidth s.

    A row with NaN has no features, and adds nothing to a sum: rows that are missing move the mean as well.

    Source: Rahimi and Recht 2007, Random Features for Large-Scale Kernel Machines.
    """

    frequencies: Floats
    """(width, D) float32."""

    null: Floats
    """(2D,) float64: the eigenvalues of the covariance of psi in the reference, from which the law of the
    discrepancy follows where the window is like the reference."""

    @property
    def count(self) -> int:
        """2D, how many features there are."""
        return 2 * self.frequencies.shape[1]

    def sums(self, reduced: Floats) -> NDArray[np.int64]:
        """The sum of the features of all rows: (n, width) to (2D,) int64, in units of 1 / (FEATURE_SCALE sqrt(D)).

        Each row is rounded by itself, with no product of matrices: sums of parts add up to that of the whole.
        """
        total = np.zeros(self.count, np.int64)
        for place in blocks(len(reduced), self.count):
            total += _features(reduced[place], self.frequencies).sum(axis=0, dtype=np.int64)
        return total

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that there is to it, as arrays that hold no objects."""
        return {"frequencies": self.frequencies, "null": self.null}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "FourierFeatures":
        """The features that gave these arrays.

        Raises:
            ValueError: their shapes do not fit each other; KeyError where one is not there.
        """
        frequencies, null = arrays["frequencies"], arrays["null"]
        if frequencies.ndim != 2 or null.shape != (2 * frequencies.shape[1],):
            raise ValueError("the arrays of Fourier features do not fit each other")
        return cls(frequencies, null)


def fit_fourier_features(reduced: Floats, *, frequency_count: int = 128, seed: int = 0) -> FourierFeatures:
    """The features that a reference freezes.

    Args:
        reduced: (n, width), rows of the reference; n at least 1, NaN for those without an embedding.
        frequency_count: D, from 1 to FREQUENCY_COUNT_MAX.
        seed: of the frequencies, any integer.
    """
    width = reduced.shape[1]
    normals = ndtri(uniforms(np.arange(width * frequency_count, dtype=np.uint64), seed=seed))
    frequencies = (normals.reshape(width, frequency_count) / _bandwidth(reduced)).astype(np.float32)
    return FourierFeatures(frequencies, _null(reduced, frequencies))


@dataclass(frozen=True, slots=True, eq=False)
class FeatureSums:
    """The features of some rows."""

    rows: int
    """How many, with those that have no features."""

    sums: NDArray[np.int64]
    """(2D,), as FourierFeatures.sums gives them."""


def mmd_squared(reference: FeatureSums, window: FeatureSums) -> float:
    """|mean psi of the one - mean psi of the other|^2: the squared maximum mean discrepancy.

    Args:
        reference: of 1 row or more.
        window: of 1 row or more, by the same features.

    Returns:
        In [0, 4], 0 for the same rows. By chance alone it is about (1 / n + 1 / m) times the sum of the null.

    Source: Gretton et al. 2012, A Kernel Two-Sample Test.
    """
    gap = (reference.sums / reference.rows - window.sums / window.rows) / FEATURE_SCALE
    return float(gap @ gap) / (len(gap) / 2)


def mmd_p_value(features: FourierFeatures, reference: FeatureSums, window: FeatureSums) -> float:
    """How probable so large a discrepancy is where both are samples of the same rows: in [0, 1].

    The means are normal for windows of some fifty rows and more, as the features are bounded; so their squared
    distance over 1 / n + 1 / m is a sum of chi-squared variables, whose weights are the null. Unlike resampling,
    this has no smallest p-value.
    """
    rows = reference.rows * window.rows / (reference.rows + window.rows)
    return quadratic_form_p_value(features.null, mmd_squared(reference, window) * rows)


def _features(reduced: Floats, frequencies: Floats) -> NDArray[np.int32]:
    """(n, width) to (n, 2D) integers; coordinates add up in their order, so that no row depends on another."""
    known = with_coordinates(reduced)
    rows = np.where(known[:, None], reduced, 0).astype(np.float32, order="C")
    phases = np.einsum("nw,wd->nd", rows, frequencies)  # rows @ frequencies adds up as suits the count of rows
    features = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
    features *= np.where(known, np.float32(FEATURE_SCALE), np.float32(0))[:, None]
    return np.rint(features, out=features).astype(np.int32)


def _bandwidth(reduced: Floats) -> float:
    """The median distance between rows, from some that are evenly spaced; 1 where they are all the same."""
    known = _evenly_spaced(reduced[with_coordinates(reduced)], _BANDWIDTH_ROWS)
    squares = (known**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * known @ known.T
    pairs = distances[np.triu_indices(len(known), 1)]
    return float(np.sqrt(max(np.median(pairs), 0))) or 1.0 if len(pairs) else 1.0


def _null(reduced: Floats, frequencies: Floats) -> Floats:
    """Eigenvalues of the covariance of psi, largest first."""
    rows, count = _evenly_spaced(reduced, _NULL_ROWS), frequencies.shape[1]
    total, products = np.zeros(2 * count), np.zeros((2 * count, 2 * count))
    for place in blocks(len(rows), 2 * count):
        features = _features(rows[place], frequencies) / FEATURE_SCALE
        total += features.sum(axis=0)
        products += features.T @ features
    mean = total / len(rows)
    covariance = products / len(rows) - np.outer(mean, mean)
    return np.maximum(np.linalg.eigvalsh(covariance)[::-1], 0) / count


def _evenly_spaced(rows: Floats, count_max: int) -> Floats:
    return rows[:: -(-len(rows) // count_max)] if len(rows) > count_max else rows
