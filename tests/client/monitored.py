"""A monitoring server played by a function call, and what it answers."""

from dataclasses import dataclass, field
from typing import Any

from assayd.steps import Send
from assayd.v1 import monitoring_pb2, scoring_pb2, tensor_pb2
from client.scripted import Call, Refusal, rows_of, too_many_rows

IDENTITY = scoring_pb2.ModelIdentity(name="m", version=3, digest="sha256:m")
BINS = ["(-inf, 0.5]", "(0.5, inf)", "missing"]


def result(test: int, effect: float, p_value: float) -> monitoring_pb2.TestResult:
    return monitoring_pb2.TestResult(test=test, effect=effect, p_value=p_value)


def columns() -> list[monitoring_pb2.ColumnDrift]:
    """One that has drifted, one that has not, and the embedding."""
    return [
        monitoring_pb2.ColumnDrift(
            name="entropy",
            kind=monitoring_pb2.COLUMN_KIND_NUMERIC,
            deciding=result(monitoring_pb2.DRIFT_TEST_PSI, 0.5, 1e-9),
            effect_min=0.1,
            p_adjusted=3e-9,
            drifted=True,
            informing=[result(monitoring_pb2.DRIFT_TEST_KS, 0.3, 1e-5)],
            bins=BINS,
            reference_counts=[100, 100, 0],
            window_counts=[2, 5, 1],
        ),
        monitoring_pb2.ColumnDrift(
            name="class",
            kind=monitoring_pb2.COLUMN_KIND_CATEGORICAL,
            deciding=result(monitoring_pb2.DRIFT_TEST_CHI_SQUARED, 0.01, 0.4),
            p_adjusted=0.8,
            bins=["ant", "bee", "other", "missing"],
            reference_counts=[150, 50, 0, 0],
            window_counts=[6, 2, 0, 0],
            effect_min=0.1,
        ),
        monitoring_pb2.ColumnDrift(
            name="embedding",
            kind=monitoring_pb2.COLUMN_KIND_EMBEDDING,
            deciding=result(monitoring_pb2.DRIFT_TEST_MMD, 0.002, 0.6),
            effect_min=0.01,
            p_adjusted=0.8,
            informing=[result(monitoring_pb2.DRIFT_TEST_HOTELLING, 1.5, 0.25)],
        ),
    ]


def answer(row_count: int = 8, **fields: Any) -> monitoring_pb2.TestDriftResponse:
    return monitoring_pb2.TestDriftResponse(
        **{
            "model": IDENTITY,
            "reference_digest": "sha256:r",
            "row_count": row_count,
            "drifted": True,
            "columns": columns(),
            "class_shares": [
                monitoring_pb2.ClassShare(name="ant", share=0.25),
                monitoring_pb2.ClassShare(name="bee", share=0.75),
            ],
            "class_shifts": [
                monitoring_pb2.ClassShift(name="ant", effect=0.3, p_adjusted=0.01),
                monitoring_pb2.ClassShift(name="bee", effect=0.1, p_adjusted=0.5),
            ],
            "alpha": 0.01,
            "delta": 0.1,
            "warnings": ["the window is large beside the reference"],
        }
        | fields
    )


def described() -> scoring_pb2.GetModelResponse:
    """A model of one input of four numbers."""
    takes = scoring_pb2.TensorSpec(name="x", data_type=tensor_pb2.DATA_TYPE_FLOAT64, shape=[-1, 4])
    return scoring_pb2.GetModelResponse(model=scoring_pb2.Model(identity=IDENTITY, inputs=[takes]))


def reference() -> monitoring_pb2.Reference:
    return monitoring_pb2.Reference(
        digest="sha256:r",
        row_count=2200,
        fitted_rows=1000,
        calibration_rows=1200,
        columns=[
            monitoring_pb2.ReferenceColumn(
                name="entropy", kind=monitoring_pb2.COLUMN_KIND_NUMERIC, bins=BINS, counts=[700, 500, 0]
            ),
            monitoring_pb2.ReferenceColumn(name="embedding", kind=monitoring_pb2.COLUMN_KIND_EMBEDDING),
        ],
        novelty_measures=["combined", "gen"],
        model_digest="sha256:o",
        warnings=["few rows"],
    )


@dataclass
class Monitor:
    """Answers each call at once, within its own limit of rows."""

    rows_max: int = 2**31 - 1
    refusals: list[Refusal] = field(default_factory=list)
    """Of the first calls."""
    effects: list[Send] = field(default_factory=list)

    def __call__(self, effect: Send) -> Call:
        self.effects.append(effect)
        if self.refusals:
            return Call(self.refusals.pop(0))  # type: ignore[arg-type]
        if effect.method == "GetModel":
            return Call(described())  # type: ignore[arg-type]
        count = len(rows_of(effect.request))
        return Call(too_many_rows(self.rows_max) if count > self.rows_max else answer(count))  # type: ignore[arg-type]

    @property
    def methods(self) -> list[str]:
        """What was called."""
        return [effect.method for effect in self.effects]

    @property
    def request(self) -> Any:
        """The last one."""
        return self.effects[-1].request
