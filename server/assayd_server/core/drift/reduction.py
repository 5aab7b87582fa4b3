"""Embeddings in few numbers of comparable size: whitened principal components, and how far off them a row lies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Booleans, Floats
from assayd_server.core.blocks import blocks
from assayd_server.core.validity import finite

COORDINATE_MAX = 32.0
"""In standard deviations. What lies further out counts as lying there, so that no row outweighs a window."""

COORDINATE_SCALE = 1 << 12
"""A coordinate of 1, in the units that coordinates are rounded to. The last digits of a row's coordinates depend
on how many rows are multiplied at once: unrounded, rows that are all alike would lie now in the bin of their
value, and now in the one beside it."""

_ROUNDING = 1e-6
"""Of the largest value: a smaller deviation comes from the arithmetic of single precision."""
_RANK = 1e-10
"""Components with a smaller share of the largest one's variance are none."""
_RESIDUAL_SHARE = 1e-3
"""The least unit of the residual, of the whole deviation."""
_FAR = 1e6
"""No value is taken for further from the mean, in units of the largest, so that no square overflows."""


@dataclass(frozen=True, eq=False)
class Reduction:
    """A frozen map from embeddings to coordinates with mean 0 and variance 1 in the reference."""

    unit: float
    """What embeddings are divided by first: their largest value."""

    mean: Floats
    """(d,) float64, in units."""

    directions: Floats
    """(d, r) float64: principal components of length 1, those of the largest variance first."""

    deviations: Floats
    """(r,) float64: their standard deviations, in units."""

    residual: Floats
    """(2,) float64: mean and deviation of the distance from the plane of the components, in units: it sees what
    happens where the reference has no spread. Empty, (0,), where the components span all dimensions."""

    @property
    def component_count(self) -> int:
        """How many of the coordinates are principal components: the first r."""
        return len(self.deviations)

    @property
    def width(self) -> int:
        """How many coordinates there are: r, and one for the residual where there is one."""
        return self.component_count + len(self.residual) // 2

    def reduce(self, embeddings: Floats) -> Floats:
        """The coordinates of each row, from -COORDINATE_MAX to COORDINATE_MAX, in steps of 1 / COORDINATE_SCALE.

        Args:
            embeddings: (n, d).

        Returns:
            (n, width) float64; NaN throughout for a row with NaN or an infinity.
        """
        reduced = np.empty((len(embeddings), self.width))
        reduced[:, : self.component_count] = self.components(embeddings, self.component_count)
        if len(self.residual):
            for place, rows in _centred(embeddings, self.unit, self.mean):
                reduced[place, -1] = (_distances(rows, rows @ self.directions) - self.residual[0]) / self.residual[
                    1
                ]
            reduced[~finite(embeddings), -1] = np.nan
            reduced[:, -1] = _rounded(reduced[:, -1])
        return reduced

    def components(self, embeddings: Floats, count: int) -> Floats:
        """The first coordinates alone, at a fraction of the cost of all.

        Args:
            embeddings: (n, d).
            count: how many of the principal components.

        Returns:
            (n, count) float64, each coordinate in one piece; NaN throughout for a row with NaN or an infinity.
        """
        projection, offset = self.projection
        components = np.empty((count, len(embeddings)))
        with np.errstate(over="ignore", invalid="ignore"):
            for place in blocks(len(embeddings), max(embeddings.shape[1], 1)):
                rows = embeddings[place].astype(np.float64, copy=False)
                if embeddings.dtype == np.float64:  # else no product overflows
                    rows = np.clip(rows, -_FAR * self.unit, _FAR * self.unit)
                components[:, place] = (rows @ projection[:, :count]).T
        components -= offset[:count, None]
        if embeddings.dtype == np.float64:  # those of rows that were clipped are finite
            components[:, ~finite(embeddings)] = np.nan
        return self.of_projected(components.T)

    @staticmethod
    def of_projected(projected: Floats) -> Floats:
        """Coordinates of what rows in single precision were projected to: a row that is not finite shows it there.

        Args:
            projected: (n, k) float64: rows times the projection, less the offset; is changed.

        Returns:
            As of components.
        """
        if not np.isfinite(projected).all():
            projected[~finite(projected)] = np.nan
        return _rounded(projected)

    @cached_property
    def projection(self) -> tuple[Floats, Floats]:
        """(d, r) and (r,): coordinates are embeddings times the first, less the second."""
        projection = self.directions / self.deviations
        return projection / self.unit, self.mean @ projection

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that there is to it, as arrays that hold no objects."""
        return {
            "unit": np.array(self.unit), "mean": self.mean, "directions": self.directions,
            "deviations": self.deviations, "residual": self.residual,
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Reduction":
        """The reduction that gave these arrays.

        Raises:
            ValueError: their shapes do not fit each other; KeyError where one is not there.
        """
        mean, directions, deviations, residual = (
            arrays[name] for name in ("mean", "directions", "deviations", "residual")
        )
        fitting = directions.shape == (*mean.shape, *deviations.shape) and residual.shape in ((0,), (2,))
        if not (fitting and mean.ndim == deviations.ndim == 1):
            raise ValueError("the arrays of a reduction do not fit each other")
        return cls(float(arrays["unit"]), mean, directions, deviations, residual)


def _rounded(coordinates: Floats) -> Floats:
    """In place: between the extremes, and to whole units."""
    np.clip(coordinates, -COORDINATE_MAX, COORDINATE_MAX, out=coordinates)
    coordinates *= COORDINATE_SCALE
    np.rint(coordinates, out=coordinates)
    coordinates /= COORDINATE_SCALE
    return coordinates


def with_coordinates(reduced: Floats) -> Booleans:
    """Which rows of (n, width) have coordinates, and not NaN: (n,)."""
    return np.logical_not(np.logical_or.reduce(np.isnan(reduced), axis=1))


def fit_reduction(embeddings: Floats, component_count: int = 16) -> Reduction:
    """The reduction that a reference freezes.

    Args:
        embeddings: (n, d). Rows with NaN or an infinity are left out.
        component_count: the most components that are kept, at least 1; there are fewer where the rows span fewer
            dimensions, and none where they are all the same.

    Raises:
        ValueError: no row is finite.
    """
    rows = embeddings[finite(embeddings)]
    if not len(rows):
        raise ValueError("the embedding has no row without NaN or an infinity")
    unit = float(np.abs(rows).max(initial=0)) or 1.0
    mean = sum(part.sum(axis=0) for _, part in _centred(rows, unit, np.zeros(rows.shape[1]))) / len(rows)
    variances, directions = _components(rows, unit, mean)
    kept = int((variances > max(_RANK * variances.max(initial=0), _ROUNDING**2)).sum())
    kept = min(kept, component_count)
    deviation_min = max(_RESIDUAL_SHARE * np.sqrt(variances.sum()), 10 * _ROUNDING)
    directions = directions[:, :kept]
    residual = _residual_law(rows, unit, mean, directions, deviation_min) if kept < len(mean) else np.empty(0)
    return Reduction(unit, mean, directions, np.sqrt(variances[:kept]), residual)


def _components(rows: Floats, unit: float, mean: Floats) -> tuple[Floats, Floats]:
    """Variances, largest first, and directions, each with its largest element positive: there are two signs."""
    covariance = np.zeros((len(mean), len(mean)))
    for _, part in _centred(rows, unit, mean):
        covariance += part.T @ part
    variances, directions = np.linalg.eigh(covariance / len(rows))
    largest = directions[np.abs(directions).argmax(axis=0), np.arange(len(mean))]
    return np.maximum(variances[::-1], 0), (directions * np.sign(largest))[:, ::-1]


def _residual_law(rows: Floats, unit: float, mean: Floats, directions: Floats, deviation_min: float) -> Floats:
    distances = np.empty(len(rows))
    for place, part in _centred(rows, unit, mean):
        distances[place] = _distances(part, part @ directions)
    return np.array([distances.mean(), max(distances.std(), deviation_min)])


def _distances(rows: Floats, scores: Floats) -> Floats:
    """From the plane of the components, by Pythagoras."""
    squares = np.einsum("ij,ij->i", rows, rows) - np.einsum("ij,ij->i", scores, scores)
    return np.sqrt(np.maximum(squares, 0))


def _centred(embeddings: Floats, unit: float, mean: Floats) -> Iterator[tuple[slice, Floats]]:
    """Some rows after others, in double precision and in units, less the mean, and where they are; 0 for NaN."""
    for place in blocks(len(embeddings), max(embeddings.shape[1], 1)):
        with np.errstate(over="ignore"):
            rows = embeddings[place].astype(np.float64) / unit
        rows = np.nan_to_num(np.clip(rows, -_FAR, _FAR, out=rows), copy=False)
        yield place, rows - mean
