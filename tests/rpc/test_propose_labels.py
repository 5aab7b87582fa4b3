"""ProposeLabels through the wire: what one call decides by thresholds or quotas, and about novel rows."""

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
import references
from assayd.arrays import decode, encode
from assayd.testing import Server, serving
from assayd.v1 import labeling_pb2, labeling_pb2_grpc, novelty_pb2, rows_pb2
from assayd_server.core.labels import REASONS, effective_number, inverse_frequency, quotas_of_prior, row_reasons

Stub = labeling_pb2_grpc.LabelingServiceStub
RANDOM = np.random.default_rng(0)
P = RANDOM.dirichlet([0.5, 0.3, 0.2, 0.1], 500).astype(np.float32)
P[[7, 300]] = np.nan
PREDICTIONS = np.where(np.isnan(P[:, 0]), -1, np.nan_to_num(P).argmax(axis=1))
CONFIDENCES = P.max(axis=1)
ROWS = rows_pb2.Rows(probabilities=encode(P))
ANY = encode(np.zeros(1))
COUNTS = np.array([40, 1, 3, 900])
PRIOR = np.array([0.1, 0.2, 0.3, 0.4])
CENTRES = 6 * np.eye(4)
REASON_NAMES = {number: name for name, number in labeling_pb2.ProposalReason.items()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a reference of rows around four centres; logits are the rows."""
    path, model = tmp_path_factory.mktemp("model") / "m.onnx", onnx_models.identity()
    path.write_bytes(model)
    reference = references.write_reference(path.parent / "r", model, healthy(2000))
    with serving(path, reference=reference) as server:
        yield server


@pytest.fixture(scope="module")
def stub(server: Server) -> Iterator[Stub]:
    with grpc.insecure_channel(server.address) as channel:
        yield Stub(channel)


def healthy(count: int) -> np.ndarray:
    return (CENTRES[RANDOM.integers(0, 4, count)] + RANDOM.normal(0, 0.5, (count, 4))).astype(np.float32)


def inputs(rows: np.ndarray) -> rows_pb2.Rows:
    return rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(rows, "x")]))


def propose(**fields: Any) -> labeling_pb2.ProposeLabelsRequest:
    return labeling_pb2.ProposeLabelsRequest(**{"rows": ROWS, **fields})


def reasons(found: labeling_pb2.ProposeLabelsResponse) -> list[str]:
    names = [REASON_NAMES[number] for number in decode(found.reasons)]
    return [name.removeprefix("PROPOSAL_REASON_").lower() for name in names]


def expected_reasons(**options: Any) -> list[str]:
    return [REASONS[one].value for one in row_reasons(PREDICTIONS, CONFIDENCES, **options)]


@pytest.mark.parametrize("thresholds", [np.array([0.6, 0.7, 0.8, 0.9]), np.array([0.75], np.float32)])
def test_rows_above_the_threshold_of_their_class_have_a_label(stub: Stub, thresholds: np.ndarray) -> None:
    found = stub.ProposeLabels(propose(thresholds=encode(thresholds)))
    expected = expected_reasons(confidence_min=np.broadcast_to(thresholds, 4))
    assert reasons(found) == expected
    accepted = np.array(expected) == "accepted"
    assert 100 < accepted.sum() < 400
    np.testing.assert_array_equal(decode(found.labels), np.where(accepted, PREDICTIONS, -1))
    np.testing.assert_array_equal(decode(found.confidence), CONFIDENCES)
    assert decode(found.counts).tolist() == np.bincount(PREDICTIONS[accepted], minlength=4).tolist()
    unset = ("quotas", "shortfall", "class_weights", "model")
    assert not any(found.HasField(name) for name in unset)
    assert not found.reference_digest


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_each_class_has_at_most_its_quota_of_the_most_confident_rows(stub: Stub, dtype: type) -> None:
    quotas = np.array([20, 0, 10, 200], dtype)
    found = stub.ProposeLabels(propose(quotas={"counts": encode(quotas)}))
    assert reasons(found) == expected_reasons(confidence_min=np.zeros(4), quotas=quotas.astype(int))
    assert decode(found.quotas).tolist() == quotas.tolist()
    assert decode(found.counts)[:3].tolist() == [20, 0, 10]
    of_last = int((PREDICTIONS == 3).sum())
    assert decode(found.shortfall).tolist() == [0, 0, 0, 200 - of_last]
    assert of_last < 200


def test_a_prior_divides_the_count_and_the_least_confidence_holds_besides(stub: Stub) -> None:
    confidence_min = np.array([0, 0, 0.9, 0.9], np.float32)
    quotas = {"by_prior": {"count": 77, "prior": encode(PRIOR)}, "confidence_min": encode(confidence_min)}
    found = stub.ProposeLabels(propose(quotas=quotas))
    of_classes = quotas_of_prior(PRIOR, 77)
    assert decode(found.quotas).tolist() == of_classes.tolist() == [8, 15, 23, 31]
    assert reasons(found) == expected_reasons(confidence_min=confidence_min, quotas=of_classes)
    np.testing.assert_array_equal(decode(found.counts) + decode(found.shortfall), of_classes)


def test_class_weights_are_those_of_the_formulas(stub: Stub) -> None:
    counts = encode(COUNTS)
    found = stub.ProposeLabels(propose(thresholds=ANY, class_weighting={"counts": counts}))
    np.testing.assert_array_equal(decode(found.class_weights), inverse_frequency(COUNTS))
    for b in (0.0, 0.999):
        weighting = {"counts": counts, "effective_number": b}
        found = stub.ProposeLabels(propose(thresholds=ANY, class_weighting=weighting))
        np.testing.assert_array_equal(decode(found.class_weights), effective_number(COUNTS, b))


def test_inputs_go_through_the_model(stub: Stub) -> None:
    valid = P[PREDICTIONS >= 0][:100]
    found = stub.ProposeLabels(propose(rows=inputs(np.log(np.maximum(valid, 1e-30))), thresholds=ANY))
    np.testing.assert_array_equal(decode(found.labels), valid.argmax(axis=1))
    np.testing.assert_allclose(decode(found.confidence), valid.max(axis=1), rtol=1e-5)
    assert found.model.name == "m"


def test_a_head_scores_embeddings_at_a_temperature(stub: Stub) -> None:
    vectors = RANDOM.normal(size=(50, 4)).astype(np.float32)
    rows, head = rows_pb2.Rows(embeddings=encode(vectors)), rows_pb2.LinearHead(weights=encode(np.eye(4)))
    found = stub.ProposeLabels(propose(rows=rows, head=head, temperature=0.5, thresholds=ANY))
    exponentials = np.exp(vectors.astype(float) / 0.5)
    expected = exponentials.max(axis=1) / exponentials.sum(axis=1)
    np.testing.assert_allclose(decode(found.confidence), expected, rtol=1e-5)


def test_of_no_rows_nothing_is_proposed(stub: Stub) -> None:
    none = rows_pb2.Rows(probabilities=encode(P[:0]))
    found = stub.ProposeLabels(propose(rows=none, quotas={"counts": encode(COUNTS)}))
    assert decode(found.labels).shape == decode(found.reasons).shape == (0,)
    assert decode(found.shortfall).tolist() == COUNTS.tolist()


def test_healthy_rows_are_left_out_at_the_declared_rate_and_unrelated_ones_are_left_out(stub: Stub) -> None:
    strange = np.array([[6, 6, 0, 0], [90, 0, 0, 0], [0, 9, 0, 9]], np.float32)  # of some the model is quite sure
    rows = inputs(np.concatenate([strange, healthy(4000)]))
    for alpha, declared in ((0.0, 0.05), (0.2, 0.2)):
        found = stub.ProposeLabels(propose(rows=rows, thresholds=ANY, novelty={"alpha": alpha}))
        novel = np.array(reasons(found)) == "novel"
        assert novel[:3].all()
        assert abs(novel[3:].mean() - declared) < 0.03
        assert (decode(found.labels)[novel] == -1).all()
        assert found.reference_digest.startswith("sha256:")
    assert decode(found.confidence)[1] > 0.99


def test_any_measure_of_the_reference_may_decide_what_is_novel(stub: Stub) -> None:
    rows = inputs(np.concatenate([healthy(500), np.full((1, 4), 3, np.float32)]))
    found = stub.ProposeLabels(
        propose(rows=rows, thresholds=ANY, novelty={"measure": novelty_pb2.NOVELTY_MEASURE_GEN, "alpha": 0.01})
    )
    assert reasons(found)[-1] == "novel"
