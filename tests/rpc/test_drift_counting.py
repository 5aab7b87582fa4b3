"""Which rows count as production traffic, as Prometheus sees them."""

from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

import onnx_models
import references
from assayd import Client
from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import rows_pb2, scoring_pb2, scoring_pb2_grpc

Serve = Callable[..., Server]
Connect = Callable[..., Client]
ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
INPUTS = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(ROWS, "x")]))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    healthy = np.random.default_rng(1).normal(size=(2000, 4)).astype(np.float32)
    return references.write_reference(tmp_path_factory.mktemp("reference"), onnx_models.identity(), healthy)


@pytest.fixture
def server(serve: Serve, reference: Path) -> Server:
    return serve(onnx_models.identity(), reference=reference)


def score(server: Server, **fields: object) -> scoring_pb2.ScoreResponse:
    with grpc.insecure_channel(server.address) as channel:
        return scoring_pb2_grpc.ScoringServiceStub(channel).Score(scoring_pb2.ScoreRequest(**fields))


def counted(server: Server) -> dict[str, list[int]]:
    """Rows by bin, by column."""
    with urlopen(f"http://{server.metrics_address}/metrics", timeout=10) as response:
        families = text_string_to_metric_families(response.read().decode())
    found: dict[str, list[int]] = {}
    for family in families:
        for sample in family.samples:
            if sample.name == "assayd_drift_rows_total":
                found.setdefault(sample.labels["column"], []).append(int(sample.value))
    return found


def row_counts(server: Server) -> set[int]:
    """How many rows each column has been counted of."""
    return {sum(rows) for rows in counted(server).values()}


def test_rows_of_inputs_that_are_scored_count_once(server: Server) -> None:
    assert row_counts(server) == {0}
    for start in range(0, 60, 20):
        rows = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(ROWS[start : start + 20], "x")]))
        score(server, rows=rows)
    assert row_counts(server) == {60}
    predicted = np.bincount(ROWS.argmax(axis=1), minlength=6).tolist()
    assert counted(server)["predicted_class"] == predicted


def test_what_else_a_call_asks_for_changes_no_count(server: Server) -> None:
    score(server, rows=INPUTS)
    plain = counted(server)
    head = rows_pb2.LinearHead(weights=encode(np.ones((2, 4), np.float32)))
    score(server, rows=INPUTS, temperature=20, outputs=[scoring_pb2.OUTPUT_PREDICTIONS])
    score(server, rows=INPUTS, head=head)
    assert counted(server) == {name: [3 * rows for rows in bins] for name, bins in plain.items()}


def test_an_answer_has_no_embedding_that_was_not_asked_for(server: Server) -> None:
    assert not score(server, rows=INPUTS).HasField("embeddings")


def test_rows_that_the_caller_does_not_want_to_count_do_not(server: Server) -> None:
    score(server, rows=INPUTS, record=False)
    assert row_counts(server) == {0}
    score(server, rows=INPUTS, record=True)
    assert row_counts(server) == {60}


def test_ranking_tests_of_drift_and_ready_made_scores_do_not_count(server: Server, connect: Connect) -> None:
    client = connect(server)
    client.rank(ROWS, measure="entropy", count=3)
    client.test_drift(ROWS)
    client.score(logits=ROWS)
    list(client.select_stream([ROWS], budget=0.1))
    assert row_counts(server) == {0}


def test_a_call_that_is_refused_does_not_count(server: Server) -> None:
    with pytest.raises(grpc.RpcError):
        score(server, rows=INPUTS, top_k=9)
    assert row_counts(server) == {0}


def test_rows_of_the_bulk_lane_do_not_count(server: Server) -> None:
    score(server, rows=INPUTS, lane=scoring_pb2.LANE_BULK)
    score(server, rows=INPUTS, lane=scoring_pb2.LANE_BULK, record=True)
    assert row_counts(server) == {0}


def test_a_lane_that_is_not_known_is_refused(server: Server) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        score(server, rows=INPUTS, lane=9)
    assert "lane" in caught.value.details()
