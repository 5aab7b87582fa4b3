"""Requests that the demo's model, reference and pool answer: what is mutated, and answered in the end."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from assayd.arrays import encode
from assayd.v1 import (
    labeling_pb2,
    monitoring_pb2,
    novelty_pb2,
    retrieval_pb2,
    rows_pb2,
    scoring_pb2,
    selection_pb2,
    tensor_pb2,
)
from benchmarks.fuzz.valid_infer import valid_infers

WIDTH, EMBEDDING, CLASSES, POOL_ROWS = 64, 32, 10, 450
"""Of the demo: pixels of an image, numbers of its embedding, digits, rows of the pool."""
MODEL = scoring_pb2.ModelSelector(name="digits", version=1)
_RNG = np.random.default_rng(0)

Sequences = Mapping[str, Sequence[tuple[Message, ...]]]
"""By the path of a method, calls; each is the messages that are sent in it."""


def floats(*shape: int) -> tensor_pb2.Tensor:
    """A tensor of normal numbers."""
    return encode(_RNG.normal(size=shape).astype(np.float32))


def ids(*values: int) -> tensor_pb2.Tensor:
    """A tensor of ids of the pool."""
    return encode(np.array(values, np.int64))


def images(count: int) -> rows_pb2.Rows:
    """Rows for the model."""
    pixels = encode(_RNG.integers(0, 17, (count, WIDTH)).astype(np.uint8), "image")
    return rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[pixels]))


def shares(*shape: int) -> tensor_pb2.Tensor:
    """A tensor of probabilities."""
    return encode(_RNG.dirichlet(np.ones(shape[-1]), shape[:-1]))


def head(classes: int = 3) -> rows_pb2.LinearHead:
    """A linear layer over the demo's embedding."""
    return rows_pb2.LinearHead(weights=floats(classes, EMBEDDING), bias=floats(classes))


def counts_of(classes: int) -> tensor_pb2.Tensor:
    """A tensor of a count for each class."""
    return encode(np.arange(1, classes + 1))


def _scores() -> Iterator[Message]:
    request = scoring_pb2.ScoreRequest
    yield request(rows=images(3))
    yield request(
        model=MODEL,
        rows=images(2),
        outputs=[scoring_pb2.OUTPUT_PROBABILITIES, scoring_pb2.OUTPUT_EMBEDDINGS],
        uncertainties=[1, 2, 3, 4, 7],
        top_k=3,
        neighbors=2,
        novelty=[novelty_pb2.NOVELTY_MEASURE_COMBINED, novelty_pb2.NOVELTY_MEASURE_KNN],
        novelty_alpha=0.1,
        record=False,
        lane=scoring_pb2.LANE_BULK,
        temperature=2.0,
    )
    yield request(rows=images(4), head=head(), top_k=1)
    yield request(rows=rows_pb2.Rows(logits=floats(4, 5)), task=scoring_pb2.TASK_MULTILABEL, uncertainties=[5, 6])
    yield request(rows=rows_pb2.Rows(probabilities=shares(4, CLASSES)), model=MODEL)
    yield request(rows=rows_pb2.Rows(embeddings=floats(4, EMBEDDING)), head=head(7), outputs=[1])
    yield request(rows=rows_pb2.Rows(pool_ids=ids(3, 1, 4)), uncertainties=[2])


