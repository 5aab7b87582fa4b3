"""How the false alarms that are put up with are shared out among all that is watched."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from assayd_server.core.arrays import Floats
from assayd_server.core.drift.bins import BinKind, Bins
from assayd_server.core.drift.layout import EMBEDDING, Column, Role
from assayd_server.core.drift.pooling import EXPECTED_ROWS, expected_rows_min
from assayd_server.core.drift.reference import DriftReference
from assayd_server.core.drift.settings import DriftSettings
from assayd_server.core.drift.watch.normal_scores import SCORE_UNITS, normal_scores
from assayd_server.core.drift.watch.run_length import run_limit
from assayd_server.core.drift.watch.settings import WatchSettings
from assayd_server.core.stream.settings import SettingError

ALLOWANCE = 0.25
"""kappa at a delta of 0.1: half of the shift that a sum is to find soonest, which is half a standard deviation.
PSI grows as the square of a shift, so kappa goes by the root of delta: no effect in windows is none here."""

_ALLOWANCE_UNITS = 4, 64
"""Between which it is kept."""

_DRIFT_UNITS_MIN = 4
"""How far sums of healthy rows go down in each row, at least, whatever the mean of a small reference is off by."""

_RUNS_A_DOUBLING = 4
"""Limits are those of a run that is longer than the declared one by up to 19 %."""

_CONFIDENCE = 0.95
_CONFIDENCE_DEVIATIONS = 1.645
"""The mean of all rows lies no further from that of the reference, with this confidence on each side."""

_COMPUTING = Lock()
"""Streams that begin together wait for each other's limits: else each computes all, in turns with the others."""

STRICT_WINDOW_ROWS = 120
"""Four cells of 30 rows, the fewest that tests at a low level of significance can do with."""


@dataclass(frozen=True, slots=True, eq=False)
class WatchedColumn:
    """A column of numbers that has a cumulative sum for each direction."""

    name: str
    bins: Bins

    scores: NDArray[np.int64]
    """(B,): what a row in each bin adds, in units of 1 / SCORE_UNITS standard deviations."""

    allowance: int
    """kappa, which each row takes away, in the same units."""

    limits: tuple[int, int]
    """What the sum upwards and the one downwards must exceed to be an alarm, in the same units."""


@dataclass(frozen=True, slots=True, eq=False)
class WatchPlan:
    """What a stream is held against, and by which limits."""

    reference: DriftReference
    settings: WatchSettings

    names: frozenset[str]
    """Of all columns that are watched, the embedding among them if it is."""

    test_count: int
    """K_w: how many columns decide on a window, the embedding among them."""

    columns: tuple[WatchedColumn, ...]
    """Those with cumulative sums, s of them."""

    judging: DriftSettings
    """How a window is judged; its alpha is the level of one window, all columns together."""

    sum_run_rows: float
    """The run of each cumulative sum that is expected between false alarms."""

    @property
    def allowances(self) -> NDArray[np.int64]:
        """Of all columns with sums: (s, 1), in units."""
        return np.array([column.allowance for column in self.columns], np.int64).reshape(-1, 1)

    @property
    def limits(self) -> NDArray[np.int64]:
        """Of all cumulative sums: (s, 2), upwards and downwards, in units."""
        return np.array([column.limits for column in self.columns], np.int64).reshape(-1, 2)


