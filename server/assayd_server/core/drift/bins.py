"""The bins of a column: made once from reference values, and frozen, so that counts of any rows add up."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Integers

BIN_COUNT_MAX = 100
CATEGORY_COUNT_MAX = 1000
_MANY_VALUES = 512
"""From here on it is quicker to sort the values than to compare them with each of ten points."""
_FEW_POINTS = 16
"""Up to here it is quicker to compare all values with each point than to look each of them up."""

Values = NDArray[Any]


class BinKind(StrEnum):
    """How the bins of a column are told apart."""

    INTERVALS = "intervals"
    CATEGORIES = "categories"


@dataclass(frozen=True, eq=False)
class Bins:
    """Frozen bins. The last one is always for missing values, that is NaN, or an empty string.

    Intervals: up to and with each point, from above the one before it; then above the last point; then missing.
    Categories: equal to each point; then other; then missing.
    """

    kind: BinKind

    points: Values
    """(k,), ascending and distinct, none of them missing. Float32 or float64, or for categories strings. Numbers
    are cast to this type before they are compared, so that what is equal stays equal."""

    @property
    def count(self) -> int:
        """How many bins there are, k + 2."""
        return len(self.points) + 2

    def assign(self, values: Values) -> Integers:
        """The bin of each value: (n,) to (n,) intp, from 0 to count - 1.

        Raises:
            ValueError: numbers came for a column of strings, or strings for one of numbers.
        """
        return self._assigned(self._cast(values))

    def _assigned(self, known: Values) -> Integers:
        positions = np.searchsorted(self.points, known)
        if self.kind is BinKind.CATEGORIES and len(self.points):
            nearest = np.minimum(positions, len(self.points) - 1)
            positions = np.where(self.points[nearest] == known, nearest, len(self.points))
        return np.where(_missing(known), len(self.points) + 1, positions)

    def counts(self, values: Values) -> NDArray[np.int64]:
        """How many of (n,) values are in each bin: (count,) int64.

        Raises:
            ValueError: as of assign.
        """
        known = self._cast(values)
        if known.dtype.kind == "U" or len(self.points) > _FEW_POINTS:
            return np.bincount(self._assigned(known), minlength=self.count).astype(np.int64)
        count, points = np.count_nonzero, self.points
        valid = int(count(known == known))  # noqa: PLR0124 NaN is unlike itself
        if self.kind is BinKind.CATEGORIES:
            equal = [int(count(known == point)) for point in points]
            return np.array([*equal, valid - sum(equal), len(known) - valid], np.int64)
        if len(known) >= _MANY_VALUES:
            below = np.sort(known).searchsorted(points, "right").tolist()  # NaN is last
        else:
            below = [int(count(known <= point)) for point in points]
        return np.diff([0, *below, valid, len(known)]).astype(np.int64)

    def _cast(self, values: Values) -> Values:
        """Strings as they are, and numbers of the type of the points."""
        if (values.dtype.kind == "U") != (self.points.dtype.kind == "U"):
            raise ValueError(f"values are {values.dtype}, the reference's are {self.points.dtype}")
        if values.dtype.kind == "U":
            return values
        with np.errstate(over="ignore"):
            return values.astype(self.points.dtype, copy=False)

    def labels(self) -> tuple[str, ...]:
        """A name for each bin, all different."""
        return self._labels

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        """Made once: to make them for each report took a seventh of a call of TestDrift."""
        if self.kind is BinKind.INTERVALS:
            return (*_interval_labels(self.points), "missing")
        names = self.points.tolist() if self.points.dtype.kind == "U" else _numbers(self.points)
        return (*(f"={name}" if name in ("other", "missing") else name for name in names), "other", "missing")

    def arrays(self) -> dict[str, Values]:
        """All that there is to it, as arrays that hold no objects."""
        return {"kind": np.array(self.kind.value), "points": self.points}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Values]) -> "Bins":
        """The bins that gave these arrays.

        Raises:
            ValueError: these are not arrays of bins; KeyError where one is not there.
        """
        points = arrays["points"]
        if (
            points.ndim != 1
            or points.dtype.kind not in "fU"
            or _missing(points).any()
            or (points[1:] <= points[:-1]).any()
        ):
            raise ValueError("the points of bins are not one ascending row of values")
        return cls(BinKind(str(arrays["kind"])), points)


def interval_bins(values: Values, bin_count: int = 10) -> Bins:
    """Bins of about equal counts for a column of numbers; a value that fills one alone has a bin of its own.

    So a constant column has three: below, the constant, above. Where no more than bin_count values are distinct,
    each has its own, and so have the gaps between them, in which nothing of the reference lies.

    Args:
        values: (n,) numbers; NaN is missing. None need be known.
        bin_count: from 2 to BIN_COUNT_MAX. There are up to three times as many where values repeat.
    """
    numbers = _comparable(values)
    known = np.sort(numbers[~_missing(numbers)])
    distinct, sizes = np.unique(known, return_counts=True)
    if len(distinct) <= bin_count:
        edges, atoms = distinct[:0], distinct
    else:
        edges = known[-(-len(known) * np.arange(1, bin_count) // bin_count) - 1]
        atoms = distinct[sizes * bin_count >= len(known)]
    return Bins(BinKind.INTERVALS, np.unique(np.concatenate([edges, _directly_below(atoms), atoms])))


def category_bins(values: Values, category_count_max: int = 30, *, declared: Values | None = None) -> Bins:
    """A bin for each of the most frequent categories.

    Args:
        values: (n,) strings, or numbers below 2^53; NaN and the empty string are missing.
        category_count_max: from 1 to CATEGORY_COUNT_MAX; of equally frequent ones the lower comes first.
        declared: categories that get what places are left, in their order, though no value is one of them.
    """
    known = _comparable(values)
    distinct, sizes = np.unique(known[~_missing(known)], return_counts=True)
    chosen = distinct[np.argsort(-sizes, kind="stable")[:category_count_max]]
    if declared is not None:
        others = declared[~np.isin(declared, chosen)]
        chosen = np.concatenate([chosen, others[: category_count_max - len(chosen)].astype(chosen.dtype)])
    return Bins(BinKind.CATEGORIES, np.sort(chosen))


def _comparable(values: Values) -> Values:
    """Strings as they are, and numbers as float32 or float64."""
    return values if values.dtype.kind == "U" or values.dtype == np.float32 else values.astype(np.float64)


def _numbers(points: Values) -> list[str]:
    """The shortest texts of six digits or more that tell the points apart; whole numbers as such."""
    if (np.abs(points) < 1e15).all() and (points == np.trunc(points)).all():
        return [str(int(point)) for point in points]
    texts = ([f"{point:.{digits}g}" for point in points.tolist()] for digits in range(6, 18))
    return next(names for names in texts if len(set(names)) == len(names))


def _missing(values: Values) -> Values:
    if values.dtype.kind == "f":
        return np.isnan(values)
    return values == "" if values.dtype.kind == "U" else np.zeros(values.shape, np.bool_)


def _directly_below(points: Values) -> Values:
    """The largest number below each; minus infinity below the smallest of all."""
    with np.errstate(over="ignore"):
        return np.nextafter(points, points.dtype.type(-np.inf))


def _interval_labels(points: Values) -> list[str]:
    """A point that directly follows another is a bin of one value, and goes by it alone."""
    if not len(points):
        return ["any"]
    below = np.append(_directly_below(points[1:]) == points[:-1], [False])
    value = np.append([False], below[:-1])
    names = np.full(len(points), "", object)
    names[value | ~below] = _numbers(points[value | ~below])
    lower = ["-inf", *names]
    labels = []
    for place, name in enumerate(names):
        upper = f"{names[place + 1]})" if below[place] else f"{name}]"
        labels.append(name if value[place] else f"({lower[place]}, {upper}")
    return [*labels, f"({lower[-1]}, inf)"]