def _ranks() -> Iterator[Message]:
    request, wide = selection_pb2.RankRequest, rows_pb2.Rows(embeddings=floats(12, EMBEDDING))
    names = encode(np.array([f"row {number}" for number in range(12)]))
    yield request(rows=images(6), measure=2, count=3, order=selection_pb2.ORDER_ASCENDING, offset=7, part=True)
    yield request(
        rows=wide, head=head(), measure=4, count=3, badge={}, candidates=8, ids=names, temperature=0.5, seed=7
    )
    yield request(rows=wide, head=head(), measure=1, count=3, k_center={})
    yield request(rows=wide, head=head(), measure=3, count=2, cluster_margin={"bits": 4})
    yield request(rows=images(6), measure=1, count=2, stochastic={"beta": 2.0}, lane=scoring_pb2.LANE_BULK)
    yield request(
        rows=images(6), measure=8, count=2, density={"direction": floats(EMBEDDING), "beta": 2.0, "base": 4}
    )
    committee = rows_pb2.Rows(committee=rows_pb2.Committee(logits=floats(3, 5, 4)))
    yield request(rows=committee, measure=12, count=2, batch_bald={"samples": 100})
    yield request(rows=rows_pb2.Rows(committee=rows_pb2.Committee(values=floats(3, 5, 2))), measure=15, count=2)
    dropout = selection_pb2.CommitteeSource(dropout={"samples": 4, "rate": 0.3})
    yield request(rows=images(4), measure=12, count=2, committee=dropout)
    members = selection_pb2.CommitteeSource(models={"models": [MODEL, MODEL]})
    yield request(rows=images(4), measure=9, count=2, committee=members)
    yield request(
        rows=rows_pb2.Rows(logits=floats(6, 4)), embeddings=floats(6, 8), measure=2, count=2, k_center={}
    )


def _retrievals() -> Iterator[tuple[str, Message]]:
    search, expand = retrieval_pb2.SearchRequest, retrieval_pb2.ExpandCandidatesRequest
    yield "Search", search(model=MODEL, rows=images(2), k=5, exclude_ids=ids(1, 2), similarity_min=-0.5)
    yield "Search", search(rows=rows_pb2.Rows(embeddings=floats(3, EMBEDDING)))
    yield "Search", search(rows=rows_pb2.Rows(pool_ids=ids(17)), k=1)
    yield "ExpandCandidates", expand(new_ids=ids(5, 9), labeled_ids=ids(5, 9, 33), k=4)
    known = retrieval_pb2.Candidates(ids=ids(40, 41), sources=ids(5, 5), similarities=floats(2))
    select = retrieval_pb2.SelectCandidatesRequest
    common = {"new_ids": ids(5), "labeled_ids": ids(5, 9), "candidates": known, "k": 6, "count": 3}
    yield "SelectCandidates", select(**common, measure=2, random_share=0.3, seed=3)
    yield "SelectCandidates", select(**common, measure=4, head=head(), badge={}, diverse_from=20)
    yield "SelectCandidates", select(**common, measure=8, density={"beta": 1.0}, cluster_margin={"bits": 3})
    boundary = retrieval_pb2.SearchBoundaryRequest
    yield "SearchBoundary", boundary(first_ids=ids(5, 9), second_ids=ids(33, 17), labeled_ids=ids(40), k=4)
    yield "SearchBoundary", boundary(first_ids=ids(7), second_ids=ids(8), head=head(), temperature=2.0)
    yield "GetVectors", retrieval_pb2.GetVectorsRequest(model=MODEL, ids=ids(0, 449, 0))
    yield "GetPool", retrieval_pb2.GetPoolRequest(model=MODEL)


def _drifts() -> Iterator[Message]:
    request = monitoring_pb2.TestDriftRequest
    yield request(model=MODEL, rows=images(60), alpha=0.05, delta=0.2, columns=["entropy"])
    yield request(rows=rows_pb2.Rows(probabilities=shares(60, CLASSES)), embeddings=floats(60, EMBEDDING))
    yield request(rows=rows_pb2.Rows(embeddings=floats(60, EMBEDDING)))


def _labels() -> Iterator[tuple[str, Message]]:
    rows, labels = rows_pb2.Rows(probabilities=shares(60, 4)), encode(np.arange(60) % 4)
    assess, evaluate = labeling_pb2.AssessLabelsRequest, labeling_pb2.EvaluateRequest
    yield "AssessLabels", assess(rows=rows, labels=labels, quality=3)
    yield "AssessLabels", assess(rows=rows, labels=labels, sums_only=True)
    counts = encode(np.full((1, 4), 15))
    yield "AssessLabels", assess(rows=rows, labels=labels, given={"counts": counts, "sums": counts})
    yield "Evaluate", evaluate(rows=rows, labels=labels, calibration_bins=7)
    propose, weighting = labeling_pb2.ProposeLabelsRequest, {"counts": counts_of(4), "effective_number": 0.99}
    thresholds = encode(np.array([0.5, 0.6, 0.7, 0.8]))
    yield "ProposeLabels", propose(rows=rows, thresholds=thresholds, class_weighting=weighting)
    quotas = {"counts": counts_of(CLASSES), "confidence_min": encode(np.array([0.4], np.float32))}
    yield "ProposeLabels", propose(model=MODEL, rows=images(20), quotas=quotas, novelty={"alpha": 0.1})
    by_prior = {"count": 30, "prior": encode(np.full(4, 0.25))}
    yield "ProposeLabels", propose(rows=rows, quotas={"by_prior": by_prior}, temperature=2.0, lane=2)


