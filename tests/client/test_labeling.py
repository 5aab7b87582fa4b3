"""assess_labels and evaluate by a real server: both clients, data of any size, what callers pass in."""

from collections.abc import Callable
from dataclasses import replace

import grpc
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

import onnx_models
from assayd import ChannelSettings, Client, InvalidArgumentError, NotFoundError
from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import labeling_pb2, scoring_pb2
from core.labels.samples import noisy

Connect = Callable[..., Client]
P, Y, TRUTH = (array[:, 0] for array in noisy(900, 4, noise=0.15, seed=3))
LOGITS = np.log(P).astype(np.float32)
PIECES = ChannelSettings(rows_max=200)
RANDOM = np.random.default_rng(4)
EACH = RANDOM.uniform(0.01, 0.99, (500, 3))
PRESENT = RANDOM.random((500, 3)) < EACH


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve(onnx_models.identity())


def test_wrong_labels_are_found(connect: Connect, server: Server) -> None:
    found = connect(server).assess_labels(LOGITS, labels=Y)
    wrong = TRUTH != Y
    assert found.suspected[wrong].mean() > 0.7
    assert found.suspected[~wrong].mean() < 0.05
    assert found.quality[wrong].mean() < found.quality[~wrong].mean()
    assert found.noise_share == pytest.approx(wrong.mean(), abs=0.05)
    np.testing.assert_allclose(found.noise_matrix.sum(axis=0), 1)
    assert found.model is not None
    assert found.model.name == "m"
    assert f"{found.suspected.sum()} of 900 labels are probably wrong" in str(found)


@pytest.mark.parametrize("quality", ["self_confidence", "normalized_margin", "confidence_weighted_entropy"])
def test_data_of_any_size_are_assessed_as_in_one_call(connect: Connect, server: Server, quality: str) -> None:
    whole = connect(server).assess_labels(LOGITS, labels=Y, quality=quality)
    cut = connect(server, settings=PIECES).assess_labels(LOGITS, labels=Y, quality=quality)
    for name in ("quality", "suspected", "joint", "noise_matrix", "noise_share"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name), err_msg=name)
    assert cut.model == whole.model


def test_rows_in_order_of_their_classes_are_assessed_although_a_piece_has_no_other(
    connect: Connect, serve: Callable[..., Server]
) -> None:
    """The server takes fewer rows than the client knows of: the call that it refuses becomes two passes."""
    order = np.argsort(Y, kind="stable")
    whole = connect(serve(onnx_models.identity())).assess_labels(probabilities=P, labels=Y)
    client = connect(serve(onnx_models.identity(), rows_max=100))
    cut = client.assess_labels(probabilities=P[order], labels=Y[order])
    assert cut.model is None
    np.testing.assert_array_equal(cut.suspected, whole.suspected[order])


def test_labels_by_themselves_are_assessed(connect: Connect, server: Server) -> None:
    client = connect(server)
    whole = client.assess_labels(probabilities=EACH, labels=PRESENT, task="multilabel")
    cut = connect(server, settings=PIECES).assess_labels(probabilities=EACH, labels=PRESENT, task="multilabel")
    assert whole.quality.shape == whole.suspected.shape == (500, 3)
    assert whole.noise_matrix.shape == (3, 2, 2)
    assert whole.noise_share.shape == (3,)
    np.testing.assert_array_equal(cut.noise_matrix, whole.noise_matrix)
    np.testing.assert_array_equal(cut.suspected, whole.suspected)


def test_rows_that_cannot_be_scored_are_named_by_their_positions_in_all_rows(
    connect: Connect, server: Server
) -> None:
    broken = LOGITS.copy()
    broken[[5, 700]] = np.nan
    for client in (connect(server), connect(server, settings=PIECES)):
        assert client.assess_labels(broken, labels=Y).invalid_rows.tolist() == [5, 700]
        assert client.evaluate(broken, labels=Y).invalid_rows.tolist() == [5, 700]


def test_predictions_are_judged_as_scikit_learn_does(connect: Connect, server: Server) -> None:
    found, predicted = connect(server).evaluate(LOGITS, labels=Y), P.argmax(axis=1)
    assert found.accuracy == pytest.approx((predicted == Y).mean())
    np.testing.assert_allclose(found.precision, precision_score(Y, predicted, average=None))
    np.testing.assert_allclose(found.recall, recall_score(Y, predicted, average=None))
    np.testing.assert_allclose(found.f1, f1_score(Y, predicted, average=None))
    assert found.support.tolist() == np.bincount(Y).tolist()
    assert found.mean_average_precision == pytest.approx(np.mean(found.average_precision))


def test_all_but_average_precision_adds_up_over_pieces(connect: Connect, server: Server) -> None:
    whole = connect(server).evaluate(LOGITS, labels=Y, calibration_bins=7)
    cut = connect(server, settings=PIECES).evaluate(LOGITS, labels=Y, calibration_bins=7)
    np.testing.assert_array_equal(cut.confusion, whole.confusion)
    assert cut.calibration_error == whole.calibration_error
    assert cut.average_precision is cut.mean_average_precision is cut.pooled_average_precision is None
    assert "mAP" in str(whole)
    assert "mAP" not in str(cut)


def test_labels_that_are_not_verified_are_left_out(connect: Connect, server: Server) -> None:
    known = np.arange(900) >= 250  # none of the first piece is
    labels = np.where(known, Y, -1)
    expected = connect(server).evaluate(LOGITS[known], labels=Y[known])
    for settings in (None, PIECES):
        found = connect(server, settings=settings).evaluate(LOGITS, labels=labels)
        np.testing.assert_array_equal(found.confusion, expected.confusion)
        assert found.verified == 650


