"""propose_labels by a real server: both clients, data of any size, what callers pass in."""

from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pandas as pd
import pytest

import onnx_models
import references
from assayd import ChannelSettings, Client, FailedPreconditionError, InvalidArgumentError, NotFoundError
from assayd.testing import Server

Connect = Callable[..., Client]
RANDOM = np.random.default_rng(1)
LOGITS = RANDOM.integers(0, 5, (900, 4)).astype(np.float32)  # few values, and so many rows as confident as others
LOGITS[:, 3] -= 2
LOGITS[[5, 700]] = np.nan
PIECES = ChannelSettings(rows_max=200)
QUOTAS = [30, 7, 0, 200]
PRIOR = [0.2, 0.3, 0.5, 0.0]
RULES = {
    "thresholds": {"thresholds": [0.5, 0.6, 0.7, 0.8]},
    "one threshold": {"thresholds": 0.7},
    "quotas": {"quotas": QUOTAS},
    "quotas and a least confidence": {"quotas": QUOTAS, "confidence_min": [0.9, 0, 0, 0.5]},
    "a prior": {"count": 101, "prior": PRIOR, "confidence_min": 0.4},
}
NAMES = ("labels", "confidence", "reasons", "counts")


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve(onnx_models.identity())


@pytest.fixture
def with_reference(serve: Callable[..., Server], tmp_path: Path) -> Server:
    model = onnx_models.identity()
    rows = LOGITS[~np.isnan(LOGITS[:, 0])]
    return serve(model, reference=references.write_reference(tmp_path / "r", model, rows))


@pytest.mark.parametrize("rule", RULES)
def test_data_of_any_size_are_decided_as_in_one_call(connect: Connect, server: Server, rule: str) -> None:
    whole = connect(server).propose_labels(LOGITS, **RULES[rule])
    cut = connect(server, settings=PIECES).propose_labels(LOGITS, **RULES[rule])
    for name in NAMES:
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name), err_msg=name)
    np.testing.assert_equal((cut.quotas, cut.shortfall), (whole.quotas, whole.shortfall))
    assert cut.model == whole.model
    assert 0 < whole.accepted.sum() < 900
    assert np.flatnonzero(whole.reasons == "invalid").tolist() == [5, 700]


def test_a_server_that_takes_fewer_rows_than_the_client_knows_of_decides_the_same(
    connect: Connect, serve: Callable[..., Server]
) -> None:
    probabilities = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    whole = connect(serve(onnx_models.identity())).propose_labels(probabilities=probabilities, quotas=QUOTAS)
    cut = connect(serve(onnx_models.identity(), rows_max=100)).propose_labels(
        probabilities=probabilities, quotas=QUOTAS
    )
    np.testing.assert_array_equal(cut.labels, whole.labels)
    assert cut.model is None


def test_quotas_of_a_prior_come_back_with_what_they_lack(connect: Connect, server: Server) -> None:
    found = connect(server, settings=PIECES).propose_labels(LOGITS, count=1000, prior=[0.1, 0.2, 0.3, 0.4])
    assert found.quotas.tolist() == [100, 200, 300, 400]
    assert found.counts.tolist() == np.bincount(found.labels[found.accepted], minlength=4).tolist()
    assert found.counts[0] == 100
    assert found.shortfall[3] > 0
    assert found.counts[3] + found.shortfall[3] == 400


def test_the_most_confident_rows_have_the_labels_and_of_equals_the_earlier(
    connect: Connect, server: Server
) -> None:
    found = connect(server, settings=PIECES).propose_labels(LOGITS, quotas=[50] * 4)
    predictions = np.where(np.isnan(LOGITS[:, 0]), -1, np.nan_to_num(LOGITS).argmax(axis=1))
    for label in range(4):
        of_class = np.flatnonzero(predictions == label)
        best = of_class[np.argsort(-found.confidence[of_class], kind="stable")[:50]]
        assert np.flatnonzero(found.labels == label).tolist() == sorted(best)


def test_the_mean_confidence_is_the_accuracy_that_is_expected(connect: Connect, server: Server) -> None:
    found = connect(server).propose_labels(LOGITS, thresholds=0.7)
    assert found.expected_accuracy == pytest.approx(found.confidence[found.accepted].mean())
    assert f"{found.accepted.sum()} of 900 rows have a label, {found.expected_accuracy:.1%} of them right" in str(
        found
    )
    assert str(found).endswith("below threshold, 2 invalid")
    none = connect(server).propose_labels(LOGITS[:3], quotas=[0] * 4)
    assert np.isnan(none.expected_accuracy)
    assert str(none) == "0 of 3 rows have a label; 3 quota full"
    every = connect(server).propose_labels(LOGITS[:3], thresholds=0)
    assert str(every).endswith("if the model is calibrated")
    assert every.shortfall is None


def test_class_weights_come_back_where_counts_were_given(connect: Connect, server: Server) -> None:
    counts = np.array([10, 20, 30, 40])
    client = connect(server, settings=PIECES)
    found = client.propose_labels(LOGITS, thresholds=0.9, class_counts=counts)
    np.testing.assert_allclose(found.class_weights, 100 / (4 * counts))
    found = client.propose_labels(LOGITS, thresholds=0.9, class_counts=counts, effective_number=0.9)
    np.testing.assert_allclose(found.class_weights, 0.1 / (1 - 0.9**counts))
    assert client.propose_labels(LOGITS, thresholds=0.9).class_weights is None


