"""What a comparison with the reference found."""

from dataclasses import dataclass
from typing import Any

from assayd.drift_table import text_of
from assayd.identity import ModelIdentity, identity_of
from assayd.references import kind_of
from assayd.v1 import monitoring_pb2

_TESTS: dict[int, str] = {
    monitoring_pb2.DRIFT_TEST_PSI: "psi",
    monitoring_pb2.DRIFT_TEST_CHI_SQUARED: "chi_squared",
    monitoring_pb2.DRIFT_TEST_MMD: "mmd",
    monitoring_pb2.DRIFT_TEST_KS: "ks",
    monitoring_pb2.DRIFT_TEST_HOTELLING: "hotelling",
}


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """A column of the window against that of the reference."""

    name: str
    kind: str
    """numeric, categorical or embedding."""
    test: str
    """The test that decides: psi, chi_squared or mmd."""
    effect: float
    """How far the window is from the reference, 0 or more."""
    effect_min: float
    """From where on it matters: delta, or what the server takes for the embedding."""
    p_value: float
    """How likely an effect as large is where nothing has changed."""
    p_adjusted: float
    """That, corrected for the number of columns (Holm 1979)."""
    drifted: bool
    """Whether the effect is at least effect_min, and p_adjusted at most alpha."""
    informing: dict[str, tuple[float, float]]
    """(effect, p-value) of further tests, which do not decide, by name: ks, psi or hotelling."""
    bins: tuple[str, ...]
    """The names of its b bins; the last one is for missing values. None of the embedding."""
    reference_counts: tuple[int, ...]
    """(b,): how many rows of the reference are in each bin."""
    window_counts: tuple[int, ...]
    """(b,): the same of the window."""


@dataclass(frozen=True, slots=True)
class DriftReport:
    """A window against the reference; print it for a table."""

    drifted: bool
    """Whether any column has drifted."""
    columns: tuple[ColumnDrift, ...]
    """Those that have drifted first, then by effect over effect_min, the largest first."""
    class_shares: dict[str, float]
    """By class, the share of it in the window, as estimated by how the model errs on the reference if only these
    shares have changed, or as its labels say; none where the reference has no labels."""
    class_shifts: dict[str, tuple[float, float]]
    """By class, (effect, p-value) of whether the model has become more or less sure of it, by the test of
    Kolmogorov and Smirnov, corrected for the number of classes. None where there are very many."""
    row_count: int
    """How many rows were compared."""
    alpha: float
    """The level of the whole test."""
    delta: float
    """The effect that is needed, but for the embedding."""
    warnings: tuple[str, ...]
    """Sentences for people, such as that the window is large beside the reference."""
    reference_digest: str
    """Of the reference."""
    model: ModelIdentity
    """The model whose reference it is, and which ran where rows went through it."""
    sampled_from: int | None = None
    """Of how many rows those that were compared are a random sample; None where they are all."""
    class_shares_observed: bool = False
    """Whether class_shares are those of the labels that came with the window, and no estimate."""

    def __str__(self) -> str:
        """A table for people, with a histogram of each column in both."""
        return text_of(self)


def report_of(response: monitoring_pb2.TestDriftResponse) -> DriftReport:
    """What a response holds."""
    return DriftReport(
        **found_in(response),
        reference_digest=response.reference_digest,
        model=identity_of(response.model),
        class_shares_observed=response.class_shares_observed,
    )


def found_in(found: monitoring_pb2.TestDriftResponse | monitoring_pb2.WindowDrift) -> dict[str, Any]:
    """What is said of one window and of a window of a stream alike, by the fields of DriftReport."""
    return {
        "drifted": found.drifted,
        "columns": tuple(map(_column, found.columns)),
        "class_shares": {each.name: each.share for each in found.class_shares},
        "class_shifts": {each.name: (each.effect, each.p_adjusted) for each in found.class_shifts},
        "row_count": found.row_count,
        "alpha": found.alpha,
        "delta": found.delta,
        "warnings": tuple(found.warnings),
    }


def _column(column: monitoring_pb2.ColumnDrift) -> ColumnDrift:
    return ColumnDrift(
        name=column.name,
        kind=kind_of(column.kind),
        test=_test(column.deciding),
        effect=column.deciding.effect,
        effect_min=column.effect_min,
        p_value=column.deciding.p_value,
        p_adjusted=column.p_adjusted,
        drifted=column.drifted,
        informing={_test(result): (result.effect, result.p_value) for result in column.informing},
        bins=tuple(column.bins),
        reference_counts=tuple(column.reference_counts),
        window_counts=tuple(column.window_counts),
    )


def _test(result: monitoring_pb2.TestResult) -> str:
    return _TESTS.get(result.test, "unknown")  # of a server that is newer
