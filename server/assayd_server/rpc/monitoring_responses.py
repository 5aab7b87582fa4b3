"""What was found in a window, and what a reference holds, as messages."""

from collections.abc import Iterator, Mapping

from assayd.v1 import monitoring_pb2
from assayd_server.bin_names import bin_names
from assayd_server.core.drift import CLASS_COLUMN, EMBEDDING, BinKind, Caution, ColumnVerdict, DriftTest, Finding
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
_CAUTIONS = {
    Caution.LARGE_WINDOW: "the window has more than a twentieth of the rows of the reference: false alarms may be "
    "far more or far fewer than alpha says, give the reference more rows or take a smaller window",
}


def drift(report: DriftReport) -> monitoring_pb2.TestDriftResponse:
    """The verdict on a window."""
    verdict, reference = report.verdict, report.reference
    columns = {column.name: column for column in reference.drift.layout.columns}
    priors = verdict.class_priors
    return monitoring_pb2.TestDriftResponse(
        model=identity(report.model.identity),
        reference_digest=reference.digest,
        row_count=verdict.rows,
        drifted=verdict.drifted,
        columns=[_verdict(column, columns, report.model) for column in verdict.columns],
        class_shares=[]
        if priors is None
        else _shares(priors.window.tolist(), columns[CLASS_COLUMN], report.model),
        class_shifts=list(_class_shifts(report)),
        alpha=report.wanted.alpha,
        delta=report.wanted.delta,
        warnings=list(_warnings(report)),
    )


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


def _class_shifts(report: DriftReport) -> Iterator[monitoring_pb2.ClassShift]:
    found = report.verdict.class_shift
    if found is None:
        return
    labels = report.model.labels
    for column, distance, p_value in zip(
        found.columns, found.distances.tolist(), found.adjusted_p_values.tolist(), strict=True
    ):
        position = int(column.rpartition("_")[2])
        yield monitoring_pb2.ClassShift(
            name=labels[position] if labels else str(position), effect=distance, p_adjusted=p_value
        )


def _warnings(report: DriftReport) -> Iterator[str]:
    yield from (_CAUTIONS[caution] for caution in report.verdict.cautions)
    asked = report.wanted.columns
    missing = [name for name in report.verdict.untested if not asked or name in asked]
    if missing:
        yield f"not compared, because the window came without them or with too few: {', '.join(missing)}"
    yield from report.reference.manifest.warnings