@pytest.mark.parametrize("wanted", [{"novelty_alpha": 0.05}, {"novelty": "combined"}, {"novelty": "gen"}])
def test_novel_rows_are_left_out_before_quotas_are_filled(
    connect: Connect, with_reference: Server, wanted: dict
) -> None:
    rows = np.concatenate([np.full((3, 4), [1, 1, 1, 1], np.float32) * 50, LOGITS])
    whole = connect(with_reference).propose_labels(rows, quotas=[9000] * 4, **wanted)
    cut = connect(with_reference, settings=PIECES).propose_labels(rows, quotas=[9000] * 4, **wanted)
    np.testing.assert_array_equal(cut.reasons, whole.reasons)
    novel = whole.reasons == "novel"
    assert novel[:3].all()
    assert novel.mean() < 0.12
    assert (whole.labels[novel] == -1).all()
    assert whole.reference_digest.startswith("sha256:")


def test_novelty_without_a_reference_is_refused(connect: Connect, server: Server) -> None:
    with pytest.raises(FailedPreconditionError) as caught:
        connect(server).propose_labels(LOGITS, thresholds=0.9, novelty_alpha=0.1)
    assert caught.value.reason == "NO_REFERENCE"


def test_columns_of_a_table_go_through_the_model(connect: Connect, server: Server) -> None:
    client = connect(server)
    found = client.propose_labels(pd.DataFrame(LOGITS), quotas=pd.Series(QUOTAS))
    np.testing.assert_array_equal(found.labels, client.propose_labels(LOGITS, quotas=QUOTAS).labels)


def test_a_head_scores_embeddings(connect: Connect, server: Server) -> None:
    found = connect(server).propose_labels(
        embeddings=LOGITS, head=(np.eye(4), None), temperature=2.0, thresholds=0
    )
    assert found.model is None
    valid = ~np.isnan(LOGITS[:, 0])
    np.testing.assert_array_equal(found.labels[valid], LOGITS[valid].argmax(axis=1))


def test_of_no_rows_none_has_a_label(connect: Connect, server: Server) -> None:
    found = connect(server).propose_labels(LOGITS[:0], quotas=QUOTAS)
    assert len(found.labels) == 0
    assert found.shortfall.tolist() == QUOTAS


@pytest.mark.parametrize(
    ("wanted", "field", "words"),
    [
        ({}, "thresholds", "got none"),
        ({"thresholds": 0.5, "quotas": QUOTAS}, "thresholds", "got thresholds and quotas"),
        ({"quotas": QUOTAS, "count": 3, "prior": PRIOR}, "thresholds", "got quotas and count with prior"),
        ({"count": 3}, "prior", "is missing beside count"),
        ({"prior": PRIOR}, "count", "is missing beside prior"),
        ({"count": 0, "prior": PRIOR}, "count", "is 0"),
        ({"count": 2.5, "prior": PRIOR}, "count", "is 2.5"),
        ({"thresholds": 0.5, "confidence_min": 0.5}, "confidence_min", "goes with quotas"),
        ({"thresholds": "high"}, "thresholds", "allowed are numbers"),
        ({"thresholds": [[1], [1, 2]]}, "thresholds", "cannot be made into an array"),
        ({"quotas": [1.5] * 4}, "quotas", "allowed are whole numbers"),
        ({"quotas": np.array([1, 2, 2**63, 4], np.uint64)}, "quotas", "has 9223372036854775808"),
        ({"thresholds": 0.5, "class_counts": [1, -2, 1, 1]}, "class_counts", "has -2"),
        ({"thresholds": 0.5, "novelty": "strange"}, "novelty", "'strange' is unknown"),
        ({"thresholds": 0.5, "novelty_alpha": 0.7}, "novelty_alpha", "is 0.7"),
        ({"thresholds": 0.5, "effective_number": 0.9}, "class_counts", "is missing beside effective_number"),
        ({"thresholds": 0.5, "effective_number": 1, "class_counts": QUOTAS}, "effective_number", "is 1"),
        ({"thresholds": 0.5, "task": "sorting"}, "task", "'sorting' is unknown"),
    ],
)
def test_what_makes_no_sense_is_not_sent(
    connect: Connect, server: Server, wanted: dict, field: str, words: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=words) as caught:
        connect(server).propose_labels(LOGITS, **wanted)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"thresholds": 1.5}, "OUT_OF_RANGE"),
        ({"thresholds": [0.5] * 3}, "CLASSES_DO_NOT_FIT"),
        ({"count": 5, "prior": [0.5, 0.5, 0.5, 0]}, "PRIOR_NOT_ONE"),
        ({"thresholds": 0.5, "class_counts": [1, 0, 1, 1]}, "EMPTY_CLASS"),
    ],
)
def test_what_the_server_refuses_is_said(connect: Connect, server: Server, wanted: dict, reason: str) -> None:
    for limits in (None, PIECES):
        with pytest.raises(InvalidArgumentError) as caught:
            connect(server, settings=limits).propose_labels(LOGITS, **wanted)
        assert caught.value.reason == reason


def test_other_failures_are_passed_on(connect_to: Connect, failing_server: Callable[..., str]) -> None:
    address = failing_server(grpc.StatusCode.NOT_FOUND, "no such model")
    with pytest.raises(NotFoundError, match="no such model"):
        connect_to(address).propose_labels(LOGITS, thresholds=0.5)
