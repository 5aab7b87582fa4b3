"""A drift report as plain JSON values."""

import math
from typing import Any

from assayd import ColumnDrift, DriftReport


def document(report: DriftReport) -> dict[str, Any]:
    """All that a report says; what is no number is null."""
    return {
        "drifted": report.drifted,
        "rows": report.row_count,
        "sampled_from": report.sampled_from,
        "alpha": report.alpha,
        "delta": report.delta,
        "columns": [_column(column) for column in report.columns],
        "class_shares": report.class_shares,
        "class_shares_observed": report.class_shares_observed,
        "class_shifts": {name: _test(*found) for name, found in report.class_shifts.items()},
        "warnings": list(report.warnings),
        "reference_digest": report.reference_digest,
        "model": {"name": report.model.name, "version": report.model.version, "digest": report.model.digest},
    }


def _column(column: ColumnDrift) -> dict[str, Any]:
    return {
        "name": column.name,
        "kind": column.kind,
        "test": column.test,
        **_test(column.effect, column.p_value),
        "effect_min": number(column.effect_min),
        "p_adjusted": number(column.p_adjusted),
        "drifted": column.drifted,
        "informing": {test: _test(*found) for test, found in column.informing.items()},
        "bins": list(column.bins),
        "reference_counts": list(column.reference_counts),
        "window_counts": list(column.window_counts),
    }


def _test(effect: float, p_value: float) -> dict[str, float | None]:
    return {"effect": number(effect), "p_value": number(p_value)}


def number(value: float) -> float | None:
    """None where it is none, since JSON has no other."""
    return value if math.isfinite(value) else None
