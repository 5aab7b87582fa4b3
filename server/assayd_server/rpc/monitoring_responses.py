"""What was found in a window, and what a reference holds, as messages."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assayd.v1 import monitoring_pb2
from assayd_server.bin_names import bin_names
from assayd_server.core.drift import (
    CLASS_COLUMN,
    EMBEDDING,
    BinKind,
    Caution,
    ColumnVerdict,
    DriftTest,
    Finding,
    WindowVerdict,
)
from assayd_server.core.drift.layout import Column
from assayd_server.drift_testing import DriftReport
from assayd_server.reference_file import Reference
from assayd_server.rpc.responses import identity
from assayd_server.servable import Servable

_TESTS = {
    DriftTest.PSI: monitoring_pb2.DRIFT_TEST_PSI,
    DriftTest.CHI_SQUARED: monitoring_pb2.DRIFT_TEST_CHI_SQUARED,
    DriftTest.MMD: monitoring_pb2.DRIFT_TEST_MMD,
    DriftTest.KOLMOGOROV_SMIRNOV: monitoring_pb2.DRIFT_TEST_KS,
    DriftTest.HOTELLING: monitoring_pb2.DRIFT_TEST_HOTELLING,
}
_KINDS = {
    BinKind.INTERVALS: monitoring_pb2.COLUMN_KIND_NUMERIC,
    BinKind.CATEGORIES: monitoring_pb2.COLUMN_KIND_CATEGORICAL,
}
CAUTIONS = {
    Caution.LARGE_WINDOW: "the window has more than a twentieth of the rows of the reference: false alarms may be "
    "far more or far fewer than alpha says, give the reference more rows or take a smaller window",
}


def drift(report: DriftReport) -> monitoring_pb2.TestDriftResponse:
    """The verdict on a window."""
    verdict, reference = report.verdict, report.reference
    return monitoring_pb2.TestDriftResponse(
        model=identity(report.model.identity),
        reference_digest=reference.digest,
        row_count=verdict.rows,
        drifted=verdict.drifted,
        **found_in(verdict, report.model, reference),
        alpha=report.wanted.alpha,
        delta=report.wanted.delta,
        warnings=[*warnings_of(verdict, report.wanted.columns), *reference.manifest.warnings],
        class_shares_observed=verdict.class_priors is not None and verdict.class_priors.observed,
    )


def found_in(verdict: WindowVerdict, model: Servable, reference: Reference) -> dict[str, Any]:
    """The fields that say what was found in a window: columns, class_shares and class_shifts."""
    columns = {column.name: column for column in reference.drift.layout.columns}
    priors = verdict.class_priors
    return {
        "columns": [_verdict(column, columns, model) for column in verdict.columns],
        "class_shares": [] if priors is None else _shares(priors.window.tolist(), columns[CLASS_COLUMN], model),
        "class_shifts": list(_class_shifts(verdict, model)),
    }


def warnings_of(verdict: WindowVerdict, asked: Sequence[str]) -> Iterator[str]:
    """What people are to know of a verdict.

    Args:
        verdict: on a window.
        asked: the columns that were asked for; none for all.
    """
    yield from (CAUTIONS[caution] for caution in verdict.cautions)
    missing = [name for name in verdict.untested if not asked or name in asked]
    if missing:
        yield f"not compared, because the window came without them or with too few: {', '.join(missing)}"


def described(model: Servable, reference: Reference) -> monitoring_pb2.GetReferenceResponse:
    """What a reference holds."""
    manifest, layout = reference.manifest, reference.drift.layout
    counts = zip(layout.columns, layout.split(reference.drift.state.counts), strict=True)
    columns = [
        monitoring_pb2.ReferenceColumn(
            name=column.name,
            kind=_KINDS[column.bins.kind],
            bins=bin_names(column, model.labels),
            counts=counted.tolist(),
        )
        for column, counted in counts
    ]
    if layout.embedding is not None:
        columns.append(monitoring_pb2.ReferenceColumn(name=EMBEDDING, kind=monitoring_pb2.COLUMN_KIND_EMBEDDING))
    return monitoring_pb2.GetReferenceResponse(
        model=identity(model.identity),
        reference=monitoring_pb2.Reference(
            digest=reference.digest,
            row_count=reference.drift.state.rows,
            fitted_rows=manifest.fitted_rows,
            calibration_rows=manifest.calibration_rows,
            columns=columns,
            novelty_measures=list(reference.novelty.measures),
            model_digest=manifest.model_digest,
            warnings=manifest.warnings,
        ),
    )


def _verdict(verdict: ColumnVerdict, columns: Mapping[str, Column], model: Servable) -> monitoring_pb2.ColumnDrift:
    column = columns.get(verdict.name)
    return monitoring_pb2.ColumnDrift(
        name=verdict.name,
        kind=monitoring_pb2.COLUMN_KIND_EMBEDDING if column is None else _KINDS[column.bins.kind],
        deciding=_result(verdict.deciding),
        effect_min=verdict.effect_min,
        p_adjusted=verdict.adjusted_p_value,
        drifted=verdict.drifted,
        informing=map(_result, verdict.informing),
        bins=[] if column is None else bin_names(column, model.labels),
        reference_counts=verdict.reference_counts.tolist(),
        window_counts=verdict.window_counts.tolist(),
    )


def _result(found: Finding) -> monitoring_pb2.TestResult:
    return monitoring_pb2.TestResult(test=_TESTS[found.test], effect=found.effect, p_value=found.p_value)


def _shares(shares: list[float], column: Column, model: Servable) -> list[monitoring_pb2.ClassShare]:
    """By the names of the class column's bins, without the missing."""
    return [
        monitoring_pb2.ClassShare(name=name, share=share)
        for name, share in zip(bin_names(column, model.labels), shares, strict=False)
    ]


def _class_shifts(verdict: WindowVerdict, model: Servable) -> Iterator[monitoring_pb2.ClassShift]:
    found, labels = verdict.class_shift, model.labels
    if found is None:
        return
    for column, distance, p_value in zip(
        found.columns, found.distances.tolist(), found.adjusted_p_values.tolist(), strict=True
    ):
        position = int(column.rpartition("_")[2])
        yield monitoring_pb2.ClassShift(
            name=labels[position] if labels else str(position), effect=distance, p_adjusted=p_value
        )
