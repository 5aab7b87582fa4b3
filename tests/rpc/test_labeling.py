"""LabelingService through the wire: the mathematics of one call, and every kind of bad input."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

import onnx_models
from assayd.arrays import decode, encode
from assayd.errors import AssaydError, FailedPreconditionError, InvalidArgumentError, from_rpc_error
from assayd.testing import Server
from assayd.v1 import labeling_pb2, labeling_pb2_grpc, rows_pb2, scoring_pb2
from assayd_server.core.labels import (
    Quality,
    confident_answers,
    given_labels,
    joint_counts,
    label_joint,
    label_quality,
    noise_matrix,
    noise_shares,
    of_classes,
    of_labels,
    suspected,
)
from core.labels.samples import noisy

Stub = labeling_pb2_grpc.LabelingServiceStub
P, Y, _ = (array[:, 0] for array in noisy(600, 4, noise=0.15, seed=1))
P = P.astype(np.float32)
ROWS = rows_pb2.Rows(probabilities=encode(P))
RANDOM = np.random.default_rng(2)
EACH = RANDOM.uniform(0.01, 0.99, (200, 3)).astype(np.float32)
PRESENT = (RANDOM.random((200, 3)) < EACH).astype(np.int8)
MULTILABEL = {"rows": rows_pb2.Rows(probabilities=encode(EACH)), "task": scoring_pb2.TASK_MULTILABEL}
BAD_LABELS = {
    "text": (encode(np.array(["a"] * 600)), "labels.data_type", "BAD_TYPE"),
    "fractions": (encode(np.full(600, 0.5)), "labels.data_type", "BAD_TYPE"),
    "fewer than rows": (encode(Y[:-1]), "labels.shape", "LABELS_DO_NOT_FIT"),
    "a column too many": (encode(Y[:, None]), "labels.shape", "LABELS_DO_NOT_FIT"),
    "above the classes": (encode(np.where(np.arange(600) == 7, 4, Y)), "labels.data", "LABEL_OUT_OF_RANGE"),
    "below none": (encode(np.where(np.arange(600) == 7, -2, Y)), "labels.data", "LABEL_OUT_OF_RANGE"),
    "missing": (None, "labels.data_type", "BAD_TENSOR"),
}


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stub]:
    from assayd.testing import serving

    path = tmp_path_factory.mktemp("model") / "m.onnx"
    path.write_bytes(onnx_models.identity())
    with serving(path) as server, grpc.insecure_channel(server.address) as channel:
        yield Stub(channel)


def refused(call: Callable[[Any], Any], request: Any) -> AssaydError:
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    return from_rpc_error(caught.value)


def assess(**fields: Any) -> labeling_pb2.AssessLabelsRequest:
    return labeling_pb2.AssessLabelsRequest(**{"rows": ROWS, "labels": encode(Y), **fields})


def evaluate(**fields: Any) -> labeling_pb2.EvaluateRequest:
    return labeling_pb2.EvaluateRequest(**{"rows": ROWS, "labels": encode(Y), **fields})


@pytest.mark.parametrize(("number", "quality"), [(0, "self_confidence"), *enumerate(Quality, 1)])
def test_labels_of_classes_are_judged_as_the_formulas_say(stub: Stub, number: int, quality: str) -> None:
    found = stub.AssessLabels(assess(quality=number))
    probabilities, labels = of_classes(P), Y[:, None]
    known = given_labels(probabilities, labels)
    confident = confident_answers(probabilities, known.thresholds)
    joint = joint_counts(labels, confident, 4)
    distribution = label_joint(joint, known.counts)
    expected = label_quality(probabilities, labels, Quality(quality))[:, 0]
    np.testing.assert_allclose(decode(found.quality), expected, rtol=1e-6)
    np.testing.assert_array_equal(decode(found.suspected), suspected(probabilities, labels, confident)[:, 0])
    np.testing.assert_array_equal(decode(found.joint), joint)
    np.testing.assert_allclose(decode(found.noise_matrix), noise_matrix(distribution))
    np.testing.assert_allclose(decode(found.noise_share), noise_shares(distribution))
    np.testing.assert_array_equal(decode(found.given.sums), known.sums)
    assert not found.HasField("model")


def test_labels_by_themselves_are_judged_one_by_one(stub: Stub) -> None:
    found = stub.AssessLabels(assess(labels=encode(PRESENT), **MULTILABEL))
    expected = label_quality(of_labels(EACH), PRESENT.astype(int), Quality.SELF_CONFIDENCE)
    np.testing.assert_allclose(decode(found.quality), expected, rtol=1e-6)
    assert decode(found.suspected).shape == (200, 3)
    assert decode(found.noise_matrix).shape == (3, 2, 2)
    as_bool = stub.AssessLabels(assess(labels=encode(PRESENT == 1), **MULTILABEL))
    assert as_bool == found


def test_the_first_pass_gives_sums_alone_and_the_second_goes_by_those_of_all_rows(stub: Stub) -> None:
    halves = [slice(0, 300), slice(300, 600)]
    parts = [{"rows": rows_pb2.Rows(probabilities=encode(P[half])), "labels": encode(Y[half])} for half in halves]
    sums = [stub.AssessLabels(assess(**part, sums_only=True)).given for part in parts]
    assert not stub.AssessLabels(assess(sums_only=True)).HasField("joint")
    given = labeling_pb2.GivenLabels(
        counts=encode(sum(decode(one.counts) for one in sums)), sums=encode(sum(decode(one.sums) for one in sums))
    )
    found = [stub.AssessLabels(assess(**part, given=given)) for part in parts]
    whole = stub.AssessLabels(assess())
    np.testing.assert_array_equal(sum(decode(one.joint) for one in found), decode(whole.joint))
    together = np.concatenate([decode(one.suspected) for one in found])
    np.testing.assert_array_equal(together, decode(whole.suspected))


def test_rows_that_cannot_be_scored_count_for_nothing(stub: Stub) -> None:
    broken = P.copy()
    broken[5] = np.nan
    rows = rows_pb2.Rows(probabilities=encode(broken))
    found = stub.AssessLabels(assess(rows=rows))
    assert list(found.invalid_rows) == [5]
    assert np.flatnonzero(np.isnan(decode(found.quality))).tolist() == [5]
    assert decode(found.given.counts).sum() == 599
    evaluated = stub.Evaluate(evaluate(rows=rows))
    assert list(evaluated.invalid_rows) == [5]
    assert decode(evaluated.confusion).sum() == 599


def test_inputs_go_through_the_model(stub: Stub) -> None:
    rows = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(np.log(P), "x")]))
    found = stub.AssessLabels(assess(rows=rows))
    np.testing.assert_allclose(decode(found.quality), P[np.arange(600), Y], rtol=1e-5)
    assert found.model.name == stub.Evaluate(evaluate(rows=rows)).model.name == "m"


def test_predictions_of_classes_are_judged_as_scikit_learn_does(stub: Stub) -> None:
    found = stub.Evaluate(evaluate())
    predicted, truth = P.argmax(axis=1), np.eye(4)[Y]
    assert found.accuracy == pytest.approx((predicted == Y).mean())
    for values, score in ((found.precision, precision_score), (found.recall, recall_score), (found.f1, f1_score)):
        np.testing.assert_allclose(decode(values), score(Y, predicted, average=None))
    np.testing.assert_allclose(decode(found.average_precision), average_precision_score(truth, P, average=None))
    assert found.mean_average_precision == pytest.approx(average_precision_score(truth, P))
    assert found.pooled_average_precision == pytest.approx(average_precision_score(truth, P, average="micro"))
    assert decode(found.calibration).shape == (3, 15)


def test_predictions_of_labels_are_judged_as_scikit_learn_does_without_those_not_verified(stub: Stub) -> None:
    labels = np.where(RANDOM.random(PRESENT.shape) < 0.3, -1, PRESENT)
    found = stub.Evaluate(evaluate(labels=encode(labels), calibration_bins=4, **MULTILABEL))
    for place, (scores, own) in enumerate(zip(EACH.T, labels.T, strict=True)):
        known = own >= 0
        pair = own[known], scores[known] > 0.5
        assert decode(found.f1)[place] == pytest.approx(f1_score(*pair))
        expected = average_precision_score(own[known], scores[known])
        assert decode(found.average_precision)[place] == pytest.approx(expected)
    assert decode(found.calibration)[0].sum() == (labels >= 0).sum()


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_bad_labels_are_refused_by_name(stub: Stub, kind: str) -> None:
    labels, field, reason = BAD_LABELS[kind]
    for call, request in ((stub.AssessLabels, assess), (stub.Evaluate, evaluate)):
        error = refused(call, request(labels=labels))
        assert isinstance(error, InvalidArgumentError)
        assert (error.field, error.reason) == (field, reason)


@pytest.mark.parametrize(
    ("labels", "reason", "words"),
    [
        (np.full(600, -1), "NOTHING_LABELED", "nothing to assess"),
        (np.full(600, 2), "LABELS_ALL_EQUAL", "all equal"),
        (np.where(Y == 3, 0, Y), "EMPTY_CLASS", "none of class 3"),
    ],
)
def test_labels_that_say_too_little_are_refused(stub: Stub, labels: np.ndarray, reason: str, words: str) -> None:
    error = refused(stub.AssessLabels, assess(labels=encode(labels)))
    assert (error.field, error.reason) == ("labels", reason)
    assert words in str(error)


def test_a_label_that_no_row_has_is_an_empty_class(stub: Stub) -> None:
    absent = PRESENT.copy()
    absent[:, 1] = 0
    error = refused(stub.AssessLabels, assess(labels=encode(absent), **MULTILABEL))
    assert error.reason == "EMPTY_CLASS"


def test_nothing_verified_is_refused_unless_it_is_a_part(stub: Stub) -> None:
    nothing = encode(np.full(600, -1))
    assert refused(stub.Evaluate, evaluate(labels=nothing)).reason == "NOTHING_VERIFIED"
    found = stub.Evaluate(evaluate(labels=nothing, part=True))
    assert np.isnan([found.accuracy, found.mean_average_precision, found.calibration_error]).all()


def test_of_no_rows_nothing_is_labeled_or_verified(stub: Stub) -> None:
    none = {"rows": rows_pb2.Rows(probabilities=encode(P[:0])), "labels": encode(Y[:0])}
    assert refused(stub.AssessLabels, assess(**none)).reason == "NOTHING_LABELED"
    assert refused(stub.Evaluate, evaluate(**none)).reason == "NOTHING_VERIFIED"
    assert not decode(stub.AssessLabels(assess(**none, sums_only=True)).given.counts).any()
    assert not decode(stub.Evaluate(evaluate(**none, part=True)).confusion).any()


@pytest.mark.parametrize(
    ("counts", "sums", "field", "reason"),
    [
        (np.ones((1, 3), int), np.ones((1, 4), int), "given.counts.shape", "GIVEN_DOES_NOT_FIT"),
        (np.ones((1, 4), int), np.ones((4,), int), "given.sums.shape", "GIVEN_DOES_NOT_FIT"),
        (np.full((1, 4), -1), np.ones((1, 4), int), "given.counts.data", "GIVEN_DOES_NOT_FIT"),
        (np.full((1, 4), 2**31), np.ones((1, 4), int), "given.counts.data", "GIVEN_DOES_NOT_FIT"),
        (np.ones((1, 4), int), np.full((1, 4), -1), "given.sums.data", "GIVEN_DOES_NOT_FIT"),
        (np.ones((1, 4), int), np.full((1, 4), 2**30 + 1), "given.sums.data", "GIVEN_DOES_NOT_FIT"),
        (np.ones((1, 4), np.int32), np.ones((1, 4), int), "given.counts.data_type", "BAD_TYPE"),
    ],
)
def test_sums_that_no_rows_have_are_refused(
    stub: Stub, counts: np.ndarray, sums: np.ndarray, field: str, reason: str
) -> None:
    given = labeling_pb2.GivenLabels(counts=encode(counts), sums=encode(sums))
    error = refused(stub.AssessLabels, assess(given=given))
    assert (error.field, error.reason) == (field, reason)


def test_sums_belong_to_the_second_pass(stub: Stub) -> None:
    error = refused(stub.AssessLabels, assess(given=labeling_pb2.GivenLabels(counts=encode(Y), sums=encode(Y))))
    assert error.reason == "GIVEN_DOES_NOT_FIT"
    both = assess(given=labeling_pb2.GivenLabels(counts=encode(Y), sums=encode(Y)), sums_only=True)
    assert refused(stub.AssessLabels, both).reason == "GIVEN_NOT_USABLE"


@pytest.mark.parametrize("bins", [-1, 1001])
def test_calibration_bins_out_of_range_are_refused(stub: Stub, bins: int) -> None:
    assert refused(stub.Evaluate, evaluate(calibration_bins=bins)).field == "calibration_bins"


def test_an_unknown_quality_is_refused(stub: Stub) -> None:
    assert refused(stub.AssessLabels, assess(quality=9)).field == "quality"


def test_values_have_no_labels(serve: Callable[..., Server]) -> None:
    server = serve(onnx_models.regression())
    rows = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(np.zeros((2, 4), np.float32), "x")]))
    with grpc.insecure_channel(server.address) as channel:
        error = refused(Stub(channel).AssessLabels, assess(rows=rows, labels=encode(np.zeros(2, int))))
    assert isinstance(error, InvalidArgumentError | FailedPreconditionError)
    assert (error.field, error.reason) == ("task", "TASK_DOES_NOT_FIT")


def test_matrices_that_no_message_holds_are_refused(serve: Callable[..., Server]) -> None:
    server = serve(onnx_models.identity(), message_bytes_max=65_536)
    probabilities = np.full((2, 50), 0.02, np.float32)
    request = assess(rows=rows_pb2.Rows(probabilities=encode(probabilities)), labels=encode(np.array([0, 1])))
    with grpc.insecure_channel(server.address) as channel:
        assert refused(Stub(channel).AssessLabels, request).reason == "TOO_MANY_CLASSES"