def test_evaluation_of_labels_by_themselves_is_of_what_is_present(connect: Connect, server: Server) -> None:
    found = connect(server).evaluate(probabilities=EACH, labels=PRESENT, task="multilabel")
    np.testing.assert_allclose(found.f1, f1_score(PRESENT, EACH > 0.5, average=None))
    assert found.support.tolist() == PRESENT.sum(axis=0).tolist()
    assert found.confusion.shape == (3, 2, 2)


def test_an_evaluation_prints_the_worst_classes_first(connect: Connect, server: Server) -> None:
    found = connect(server).evaluate(LOGITS, labels=Y)
    lines = str(found).splitlines()
    assert lines[0].startswith(f"accuracy {found.accuracy:.3f} of 900 labels, mAP ")
    assert [int(line.split()[0]) for line in lines[2:]] == np.argsort(found.f1).tolist()
    many = replace(found, confusion=np.eye(30, dtype=np.int64))
    assert str(many).splitlines()[-1] == "and 10 classes with a higher F1"


def test_without_a_row_of_any_class_there_is_no_mean(connect: Connect, server: Server) -> None:
    found = connect(server).evaluate(LOGITS, labels=Y)
    assert np.isnan(replace(found, average_precision=np.full(4, np.nan)).mean_average_precision)


def test_columns_of_a_table_go_through_the_model(connect: Connect, server: Server) -> None:
    client, table = connect(server), pd.DataFrame(LOGITS)
    found = client.assess_labels(table, labels=pd.Series(Y))
    np.testing.assert_array_equal(found.suspected, client.assess_labels(LOGITS, labels=Y).suspected)


def test_a_head_scores_embeddings(connect: Connect, server: Server) -> None:
    found = connect(server).evaluate(embeddings=LOGITS, labels=Y, head=(np.eye(4), None), temperature=2.0)
    assert found.model is None
    assert found.accuracy == pytest.approx((P.argmax(axis=1) == Y).mean())


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (Y[:-1], "there are 900 rows"),
        (Y[:, None, None], "there are 900 rows"),
        (Y + 0.5, "allowed are whole numbers"),
        ([[1], [1, 2]], "cannot be made into an array"),
    ],
)
def test_labels_that_do_not_fit_are_not_sent(connect: Connect, server: Server, labels: object, words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words) as caught:
        connect(server).assess_labels(LOGITS, labels=labels)
    assert caught.value.field == "labels"


@pytest.mark.parametrize(
    ("wanted", "field"),
    [({"quality": "best"}, "quality"), ({"task": "sorting"}, "task"), ({"version": -1}, "")],
)
def test_unknown_options_are_refused(connect: Connect, server: Server, wanted: dict, field: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        connect(server).assess_labels(LOGITS, labels=Y, **wanted)
    assert caught.value.field == field


@pytest.mark.parametrize("bins", [0, 1001])
def test_calibration_bins_out_of_range_are_refused(connect: Connect, server: Server, bins: int) -> None:
    with pytest.raises(InvalidArgumentError, match="calibration_bins"):
        connect(server).evaluate(LOGITS, labels=Y, calibration_bins=bins)


def test_what_the_server_refuses_is_said(connect: Connect, server: Server) -> None:
    with pytest.raises(InvalidArgumentError, match="none of class 3"):
        connect(server).assess_labels(LOGITS, labels=np.where(Y == 3, 0, Y))
    for settings in (None, PIECES):
        with pytest.raises(InvalidArgumentError, match="nothing to compare with") as caught:
            connect(server, settings=settings).evaluate(LOGITS, labels=np.full(900, -1))
        assert caught.value.reason == "NOTHING_VERIFIED"


def test_the_second_pass_asks_for_the_model_of_the_first(
    connect_to: Connect, bare_server: Callable[..., str]
) -> None:
    asked: list[labeling_pb2.AssessLabelsRequest] = []

    def answer(message: bytes, _context: object) -> bytes:
        request = labeling_pb2.AssessLabelsRequest.FromString(message)
        asked.append(request)
        response = labeling_pb2.AssessLabelsResponse(
            model=scoring_pb2.ModelIdentity(name="m", version=7, digest="sha256:7"),
            given=labeling_pb2.GivenLabels(counts=encode(np.ones((1, 4), int)), sums=encode(np.ones((1, 4), int))),
        )
        if not request.sums_only:
            response.quality.CopyFrom(encode(np.ones(2, np.float32)))
            response.suspected.CopyFrom(encode(np.zeros(2, bool)))
            response.joint.CopyFrom(encode(np.ones((1, 4, 4), int)))
        return response.SerializeToString()

    client = connect_to(bare_server(answer), settings=ChannelSettings(rows_max=2))
    client.assess_labels(LOGITS[:4], labels=Y[:4])
    first, second = ([one for one in asked if one.sums_only is wanted] for wanted in (True, False))
    assert [one.model.version for one in first] == [0, 0]
    assert [(one.model.name, one.model.version) for one in second] == [("m", 7)] * 2
    assert all(one.given.HasField("counts") for one in second)


def test_other_failures_of_the_one_call_are_passed_on(
    connect_to: Connect, failing_server: Callable[..., str]
) -> None:
    address = failing_server(grpc.StatusCode.NOT_FOUND, "no such model")
    with pytest.raises(NotFoundError, match="no such model"):
        connect_to(address).assess_labels(LOGITS, labels=Y)
