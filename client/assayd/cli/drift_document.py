"""A drift report as plain JSON values."""

import math
from collections.abc import Sequence
from typing import Any

from assayd import ColumnDrift, DriftReport
from assayd.drift_table import class_shares


def document(report: DriftReport, labels: Sequence[str]) -> dict[str, Any]:
    """All that a report says; what is no number is null."""
    return {
        "drifted": report.drifted,
        "rows": report.row_count,
        "sampled_from": report.sampled_from,
        "alpha": report.alpha,
        "delta": report.delta,
        "columns": [_column(column) for column in report.columns],
        "class_shares": dict(class_shares(report, labels)),
        "warnings": list(report.warnings),
        "reference_digest": report.reference_digest,
        "model": {"name": report.model.name, "version": report.model.version, "digest": report.model.digest},
    }


def _column(column: ColumnDrift) -> dict[str, Any]:
    return {
        "name": column.name,
        "kind": column.kind,
        "test": column.test,
        "effect": _number(column.effect),
        "p_value": _number(column.p_value),
        "p_adjusted": _number(column.p_adjusted),
        "drifted": column.drifted,
        "informing": {
            test: {"effect": _number(effect), "p_value": _number(p_value)}
            for test, (effect, p_value) in column.informing.items()
        },
        "bins": list(column.bins),
        "reference_counts": list(column.reference_counts),
        "window_counts": list(column.window_counts),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
