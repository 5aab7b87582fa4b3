"""From what the engine gives to messages."""

from collections.abc import Iterable

import numpy as np

from assayd.arrays import DATA_TYPES, encode
from assayd.v1 import scoring_pb2, tensor_pb2
from assayd_server.bundle import Identity
from assayd_server.contract import TensorSpec
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.scores import RowScores
from assayd_server.repository import Failure
from assayd_server.rpc.enums import MEASURES, TASKS
from assayd_server.rpc.neighbor_responses import neighbors
from assayd_server.rpc.novelty_responses import novelty
from assayd_server.scoring import Scores
from assayd_server.servable import Servable
from assayd_server.wanted import Output

MEASURE_NUMBERS = {measure: number for number, measure in MEASURES.items()}
_TASK_NUMBERS = {task: number for number, task in TASKS.items()}
_DATA_TYPES = {dtype.name: number for dtype, number in DATA_TYPES.items()} | {
    "string": tensor_pb2.DATA_TYPE_STRING
}


def score(scores: Scores) -> scoring_pb2.ScoreResponse:
    """The scores that were wanted."""
    rows, wanted, outputs = scores.rows, scores.plan.wanted, scores.plan.outputs
    response = scoring_pb2.ScoreResponse(
        predictions=_int32(rows.predictions),
        probabilities=_where(Output.PROBABILITIES in outputs, rows.probabilities),
        logits=_where(Output.LOGITS in outputs, scores.forward.logits),
        embeddings=_where(Output.EMBEDDINGS in outputs, scores.forward.embeddings),
        values=_where(Output.VALUES in outputs, scores.forward.values),
        uncertainties=_uncertainties(rows),
    )
    if scores.neighbors is not None:
        response.neighbors.CopyFrom(neighbors(scores.neighbors))
    if scores.novelty is not None:
        response.novelty.CopyFrom(novelty(scores.novelty))
    if not rows.valid.all():
        response.invalid_rows.extend(np.flatnonzero(~rows.valid).tolist())
    if wanted.top_k:
        response.top.classes.CopyFrom(_int32(rows.top_classes))
        response.top.probabilities.CopyFrom(_float32(rows.top_probabilities))
    model = scores.plan.model
    if model is not None:
        response.model.CopyFrom(identity(model.identity))
        if wanted.head is None:
            _add_names(response, model.labels, rows)
    return response


def described(servable: Servable, *, with_labels: bool = True) -> scoring_pb2.Model:
    """A model's description."""
    contract = servable.contract
    return scoring_pb2.Model(
        identity=identity(servable.identity),
        inputs=map(_spec, contract.inputs),
        outputs=map(_spec, contract.outputs),
        logits_output=contract.roles.get("logits", ""),
        probabilities_output=contract.roles.get("probabilities", ""),
        embedding_output=contract.roles.get("embedding", ""),
        class_count=contract.class_count,
        embedding_width=contract.embedding_width,
        labels=servable.labels if with_labels else (),
        temperature=servable.temperature,
        task=_TASK_NUMBERS[contract.task],
        values_output=contract.roles.get("values", ""),
        value_count=contract.value_count,
    )


def models(servables: Iterable[Servable], failures: Iterable[Failure]) -> scoring_pb2.ListModelsResponse:
    """Every model version."""
    failed = (
        scoring_pb2.FailedModel(name=failure.name, version=failure.version, reason=failure.reason)
        for failure in failures
    )
    return scoring_pb2.ListModelsResponse(
        models=[described(servable, with_labels=False) for servable in servables], failed=failed
    )


def identity(value: Identity) -> scoring_pb2.ModelIdentity:
    """Which model answered."""
    return scoring_pb2.ModelIdentity(name=value.name, version=value.version, digest=value.digest)


def _uncertainties(rows: RowScores) -> list[scoring_pb2.Uncertainty]:
    return [
        scoring_pb2.Uncertainty(measure=MEASURE_NUMBERS[measure], values=_float32(values))
        for measure, values in rows.uncertainties.items()
    ]


def _add_names(response: scoring_pb2.ScoreResponse, labels: tuple[str, ...], rows: RowScores) -> None:
    """Only the names that occur: a model may have many thousands of classes."""
    if not labels:
        return
    classes = rows.top_classes if rows.top_classes.size else rows.predictions
    response.class_names[-1] = ""
    for position in np.unique(classes).tolist():
        if position >= 0:
            response.class_names[position] = labels[position]


def _spec(spec: TensorSpec) -> scoring_pb2.TensorSpec:
    return scoring_pb2.TensorSpec(
        name=spec.name,
        data_type=_DATA_TYPES.get(spec.data_type, tensor_pb2.DATA_TYPE_UNSPECIFIED),
        shape=[-1 if length is None else length for length in spec.shape],
    )


def _where(wanted: bool, values: Floats | None) -> tensor_pb2.Tensor | None:
    return _float32(values) if wanted and values is not None else None


def _float32(values: Floats) -> tensor_pb2.Tensor:
    with np.errstate(over="ignore"):  # beyond float32 lies an infinity
        return encode(values.astype(np.float32, copy=False))


def _int32(values: Integers) -> tensor_pb2.Tensor:
    return encode(values.astype(np.int32, copy=False))
