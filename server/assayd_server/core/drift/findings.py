"""What the tests of one column say: an effect and the evidence for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from assayd_server.core.arrays import Integers
from assayd_server.core.drift.bins import BinKind
from assayd_server.core.drift.chi_squared import chi_squared, chi_squared_p_value, cramers_v
from assayd_server.core.drift.kolmogorov import grid_distance, kolmogorov_p_value
from assayd_server.core.drift.pooling import Cells, pool
from assayd_server.core.drift.psi import psi, psi_p_value, psi_statistic
from assayd_server.core.drift.rare import rare_p_value, weighted

P_VALUE_MIN = 1e-300
"""What is less probable is said to be as probable as this, so that logarithms of p-values are finite."""


class DriftTest(StrEnum):
    """A test, by the name that callers see."""

    PSI = "psi"
    CHI_SQUARED = "chi_squared"
    MMD = "mmd"
    KOLMOGOROV_SMIRNOV = "kolmogorov_smirnov"
    HOTELLING = "hotelling"


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one test."""

    test: DriftTest

    effect: float
    """How large the difference is, whatever the number of rows: PSI, Cramér's V, the squared discrepancy, the
    largest gap between distribution functions, or the Mahalanobis distance between means. At least 0, finite."""

    statistic: float
    """What the evidence comes from: at least 0, finite."""

    p_value: float
    """How probable such a difference is where there is none: from P_VALUE_MIN to 1."""


def finding(test: DriftTest, *, effect: float, statistic: float, p_value: float) -> Finding:
    """An outcome whose p-value is not smaller than can be said."""
    return Finding(test, effect, statistic, min(max(p_value, P_VALUE_MIN), 1.0))


def deciding(kind: BinKind, reference: Integers, window: Integers, rows_min: float) -> Finding:
    """The test that decides on a column: PSI for intervals, chi-squared for categories.

    Rows in bins too rare for either law are tested by themselves, and are a cell of their own in the effect.

    Args:
        kind: of the column's bins.
        reference: (B,) int64.
        window: (B,) int64, of one row or more.
        rows_min: how many rows a cell must be expected to hold.
    """
    cells = pool(kind, reference, window, rows_min=rows_min)
    if kind is BinKind.INTERVALS:
        effect, statistic = psi(*cells.with_rare()), psi_statistic(cells.reference, cells.window)
        p_value = _with_rare(cells, psi_p_value(statistic, len(cells.reference)))
        return finding(DriftTest.PSI, effect=effect, statistic=statistic, p_value=p_value)
    effect, (statistic, degrees) = cramers_v(*cells.with_rare()), chi_squared(cells.reference, cells.window)
    p_value = _with_rare(cells, chi_squared_p_value(statistic, degrees))
    return finding(DriftTest.CHI_SQUARED, effect=effect, statistic=statistic, p_value=p_value)


def informing(columns: Sequence[tuple[BinKind, Integers, Integers]]) -> list[Finding]:
    """Another view of each column: Kolmogorov and Smirnov's test of intervals, the PSI of all bins of categories.

    Args:
        columns: the kind of the bins, and (B,) int64 of the reference and of the window.
    """
    intervals = [pair for kind, *pair in columns if kind is BinKind.INTERVALS]
    smirnovs = iter(_smirnovs(*(known([pair[place] for pair in intervals]) for place in range(2))))
    return [
        next(smirnovs) if kind is BinKind.INTERVALS else _psi_of_all(reference, window)
        for kind, reference, window in columns
    ]


def known(counts: Sequence[Integers]) -> Integers:
    """(k, b) of k columns at once, without their missing: those of fewer bins have zeros at the end."""
    together = np.zeros((len(counts), max(map(len, counts), default=1)), np.int64)
    for row, of_column in zip(together, counts, strict=True):
        row[: len(of_column) - 1] = of_column[:-1]
    return together


def _smirnovs(reference: Integers, window: Integers) -> list[Finding]:
    distances = grid_distance(reference, window)
    p_values = kolmogorov_p_value(distances, reference.sum(axis=1), window.sum(axis=1))
    return [
        finding(DriftTest.KOLMOGOROV_SMIRNOV, effect=distance, statistic=distance, p_value=p_value)
        for distance, p_value in zip(distances.tolist(), p_values.tolist(), strict=True)
    ]


def _psi_of_all(reference: Integers, window: Integers) -> Finding:
    statistic = psi_statistic(reference, window)
    p_value = psi_p_value(statistic, len(reference))
    return finding(DriftTest.PSI, effect=psi(reference, window), statistic=statistic, p_value=p_value)


def _with_rare(cells: Cells, p_of_cells: float) -> float:
    if not cells.has_rare:
        return p_of_cells
    (rare_reference, rare_window), rows = cells.rare, cells.counts.sum(axis=1).tolist()
    p_of_rare = rare_p_value(rare_reference, rows[0], rare_window, rows[1])
    return weighted(p_of_cells, p_of_rare) if len(cells.reference) > 1 else p_of_rare