def selecting(policy: int, state: bytes = b"") -> selection_pb2.SelectionSettings:
    """How a stream is sampled."""
    return selection_pb2.SelectionSettings(
        measure=2, policy=policy, budget=0.3, window=20, seed=5, state=state, temperature=1.5
    )


def watching(state: bytes = b"") -> monitoring_pb2.WatchSettings:
    """How a stream is watched."""
    return monitoring_pb2.WatchSettings(model=MODEL, window_rows=200, expected_run_rows=100_000, state=state)


def _select_streams() -> Iterator[tuple[Message, ...]]:
    request = selection_pb2.SelectStreamRequest
    for policy in selection_pb2.SelectionPolicy.values()[1:]:
        rows = rows_pb2.Rows(logits=floats(6, 4))
        yield request(settings=selecting(policy), rows=rows), request(rows=rows), request(rows=rows)
    yield (
        request(settings=selecting(5)),
        request(rows=images(3), ids=encode(np.array(["a", "b", "c"]))),
    )


def _watch_streams() -> Iterator[tuple[Message, ...]]:
    request = monitoring_pb2.WatchDriftRequest
    yield request(settings=watching(), rows=images(60)), request(rows=images(60)), request(rows=images(60))
    scores = rows_pb2.Rows(probabilities=shares(300, CLASSES))
    yield request(settings=watching()), request(rows=scores, embeddings=floats(300, EMBEDDING))


@cache
def valid_calls() -> Sequences:
    """At least one call of each method, which is answered; the same ones each time."""
    found: dict[str, list[tuple[Message, ...]]] = {}

    def add(service: str, name: str, calls: Iterator[Any]) -> None:
        sent = [call if isinstance(call, tuple) else (call,) for call in calls]
        found.setdefault(f"/{service}/{name}", []).extend(sent)

    add("assayd.v1.ScoringService", "Score", _scores())
    add("assayd.v1.ScoringService", "GetModel", iter([scoring_pb2.GetModelRequest(model=MODEL)]))
    add("assayd.v1.ScoringService", "ListModels", iter([scoring_pb2.ListModelsRequest()]))
    add("assayd.v1.SelectionService", "Rank", _ranks())
    add("assayd.v1.SelectionService", "SelectStream", _select_streams())
    for name, message in _retrievals():
        add("assayd.v1.RetrievalService", name, iter([message]))
    add("assayd.v1.MonitoringService", "TestDrift", _drifts())
    add("assayd.v1.MonitoringService", "WatchDrift", _watch_streams())
    add("assayd.v1.MonitoringService", "GetReference", iter([monitoring_pb2.GetReferenceRequest(model=MODEL)]))
    for name, message in _labels():
        add("assayd.v1.LabelingService", name, iter([message]))
    for name, message in valid_infers():
        add("inference.GRPCInferenceService", name, iter([message]))
    for name in ("Check", "Watch"):
        add("grpc.health.v1.Health", name, iter([health_pb2.HealthCheckRequest(service="digits")]))
    if hasattr(health_pb2, "HealthListRequest"):  # older ones have none
        add("grpc.health.v1.Health", "List", iter([health_pb2.HealthListRequest()]))
    asked = reflection_pb2.ServerReflectionRequest
    files = [asked(list_services=""), asked(file_by_filename="assayd/v1/rows.proto")]
    files += [asked(file_containing_symbol="assayd.v1.Rows"), asked(host="x", all_extension_numbers_of_type="y")]
    add("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", iter(files))
    return found
