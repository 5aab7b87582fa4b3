"""What the tests of one column say: an effect and the evidence for it."""

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


def informing(kind: BinKind, reference: Integers, window: Integers) -> Finding:
    """Another view of a column: Kolmogorov and Smirnov's test for intervals, the PSI of all bins for categories.

    Args:
        kind: of the column's bins.
        reference: (B,) int64.
        window: (B,) int64.
    """
    if kind is BinKind.INTERVALS:
        known = reference[:-1], window[:-1]
        distance = float(grid_distance(*known))
        p_value = float(kolmogorov_p_value(np.array(distance), known[0].sum(), known[1].sum()))
        return finding(DriftTest.KOLMOGOROV_SMIRNOV, effect=distance, statistic=distance, p_value=p_value)
    statistic = psi_statistic(reference, window)
    p_value = psi_p_value(statistic, len(reference))
    return finding(DriftTest.PSI, effect=psi(reference, window), statistic=statistic, p_value=p_value)


def _with_rare(cells: Cells, p_of_cells: float) -> float:
    if not cells.has_rare:
        return p_of_cells
    rows = [int(np.sum(counts)) for counts in cells.with_rare()]
    p_of_rare = rare_p_value(cells.rare_reference, rows[0], cells.rare_window, rows[1])
    return weighted(p_of_cells, p_of_rare) if len(cells.reference) > 1 else p_of_rare
