"""From a score to a p-value: how rare one as high is among rows like those that the reference is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats, Integers

TIE_TOLERANCE = 1e-5
"""Relative: scores that differ by less count as equal, because equal rows may differ by as much from one batch to
another. Where many rows are equal, as sensors' zeros are, a rounding would else make all of them novel."""
_MANY = 64
"""From so many scores on it is quicker to look them up in their order."""
CLASS_ROWS_MIN = 100
"""A class with fewer rows has no p-values of its own: they would hardly tell 1 in 20 from 1 in 10."""


@dataclass(frozen=True)
class Calibration:
    """Scores of n rows that the model has not been trained on, and that nothing else has been fitted to."""

    scores: Floats
    """(n,) float32, ascending, finite, n >= 1."""
    classes: Integers
    """(n,) int32, the predicted class of each, from 0."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, for a file."""
        return {"scores": self.scores, "classes": self.classes}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Calibration":
        """What arrays() gave.

        Raises:
            KeyError: an array is missing.
        """
        return cls(arrays["scores"], arrays["classes"])

    @property
    def p_value_min(self) -> float:
        """1 / (n + 1): no row can be told to be rarer."""
        return 1 / (len(self.scores) + 1)

    @cached_property
    def _raised(self) -> Floats:
        """(n + 1,) the scores with their tolerance, so that one that may be equal to a row's counts as at least as
        high, and an infinity, which only NaN comes after."""
        with np.errstate(over="ignore"):
            raised = self.scores + np.float32(TIE_TOLERANCE) * np.abs(self.scores)
        return np.append(raised, np.float32(np.inf))

    @cached_property
    def _class_keys(self) -> Integers:
        """(n,) ascending: class (n + 1) + how many scores are lower, so that one search finds both."""
        return np.sort(self.classes.astype(np.int64) * (len(self.scores) + 1) + self._ranks(self._raised[:-1]))

    def _ranks(self, scores: Floats) -> Integers:
        """How many scores of the calibration are lower than each: (q,) to (q,), n + 1 for NaN."""
        return self._looked_up(np.arange(len(self.scores) + 2), scores)

    def _looked_up(self, table: NDArray[Any], scores: Floats) -> NDArray[Any]:
        """(q,): the entry of a table of n + 2 by how many scores of the calibration are lower than each; the last
        one for NaN."""
        if len(scores) < _MANY:
            return table.take(self._raised.searchsorted(scores))
        order = scores.argsort()
        found = np.empty(len(scores), table.dtype)
        found[order] = table.take(self._raised.searchsorted(scores.take(order)))
        return found

    def p_values(self, scores: Floats) -> Floats:
        """(1 + #{calibration >= s}) / (n + 1), so that P(p <= a) <= a for a row like those of the calibration.

        Args:
            scores: (q,) float32.

        Returns:
            (q,) float64, in [1 / (n + 1), 1]; NaN for NaN.

        Source: Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World; Bates et al. 2023, Testing
        for Outliers with Conformal p-values.
        """
        return self._looked_up(self._p_values, scores)

    @cached_property
    def _p_values(self) -> Floats:
        """(n + 2,), of a score that is higher than none, one, two and so on of the calibration, and of NaN."""
        count = len(self.scores) + 1
        return np.append(np.arange(count, 0, -1) / count, np.nan)

    @cached_property
    def _surprises(self) -> Floats:
        """(n + 2,) -ln p, by the same."""
        return -np.log(self._p_values)

    def surprises(self, scores: Floats) -> Floats:
        """-ln p, with p as in p_values: (q,) float32 to (q,) float64, from 0; NaN for NaN."""
        return self._looked_up(self._surprises, scores)

    def class_p_values(self, scores: Floats, classes: Integers, *, class_rows_min: int = CLASS_ROWS_MIN) -> Floats:
        """The same among the rows of the same predicted class: the rate then holds for each class by itself.

        Args:
            scores: (q,) float32.
            classes: (q,), the predicted class of each row, from 0.
            class_rows_min: a class with fewer rows in the calibration has the p-values of all rows instead, for
                which the rate holds on average over the classes only.

        Returns:
            (q,) float64, in (0, 1]; NaN for NaN.

        Source: Vovk 2013, Conditional Validity of Inductive Conformal Predictors.
        """
        keys, step = self._class_keys, len(self.scores) + 1
        starts = classes.astype(np.int64) * step
        first, last = keys.searchsorted(starts), keys.searchsorted(starts + step)
        higher = last - keys.searchsorted(starts + self._ranks(scores))
        of_class = (1 + higher) / (1 + last - first)
        of_all = self.p_values(scores)
        p_values: Floats = np.where((last - first >= class_rows_min) & ~np.isnan(of_all), of_class, of_all)
        return p_values


def calibrated(scores: Floats, classes: Integers) -> Calibration:
    """The calibration that consists of these scores.

    Args:
        scores: (n,) float32; NaN are left out.
        classes: (n,), the predicted class of each row, from 0.

    Raises:
        ValueError: no score is left.
    """
    order = np.argsort(scores, kind="stable")[: len(scores) - int(np.isnan(scores).sum())]
    if not order.size:
        raise ValueError("scores are all NaN: there is nothing to calibrate with")
    return Calibration(scores[order].astype(np.float32), classes[order].astype(np.int32))
