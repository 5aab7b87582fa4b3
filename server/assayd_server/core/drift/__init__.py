"""Drift: whether a window of rows still looks like the reference, from counts and sums that add up.

A reference freezes bins and features (fit_drift_reference). The rows of a window become a state in its layout
(layout.count), and those of parts, of replicas and of times add up exactly; a state is judged against the
reference (judge). An alarm takes an effect that matters and evidence that it is no chance, whatever the number of
rows: fixed limits alone alarm on noise in small windows, and p-values alone on trifles in large ones.
"""

from assayd_server.core.drift.bins import BinKind, Bins
from assayd_server.core.drift.findings import DriftTest, Finding
from assayd_server.core.drift.judging import NothingToTestError, judge
from assayd_server.core.drift.layout import EMBEDDING, Column, Layout, Role
from assayd_server.core.drift.reference import CLASS_COLUMN, ColumnValues, DriftReference, fit_drift_reference
from assayd_server.core.drift.settings import DriftSettings
from assayd_server.core.drift.tally import TalliedColumn, Tally
from assayd_server.core.drift.verdict import Caution, ClassShift, ColumnVerdict, WindowVerdict
from assayd_server.core.drift.window import WINDOW_ROWS_MAX, WindowState

__all__ = [
    "CLASS_COLUMN",
    "EMBEDDING",
    "WINDOW_ROWS_MAX",
    "BinKind",
    "Bins",
    "Caution",
    "ClassShift",
    "Column",
    "ColumnValues",
    "ColumnVerdict",
    "DriftReference",
    "DriftSettings",
    "DriftTest",
    "Finding",
    "Layout",
    "NothingToTestError",
    "Role",
    "TalliedColumn",
    "Tally",
    "WindowState",
    "WindowVerdict",
    "fit_drift_reference",
    "judge",
]
