"""Proposals of pieces as those of one whole: whatever the cut, whichever replicas answer."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd import ChannelSettings, Client, FailedPreconditionError, LabelProposals
from assayd.arrays import encode
from assayd.label_proposals import proposals, proposed_part
from assayd.testing import serving
from assayd.v1 import labeling_pb2, scoring_pb2
from assayd_server.core.labels import ACCEPTED, REASONS, row_reasons

Connect, Bare = Callable[..., Client], Callable[..., str]
LOGITS = np.zeros((6, 2), np.float32)


def answer(labels: list[int], *, version: int = 1, reference: str = "") -> labeling_pb2.ProposeLabelsResponse:
    """As a server gives it, with quotas of two rows each; one label is of a reason that we do not know."""
    reasons = [labeling_pb2.PROPOSAL_REASON_ACCEPTED if label >= 0 else 99 for label in labels]
    return labeling_pb2.ProposeLabelsResponse(
        model=scoring_pb2.ModelIdentity(name="m", version=version, digest=f"sha256:{version}"),
        labels=encode(np.array(labels, np.int32)),
        confidence=encode(np.linspace(0.5, 0.9, len(labels)).astype(np.float32)),
        reasons=encode(np.array(reasons, np.int32)),
        counts=encode(np.bincount([label for label in labels if label >= 0], minlength=2)),
        quotas=encode(np.full(2, 2)),
        reference_digest=reference,
    )


def test_a_reason_of_a_newer_server_is_none() -> None:
    found = proposals([proposed_part(answer([0, -1, 1]))])
    assert found.reasons.tolist() == ["accepted", "", "accepted"]


def test_pieces_of_an_older_version_are_asked_again(connect_to: Connect, bare_server: Bare) -> None:
    asked: list[labeling_pb2.ProposeLabelsRequest] = []

    def respond(message: bytes, _context: object) -> bytes:
        request = labeling_pb2.ProposeLabelsRequest.FromString(message)
        asked.append(request)
        return answer([0, 1], version=request.model.version or min(len(asked), 2)).SerializeToString()

    limits = ChannelSettings(rows_max=2, calls_in_flight_max=1)
    found = connect_to(bare_server(respond), settings=limits).propose_labels(LOGITS, quotas=[2, 2])
    assert found.model is not None
    assert found.model.version == 2
    assert [request.model.version for request in asked] == [0, 0, 0, 2]
    assert {request.lane for request in asked} == {scoring_pb2.LANE_BULK}


def test_pieces_by_different_references_are_refused(connect_to: Connect, bare_server: Bare) -> None:
    asked: list[bytes] = []

    def respond(message: bytes, _context: object) -> bytes:
        asked.append(message)
        return answer([0, 1], reference=f"sha256:{len(asked)}").SerializeToString()

    client = connect_to(bare_server(respond), settings=ChannelSettings(rows_max=2))
    with pytest.raises(FailedPreconditionError, match="replicas have different references"):
        client.propose_labels(LOGITS[:4], quotas=[2, 2], novelty_alpha=0.1)


def called(
    predictions: np.ndarray, confidences: np.ndarray, quotas: np.ndarray
) -> labeling_pb2.ProposeLabelsResponse:
    """What a server says of some rows, by the core alone."""
    found = row_reasons(predictions, confidences, confidence_min=np.array([0, 0.5, 0]), quotas=quotas)
    names = [f"PROPOSAL_REASON_{REASONS[one].value.upper()}" for one in found]
    return labeling_pb2.ProposeLabelsResponse(
        labels=encode(np.where(found == ACCEPTED, predictions, -1).astype(np.int32)),
        confidence=encode(confidences.astype(np.float32)),
        reasons=encode(np.array([labeling_pb2.ProposalReason.Value(name) for name in names], np.int32)),
        counts=encode(np.bincount(predictions[found == ACCEPTED], minlength=3)),
        quotas=encode(quotas),
    )


@given(
    rows=st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.integers(2, 6)), max_size=40),  # none of class 2
    quotas=st.lists(st.integers(0, 8), min_size=3, max_size=3),
    cuts=st.lists(st.integers(0, 40), max_size=5),
)
@settings(derandomize=True, deadline=None, max_examples=300)
def test_no_quota_is_broken_and_nothing_changes_by_any_cut_of_the_rows(
    rows: list[tuple[int, int]], quotas: list[int], cuts: list[int]
) -> None:
    predictions = np.array([label for label, _ in rows], np.int64)
    confidences = np.where(predictions < 0, np.nan, np.array([sixth for _, sixth in rows]) / 6)
    limits = np.array(quotas)

    def merged(edges: list[int]) -> LabelProposals:
        places = [slice(start, stop) for start, stop in pairwise(edges)]
        calls = [called(predictions[place], confidences[place], limits) for place in places]
        return proposals([proposed_part(call) for call in calls])

    whole, cut = merged([0, len(rows)]), merged([0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)])
    for name in ("labels", "confidence", "reasons", "counts"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name), err_msg=name)
    assert (cut.counts <= limits).all()
    good = (predictions != 1) | (np.nan_to_num(confidences) >= 0.5)
    there = np.bincount(predictions[good & (predictions >= 0)], minlength=3)
    assert cut.counts.tolist() == np.minimum(there, limits).tolist()
    assert cut.shortfall.tolist() == np.maximum(limits - there, 0).tolist()
    assert replace(cut, quotas=None).shortfall is None


@pytest.fixture(scope="module")
def clients() -> Iterator[dict[int, Client]]:
    """By how many rows they send in a call."""
    with serving() as server:
        sizes = {size: ChannelSettings(rows_max=size) for size in (1, 3, 7, 1000)}
        yield {size: server.client(settings=channel) for size, channel in sizes.items()}


@given(seed=st.integers(0, 2**32 - 1), row_count=st.integers(0, 30), size=st.sampled_from([1, 3, 7]))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_server_never_breaks_a_quota_over_ties_and_rows_of_nan_and_empty_classes(
    clients: dict[int, Client], seed: int, row_count: int, size: int
) -> None:
    random = np.random.default_rng(seed)
    weights = random.integers(1, 4, (row_count, 4)).astype(np.float32)  # many rows are alike
    weights[:, random.integers(4)] = 0  # nothing is of this class
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    probabilities[random.random(row_count) < 0.1] = np.nan
    prior = random.dirichlet(np.full(4, 0.5))
    wanted = {"probabilities": probabilities, "count": int(random.integers(1, 40)), "prior": prior}
    whole, cut = (clients[rows].propose_labels(**wanted, confidence_min=0.4) for rows in (1000, size))
    assert cut.quotas.sum() == wanted["count"]
    assert (cut.counts <= cut.quotas).all()
    assert not (cut.accepted & (cut.confidence < 0.4)).any()
    assert not cut.accepted[np.isnan(probabilities[:, 0])].any()
    for name in ("labels", "confidence", "reasons", "counts", "quotas", "shortfall"):
        np.testing.assert_array_equal(getattr(cut, name), getattr(whole, name), err_msg=name)
