"""Responses that are written by the forms of others before them: the same messages as protobuf writes."""

from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from prometheus_client import CollectorRegistry

import onnx_models
from assayd.v1 import scoring_pb2
from assayd_server import servable
from assayd_server.asks import Known
from assayd_server.bundle import read_folder
from assayd_server.core.uncertainty import FORMULAS, Measure
from assayd_server.metrics import Metrics
from assayd_server.pace import Pace
from assayd_server.plan import Plan
from assayd_server.rows import Inputs
from assayd_server.rpc import responses
from assayd_server.rpc.direct.score_wire import response
from assayd_server.score_job import Part
from assayd_server.scoring import Scores, part_of, scored
from assayd_server.servable import Servable
from assayd_server.wanted import Output, Wanted

WIDTH, CLASSES = 6, 5
NAMES = ["gold", "größe", "\n", 'a"b', "ore"]
MEASURES: Sequence[tuple[Measure, ...]] = [
    (),
    (Measure.ENTROPY,),
    (Measure.MARGIN, Measure.ENTROPY),
    tuple(FORMULAS),
]
CHOICES: Sequence[frozenset[Output] | None] = [
    None,
    frozenset(),
    frozenset({Output.LOGITS}),
    frozenset({Output.EMBEDDINGS, Output.PROBABILITIES}),
    frozenset({Output.LOGITS, Output.EMBEDDINGS, Output.PROBABILITIES}),
]
NETWORK = onnx_models.network(width=WIDTH, class_count=CLASSES)
PARTS = [slice(0, 1), slice(1, 4), slice(4, 5), slice(5, 12), slice(0, 12)]
"""Of twelve rows that were scored together."""

Load = Callable[..., Servable]


@pytest.fixture
def model(tmp_path: Path) -> Load:
    """Load a model: model(content, **entries of its manifest)."""
    return lambda content, **manifest: servable.load(
        read_folder(onnx_models.write_bundle(tmp_path, content, **manifest)), threads=1
    )


def scores_of(of: Servable, rows: np.ndarray, **wanted: Any) -> Scores:
    plan = Plan(Inputs((), 0), Wanted(**wanted), of)
    return scored(of.forward({"x": rows}, row_count=len(rows), roles=plan.score_roles), plan)


def known_of(scores: Scores) -> Known:
    assert scores.plan.model is not None
    metrics = Metrics(CollectorRegistry()).model(scores.plan.model.identity, ("a",))
    return Known(scores.plan, 1000, metrics, Pace())


def assert_written(known: Known, scores: Scores, *parts: slice) -> None:
    """The bytes of each part are the message that responses.score makes of it."""
    for rows in parts:
        found = scoring_pb2.ScoreResponse.FromString(response(known, Part(scores, rows)))
        assert found == responses.score(part_of(scores, rows))


def rows_of(count: int, width: int = WIDTH) -> np.ndarray:
    return np.random.default_rng(count).normal(0, 2, (count, width)).astype(np.float32)


def of_type(data_type: int) -> bytes:
    """Logits that are the input, in its type."""
    matrix = (data_type, ["rows", WIDTH])
    nodes = [helper.make_node("Identity", ["x"], ["logits"])]
    return onnx_models.build(nodes=nodes, inputs={"x": matrix}, outputs={"logits": matrix})


@pytest.mark.parametrize("temperature", [None, 2.0])
@pytest.mark.parametrize("top_k", [0, 1, CLASSES])
@pytest.mark.parametrize("labels", [{}, {"labels": NAMES}], ids=["unnamed", "named"])
def test_responses_are_written_as_protobuf_writes_them(
    model: Load, labels: dict[str, Any], top_k: int, temperature: float | None
) -> None:
    classes = model(NETWORK, **labels)
    for outputs, measures in product(CHOICES, MEASURES):
        wanted = {"outputs": outputs, "uncertainties": measures, "top_k": top_k, "temperature": temperature}
        scores = scores_of(classes, rows_of(12), **wanted)
        assert_written(known_of(scores), scores, *PARTS)