def plan(reference: DriftReference, settings: WatchSettings) -> WatchPlan:
    """Share out the false alarms that are expected among all statistics, to each as many as to any other.

    With K statistics, those that decide on windows and two sums for each column of numbers, each may have an alarm
    in ERT K rows. That makes a level of W K_w / (ERT K) for windows of W rows, of which K_w columns decide.

    Args:
        reference: what the stream is held against.
        settings: what the caller declares.

    Raises:
        SettingError: the columns are not those of the reference, or windows are too small for their level.
    """
    names = _chosen(reference, settings)
    deciding = [
        (column, counts)
        for column, counts in zip(
            reference.layout.columns, reference.layout.split(reference.state.counts), strict=True
        )
        if column.name in names and column.role is Role.DECIDES
    ]
    numeric = [(column, counts) for column, counts in deciding if column.bins.kind is BinKind.INTERVALS]
    test_count = len(deciding) + (EMBEDDING in names)
    if not test_count:
        raise SettingError("columns", f"is {_listed(settings.columns)}, of which none decides on a window")
    statistic_count = test_count + 2 * len(numeric)
    alpha = settings.window_rows * test_count / (settings.expected_run_rows * statistic_count)
    _check_window(settings, alpha, len(deciding))
    run_rows = float(settings.expected_run_rows * statistic_count)
    return WatchPlan(
        reference=reference,
        settings=settings,
        names=names,
        test_count=test_count,
        columns=tuple(_watched(column, counts, run_rows, settings.delta) for column, counts in numeric),
        judging=DriftSettings(alpha=alpha, psi_min=settings.delta, cramers_v_min=min(settings.delta, 1.0)),
        sum_run_rows=run_rows,
    )


def _chosen(reference: DriftReference, settings: WatchSettings) -> frozenset[str]:
    known = [column.name for column in reference.layout.columns]
    known += [EMBEDDING] if reference.layout.embedding else []
    unknown = [name for name in settings.columns if name not in known]
    if unknown:
        raise SettingError("columns", f"has {unknown[0]!r}, allowed are those of the reference: {_listed(known)}")
    return frozenset(settings.columns or known)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "empty"


def _check_window(settings: WatchSettings, alpha: float, decider_count: int) -> None:
    """Tests at a low level need cells of many rows, and a small window has none."""
    level = alpha / (decider_count + 1)
    rows = settings.window_rows
    if rows >= STRICT_WINDOW_ROWS or expected_rows_min(level, rows) == EXPECTED_ROWS:
        return
    raise SettingError(
        "window_rows",
        f"is {rows}, at least {STRICT_WINDOW_ROWS} are needed where so few false alarms are expected over "
        f"{decider_count + 1} tests: each has a level of {level:.2g} then",
    )


def _watched(column: Column, counts: NDArray[np.int64], run_rows: float, delta: float) -> WatchedColumn:
    wanted = int(np.clip(round(SCORE_UNITS * ALLOWANCE * (delta / 0.1) ** 0.5), *_ALLOWANCE_UNITS))
    with _COMPUTING:
        scores, allowance, limits = _sums(tuple(counts.tolist()), _on_grid(run_rows), wanted)
    return WatchedColumn(column.name, column.bins, np.array(scores), allowance, limits)


def _on_grid(run_rows: float) -> float:
    """The next longer one of few runs, so that callers who each declare another have no limits computed anew."""
    return 2.0 ** (math.ceil(_RUNS_A_DOUBLING * math.log2(run_rows)) / _RUNS_A_DOUBLING)


@lru_cache(maxsize=4096)
def _sums(counts: tuple[int, ...], run_rows: float, wanted: int) -> tuple[tuple[int, ...], int, tuple[int, int]]:
    """The scores of the bins, what a row takes away, and the limits of both sums.

    A limit takes up to a second, and is always the same, so it is kept. It is that of rows whose mean is as far
    beyond the reference's, in its direction, as that of a sample of so many may well be.
    """
    scores, shares = normal_scores(np.array(counts)), _shares(np.array(counts))
    by_chance = math.ceil(_CONFIDENCE_DEVIATIONS * SCORE_UNITS / max(sum(counts[:-1]), 1) ** 0.5)
    allowance = max(wanted, _DRIFT_UNITS_MIN + by_chance + math.ceil(abs(float(scores @ shares))))
    limits = [run_limit(sign * scores - allowance + by_chance, shares, run_rows) for sign in (1, -1)]
    return tuple(scores.tolist()), allowance, (limits[0], limits[1])


def _shares(counts: NDArray[np.int64]) -> Floats:
    """How probable each bin is, where rare ones count as often as they may well be: the reference is a sample too.

    Source: Garwood 1936, Fiducial limits for the Poisson distribution.
    """
    largest = gammaincinv(counts + 1, _CONFIDENCE)
    return np.asarray(largest / largest.sum())
