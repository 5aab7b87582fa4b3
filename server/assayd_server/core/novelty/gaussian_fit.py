"""Means and covariances of classes, from rows that may be few, constant somewhere, or all of one class."""

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.novelty.gaussians import Gaussians
from assayd_server.core.novelty.shrinkage import moments, shrunk_covariance
from assayd_server.core.novelty.usable import usable

RIDGE = 1e-6
"""Added to the variance within classes, in units of the variance of all rows: no class counts as narrower than a
thousandth of the whole, so that single precision can say how far from it a row lies, and none has no width."""
ROUNDING = 5e-7
"""A dimension that varies by no more than this share of its mean is constant: four roundings of float32."""
SMALLEST = 1e-30
"""So is one that varies by less, of which float32 could not hold the inverse."""


def fit_gaussians(embeddings: Floats, classes: Integers) -> Gaussians:
    """Means and covariances of rows, shrunk as far as they have to be.

    The dimensions are first brought to one scale, so that none counts for its unit.

    Args:
        embeddings: (n, d), d >= 1. A row that is not finite, as float32 too, is left out.
        classes: (n,), the label of each row, or the predicted class; any integers. A class without rows is none.

    Raises:
        ValueError: no row is left.

    Source: Lee et al. 2018, A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial
    Attacks; Ren et al. 2021, A Simple Fix to Mahalanobis Distance for Improving Near-OOD Detection.
    """
    chosen = usable(embeddings)
    rows = embeddings[chosen].astype(np.float64)
    if not len(rows):
        raise ValueError("embeddings have no row that is finite")
    center = rows.mean(axis=0)
    rows -= center
    scales, varying = _scales(rows, center)
    rows /= scales
    means, counts = _subtract_means(rows, classes[chosen])
    within, shrinkage = _within(rows, varying)
    whitening = np.linalg.inv(np.linalg.cholesky(within)).T
    spread = np.sqrt(counts / counts.sum())[:, None] * (means @ whitening)
    variances, axes = np.linalg.eigh(spread.T @ spread)
    variances, axes = np.maximum(variances[::-1], 0), axes[:, ::-1]
    width = max(1, min(len(means) - 1, len(within)))
    return Gaussians(
        center=center,
        projection=(whitening @ axes / scales[:, None]).astype(np.float32),
        means=(means @ whitening @ axes[:, :width]).astype(np.float32),
        precisions=(1 / (1 + variances[:width])).astype(np.float32),
        shrinkage=np.array(shrinkage),
    )


def _scales(centered: Floats, center: Floats) -> tuple[Floats, Booleans]:
    """(d,) the standard deviation of each dimension, and whether it is more than rounding.

    Where it is not, the median of the others stands for it, or 1 where there are none.
    """
    deviations = np.sqrt(np.einsum("nd,nd->d", centered, centered) / len(centered))
    varying: Booleans = deviations > np.maximum(ROUNDING * np.abs(center), SMALLEST)
    typical = np.median(deviations[varying]) if varying.any() else 1.0
    return np.where(varying, deviations, typical), varying


def _within(residuals: Floats, varying: Booleans) -> tuple[Floats, float]:
    """(d, d) the covariance within classes, in units of the variance of all rows, and how far it is shrunk.

    A dimension that is constant in n rows has the variance 1/n, as if one more row had differed as usual.
    """
    shrunk, shrinkage = shrunk_covariance(moments(residuals[:, varying]))
    covariance = np.diag(np.where(varying, RIDGE, 1 / len(residuals)))
    covariance[np.ix_(varying, varying)] += shrunk
    return covariance, shrinkage


def _subtract_means(rows: Floats, classes: Integers) -> tuple[Floats, Integers]:
    """The mean of each class, (c, d), by which rows become residuals in place, and (c,) how many rows each has."""
    _, places, counts = np.unique(classes, return_inverse=True, return_counts=True)
    means = np.zeros((len(counts), rows.shape[1]))
    np.add.at(means, places, rows)
    means /= counts[:, None]
    rows -= means[places]
    return means, counts
