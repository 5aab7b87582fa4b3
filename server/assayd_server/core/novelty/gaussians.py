"""A Gaussian for each class with one covariance for all, and one for all rows together.

With S the covariance within classes and B that between their means, the rows together have S + B. Both become
diagonal in the same coordinates y, in which S is the identity and S + B is 1 but for the c - 1 coordinates in
which the means differ (linear discriminant analysis). The three distances are sums of three terms, and only what
the terms need is computed:

    nearest = min over classes of |y - mean|^2, in the c - 1 coordinates
    inside  = sum of y^2 / (their variance among all rows), in the c - 1 coordinates
    outside = |y|^2 in all others

    Mahalanobis = nearest + outside;  of all rows together = inside + outside;  relative = nearest - inside
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats
from assayd_server.core.blocks import blocks

OFFSET_MAX = 1e4
"""Times the rounding of float32 is a thousandth of a standard deviation at the worst. The center of a network's
activations is far below; it is subtracted after the projection then, from fewer coordinates."""


@dataclass(frozen=True)
class Gaussians:
    """What is known of c classes in d dimensions, in r = max(1, min(c - 1, d)) coordinates and d - r others."""

    center: Floats
    """(d,) float64, the mean of all rows."""
    projection: Floats
    """(d, d) float32: y = (h - center) projection, the coordinates in which the means differ first."""
    means: Floats
    """(c, r) float32, of the classes in these coordinates."""
    precisions: Floats
    """(r,) float32, in (0, 1]: 1 / the variance of all rows in these coordinates."""
    shrinkage: Floats
    """() float64, in [0, 1], of the covariance within classes, told for information."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, for a file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Gaussians":
        """What arrays() gave.

        Raises:
            KeyError: an array is missing.
        """
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    @cached_property
    def offset(self) -> Floats | None:
        """The projection of the center, (d,) float32; None where it is too long to be subtracted afterwards."""
        if (np.abs(self.center) @ np.abs(self.projection)).max() > OFFSET_MAX:
            return None
        return (self.center @ self.projection).astype(np.float32)

    @cached_property
    def weights(self) -> Floats:
        """(r, 2) float64: of the squares of coordinates, 1 for the distance from a class, and the precisions."""
        return np.column_stack([np.ones(len(self.precisions)), self.precisions])

    @cached_property
    def domain_weights(self) -> Floats:
        """(d,) float64: of the squares of all coordinates, for the distance from all rows together."""
        others = len(self.center) - len(self.precisions)
        return np.concatenate([self.precisions.astype(np.float64), np.ones(others)])

    @cached_property
    def class_squares(self) -> Floats:
        """(c, 1) float64: |mean|^2"""
        return np.square(self.means, dtype=np.float64).sum(axis=1, keepdims=True)

    @cached_property
    def class_slopes(self) -> Floats:
        """(c, r) float64: -2 mean"""
        return -2 * self.means.astype(np.float64)

    def class_terms(self, coordinates: Floats) -> Floats:
        """|y - mean|^2 less |y|^2, of the class in which it is the least.

        Args:
            coordinates: (n, r) float64: classes may lie so far apart that float32 would lose the difference.

        Returns:
            (n,) float64.
        """
        terms = self.class_slopes @ coordinates.T  # with the rows last, along which the least is found fastest
        terms += self.class_squares
        return terms.min(axis=0)

    def project(self, embeddings: Floats, width: int) -> Floats:
        """The first coordinates of rows.

        Args:
            embeddings: (n, d), float32 or float64.
            width: how many coordinates.

        Returns:
            (n, width) float32; not finite for a row that is not.
        """
        projection, offset = self.projection[:, :width], self.offset
        if offset is None:
            centered: Floats = embeddings - self.center.astype(embeddings.dtype)
            return centered.astype(np.float32, copy=False).dot(projection)
        rows: Floats = embeddings.astype(np.float32, copy=False).dot(projection)
        rows -= offset[:width]
        return rows


@dataclass(frozen=True, slots=True)
class Terms:
    """What the distances of n rows are sums of, (n,) float64 each.

    A distance is (n,) float32, and not finite where a term is not, or float32 cannot hold it.
    """

    nearest: Floats
    inside: Floats
    outside: Floats
    """0 where it was not asked for."""

    @property
    def mahalanobis(self) -> Floats:
        """The squared distance from the nearest class."""
        return self._sum(self.nearest, self.outside)

    @property
    def domain(self) -> Floats:
        """The squared distance from all rows together."""
        return self._sum(self.inside, self.outside)

    @property
    def relative_mahalanobis(self) -> Floats:
        """The first less the second, for which nothing outside is needed."""
        return self._sum(self.nearest, -self.inside)

    @staticmethod
    def _sum(one: Floats, other: Floats) -> Floats:
        with np.errstate(over="ignore", invalid="ignore"):
            return (one + other).astype(np.float32)


def distance_terms(gaussians: Gaussians, embeddings: Floats, *, with_outside: bool) -> Terms:
    """What the distances of rows are made of.

    Args:
        gaussians: of d dimensions.
        embeddings: (n, d), float32 or float64.
        with_outside: whether the term is wanted that takes d^2 multiplications a row; the others take d r.

    Returns:
        From 0 but for rounding; NaN or infinite for a row that is not finite, or whose squares are not.
    """
    dimension, width = len(gaussians.center), len(gaussians.precisions)
    row_elements = max(dimension, len(gaussians.means))
    terms = Terms(*np.zeros((3, len(embeddings))))
    with np.errstate(over="ignore", invalid="ignore"):
        for part in blocks(len(embeddings), row_elements):
            rows = gaussians.project(embeddings[part], dimension if with_outside else width)
            within = rows[:, :width].astype(np.float64)
            squares = (within * within) @ gaussians.weights
            terms.nearest[part] = squares[:, 0] + gaussians.class_terms(within)
            terms.inside[part] = squares[:, 1]
            if with_outside:
                terms.outside[part] = np.einsum("nd,nd->n", rows[:, width:], rows[:, width:])
    return terms


def domain_distance(gaussians: Gaussians, embeddings: Floats) -> Floats:
    """Terms.domain alone, for which the classes are not looked at.

    Args:
        gaussians: of d dimensions.
        embeddings: (n, d), float32 or float64.

    Returns:
        (n,) float64.
    """
    weights = gaussians.domain_weights
    distances = np.empty(len(embeddings))
    with np.errstate(over="ignore", invalid="ignore"):
        for part in blocks(len(embeddings), len(weights)):
            rows = gaussians.project(embeddings[part], len(weights)).astype(np.float64)
            rows *= rows
            distances[part] = rows.dot(weights)
    return distances
