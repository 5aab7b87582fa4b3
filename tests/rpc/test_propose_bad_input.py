"""What ProposeLabels refuses, and how: the field, what came, and what is allowed."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
from assayd.arrays import encode
from assayd.errors import AssaydError, FailedPreconditionError, InvalidArgumentError, from_rpc_error
from assayd.testing import Server, serving
from assayd.v1 import labeling_pb2, labeling_pb2_grpc, rows_pb2, scoring_pb2

Stub = labeling_pb2_grpc.LabelingServiceStub
ROWS = rows_pb2.Rows(probabilities=encode(np.full((6, 4), 0.25, np.float32)))
INPUTS = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(np.zeros((2, 4), np.float32), "x")]))
ANY = encode(np.zeros(1))
COUNTS = np.array([40, 1, 3, 900])
PRIOR = np.array([0.1, 0.2, 0.3, 0.4])


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stub]:
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    path.write_bytes(onnx_models.identity())
    with serving(path) as server, grpc.insecure_channel(server.address) as channel:
        yield Stub(channel)


def propose(**fields: Any) -> labeling_pb2.ProposeLabelsRequest:
    return labeling_pb2.ProposeLabelsRequest(**{"rows": ROWS, **fields})


def refused(call: Callable[[Any], Any], request: Any) -> AssaydError:
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    return from_rpc_error(caught.value)


BAD_RULES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "no rule": ({}, "thresholds", "RULE_MISSING", "give thresholds or quotas"),
    "quotas of no size": ({"quotas": {}}, "quotas", "RULE_MISSING", "give counts or by_prior"),
    "a threshold above 1": (
        {"thresholds": encode(np.array([0.5, 0.5, 1.5, 0.5]))},
        "thresholds.data",
        "OUT_OF_RANGE",
        "[2] is 1.5, allowed are 0 to 1",
    ),
    "a threshold below 0": ({"thresholds": encode(np.array([-0.1]))}, "thresholds.data", "OUT_OF_RANGE", "-0.1"),
    "a threshold of NaN": ({"thresholds": encode(np.array([np.nan]))}, "thresholds.data", "OUT_OF_RANGE", "nan"),
    "thresholds of three classes": (
        {"thresholds": encode(np.full(3, 0.5))},
        "thresholds.shape",
        "CLASSES_DO_NOT_FIT",
        "is [3], the rows are of 4 classes",
    ),
    "a matrix of thresholds": ({"thresholds": encode(np.ones((4, 1)))}, "thresholds.shape", "BAD_SHAPE", "[4, 1]"),
    "a number without a shape": ({"thresholds": encode(np.array(0.5))}, "thresholds.shape", "BAD_SHAPE", "[]"),
    "no thresholds": ({"thresholds": encode(np.ones(0))}, "thresholds.shape", "BAD_SHAPE", "[0]"),
    "integers for thresholds": (
        {"thresholds": encode(np.ones(4, int))},
        "thresholds.data_type",
        "BAD_TYPE",
        "int64",
    ),
    "a quota below 0": (
        {"quotas": {"counts": encode(np.array([1, -2, 0, 0]))}},
        "quotas.counts.data",
        "OUT_OF_RANGE",
        "[1] is -2",
    ),
    "a quota too large": (
        {"quotas": {"counts": encode(np.array([1, 0, 0, 2**33]))}},
        "quotas.counts.data",
        "OUT_OF_RANGE",
        "[3] is 8589934592, allowed are 0 to 4294967296",
    ),
    "fractions for quotas": (
        {"quotas": {"counts": encode(np.ones(4))}},
        "quotas.counts.data_type",
        "BAD_TYPE",
        "is float64, allowed are integers",
    ),
    "text for quotas": (
        {"quotas": {"counts": encode(np.array(["a"] * 4))}},
        "quotas.counts.data_type",
        "BAD_TYPE",
        "is string",
    ),
    "one quota for all classes": (
        {"quotas": {"counts": encode(np.array([5]))}},
        "quotas.counts.shape",
        "CLASSES_DO_NOT_FIT",
        "is [1], the rows are of 4 classes",
    ),
    "no count": (
        {"quotas": {"by_prior": {"prior": encode(PRIOR)}}},
        "quotas.by_prior.count",
        "OUT_OF_RANGE",
        "is 0, allowed are 1 to 4294967296",
    ),
    "a prior that does not sum to 1": (
        {"quotas": {"by_prior": {"count": 5, "prior": encode(PRIOR / 2)}}},
        "quotas.by_prior.prior.data",
        "PRIOR_NOT_ONE",
        "sums to 0.5, allowed is 1",
    ),
    "a prior below 0": (
        {"quotas": {"by_prior": {"count": 5, "prior": encode(np.array([0.5, 0.7, -0.2, 0]))}}},
        "quotas.by_prior.prior.data",
        "OUT_OF_RANGE",
        "[2] is -0.2, allowed are 0 to 1",
    ),
    "a prior of two classes": (
        {"quotas": {"by_prior": {"count": 5, "prior": encode(np.array([0.5, 0.5]))}}},
        "quotas.by_prior.prior.shape",
        "CLASSES_DO_NOT_FIT",
        "is [2]",
    ),
    "no prior": (
        {"quotas": {"by_prior": {"count": 5}}},
        "quotas.by_prior.prior.data_type",
        "BAD_TENSOR",
        "",
    ),
    "a least confidence above 1": (
        {"quotas": {"counts": encode(COUNTS), "confidence_min": encode(np.array([2.0]))}},
        "quotas.confidence_min.data",
        "OUT_OF_RANGE",
        "[0] is 2",
    ),
    "least confidences of two classes": (
        {"quotas": {"counts": encode(COUNTS), "confidence_min": encode(np.zeros(2))}},
        "quotas.confidence_min.shape",
        "CLASSES_DO_NOT_FIT",
        "is [2]",
    ),
}
WEIGHTS_FIELD = "class_weighting.counts"
BAD_WEIGHTS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "an empty class": (
        {"counts": encode(np.array([5, 0, 1, 0]))},
        f"{WEIGHTS_FIELD}.data",
        "EMPTY_CLASS",
        "[1] is 0, allowed are 1 to 4294967296",
    ),
    "a count below 0": ({"counts": encode(-COUNTS)}, f"{WEIGHTS_FIELD}.data", "OUT_OF_RANGE", "[0] is -40"),
    "counts of three classes": (
        {"counts": encode(COUNTS[:3])},
        f"{WEIGHTS_FIELD}.shape",
        "CLASSES_DO_NOT_FIT",
        "is [3], the rows are of 4 classes",
    ),
    "b of 1": (
        {"counts": encode(COUNTS), "effective_number": 1.0},
        "class_weighting.effective_number",
        "OUT_OF_RANGE",
        "is 1, allowed are 0 up to but not 1",
    ),
    "b of NaN": (
        {"counts": encode(COUNTS), "effective_number": np.nan},
        "class_weighting.effective_number",
        "OUT_OF_RANGE",
        "is nan",
    ),
}


@pytest.mark.parametrize("kind", BAD_RULES)
def test_a_rule_that_cannot_be_followed_is_refused_by_name(stub: Stub, kind: str) -> None:
    fields, field, reason, words = BAD_RULES[kind]
    error = refused(stub.ProposeLabels, propose(**fields))
    assert isinstance(error, InvalidArgumentError)
    assert (error.field, error.reason) == (field, reason)
    assert words in str(error)


@pytest.mark.parametrize("kind", BAD_WEIGHTS)
def test_counts_that_give_no_weights_are_refused_by_name(stub: Stub, kind: str) -> None:
    weighting, field, reason, words = BAD_WEIGHTS[kind]
    error = refused(stub.ProposeLabels, propose(thresholds=ANY, class_weighting=weighting))
    assert isinstance(error, InvalidArgumentError)
    assert (error.field, error.reason) == (field, reason)
    assert words in str(error)


@pytest.mark.parametrize("alpha", [-0.1, 0.6, np.nan])
def test_a_level_of_novelty_out_of_range_is_refused(stub: Stub, alpha: float) -> None:
    error = refused(stub.ProposeLabels, propose(thresholds=ANY, novelty={"alpha": alpha}))
    assert (error.field, error.reason) == ("novelty.alpha", "OUT_OF_RANGE")


def test_an_unknown_measure_of_novelty_is_refused(stub: Stub) -> None:
    error = refused(stub.ProposeLabels, propose(thresholds=ANY, novelty={"measure": 99}))
    assert (error.field, error.reason) == ("novelty.measure", "UNKNOWN_VALUE")


def test_an_unknown_lane_is_refused(stub: Stub) -> None:
    assert refused(stub.ProposeLabels, propose(thresholds=ANY, lane=9)).field == "lane"


def test_novelty_is_told_by_a_model_that_has_a_reference(stub: Stub) -> None:
    error = refused(stub.ProposeLabels, propose(thresholds=ANY, novelty={}))
    assert (error.field, error.reason) == ("model", "MODEL_NOT_NAMED")
    error = refused(stub.ProposeLabels, propose(rows=INPUTS, thresholds=ANY, novelty={}))
    assert isinstance(error, FailedPreconditionError)
    assert (error.field, error.reason) == ("novelty", "NO_REFERENCE")


def test_labels_by_themselves_have_no_proposals(stub: Stub) -> None:
    each = rows_pb2.Rows(probabilities=encode(np.full((2, 3), 0.9, np.float32)))
    error = refused(stub.ProposeLabels, propose(rows=each, task=scoring_pb2.TASK_MULTILABEL, thresholds=ANY))
    assert (error.field, error.reason) == ("task", "TASK_DOES_NOT_FIT")
    assert "is multilabel, allowed is multiclass" in str(error)


def test_values_have_no_proposals(serve: Callable[..., Server]) -> None:
    server = serve(onnx_models.regression())
    with grpc.insecure_channel(server.address) as channel:
        error = refused(Stub(channel).ProposeLabels, propose(rows=INPUTS, thresholds=ANY))
    assert (error.field, error.reason) == ("task", "TASK_DOES_NOT_FIT")