@pytest.mark.parametrize(
    ("content", "manifest"),
    [
        (onnx_models.softmax_only(WIDTH, output="probabilities"), {}),
        (onnx_models.identity(WIDTH), {"activation": "sigmoid", "labels": [*NAMES, "x"]}),
        (onnx_models.regression(2), {}),
        (of_type(TensorProto.FLOAT16), {}),
        (of_type(TensorProto.DOUBLE), {"labels": [*NAMES, "x"]}),
    ],
    ids=["probabilities", "labels", "values", "half precision", "double precision"],
)
def test_responses_of_other_models_are_too(model: Load, content: bytes, manifest: dict[str, Any]) -> None:
    other = model(content, **manifest)
    spec = other.contract.inputs[0]
    top_k = 2 if other.contract.class_count else 0
    rows = abs(rows_of(12, spec.shape[1] or 0)).astype(spec.data_type)
    scores = scores_of(other, rows, outputs=None, top_k=top_k)
    assert_written(known_of(scores), scores, *PARTS)


def test_scores_beyond_single_precision_are_written_as_infinite(model: Load) -> None:
    rows = rows_of(12).astype(np.float64)
    rows[3, 0] = 1e300
    scores = scores_of(model(of_type(TensorProto.DOUBLE)), rows, outputs=frozenset({Output.LOGITS}))
    assert scores.rows.all_valid
    assert_written(known_of(scores), scores, *PARTS)


def test_what_was_written_once_serves_for_other_scores_of_the_same_ask(model: Load) -> None:
    classes = model(NETWORK, labels=NAMES)
    first = scores_of(classes, rows_of(12), outputs=None, top_k=2, uncertainties=(Measure.MARGIN,))
    known = known_of(first)
    assert_written(known, first, *PARTS)
    for count in (12, 13, 40):
        again = scores_of(classes, rows_of(count), outputs=None, top_k=2, uncertainties=(Measure.MARGIN,))
        assert_written(known, again, *PARTS, slice(2, count))
    assert sorted(known.forms) == [1, 3, 7, 10, 11, 12, 38]


def test_invalid_rows_are_marked_in_the_parts_that_have_them(model: Load) -> None:
    rows = rows_of(12)
    rows[[2, 11]] = np.nan
    rows[7, 0] = np.inf
    for top_k, labels in product([0, 2], [[], NAMES]):
        classes = model(NETWORK, labels=labels, version=1 + top_k + len(labels))
        scores = scores_of(classes, rows, outputs=CHOICES[-1], top_k=top_k, uncertainties=(Measure.ENTROPY,))
        assert not scores.rows.all_valid
        assert_written(known_of(scores), scores, *PARTS, slice(2, 3))


def test_many_names_are_written_right_though_not_all_are_kept(model: Load) -> None:
    classes = model(onnx_models.identity(1500), labels=[f"class {number}" for number in range(1500)])
    scores = scores_of(classes, rows_of(3, 1500), top_k=1500)
    known = known_of(scores)
    assert_written(known, scores, *[slice(0, 1), slice(1, 2)] * 2)


@pytest.mark.parametrize("most", [256, 8])
def test_forms_of_responses_are_bounded_in_number(model: Load, most: int) -> None:
    scores = scores_of(model(NETWORK), rows_of(300))
    known = known_of(scores)
    known.forms_max = most
    assert_written(known, scores, *(slice(0, count) for count in range(1, 301)))
    assert len(known.forms) == most


def test_predictions_alone_are_the_smallest_response(model: Load) -> None:
    scores = scores_of(model(NETWORK), rows_of(3), outputs=frozenset())
    found = scoring_pb2.ScoreResponse.FromString(response(known_of(scores), Part(scores, slice(0, 3))))
    assert [field.name for field, _ in found.ListFields()] == ["model", "predictions"]
