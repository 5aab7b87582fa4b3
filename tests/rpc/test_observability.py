"""What an operator sees: metrics over HTTP, probes, and log lines."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from urllib.error import HTTPError
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

import onnx_models
from assayd import Client, InvalidArgumentError
from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import rows_pb2, selection_pb2, selection_pb2_grpc
from assayd_server import logs
from assayd_server.app import App

Connect = Callable[..., Client]
Serve = Callable[..., Server]

MODEL = {"model": "m", "version": "1"}
SCORE = {"grpc_type": "unary", "grpc_service": "assayd.v1.ScoringService", "grpc_method": "Score"}


def sample(app: Server, name: str, **labels: str) -> float:
    with urlopen(f"http://{app.metrics_address}/metrics", timeout=10) as response:
        families = list(text_string_to_metric_families(response.read().decode()))
    (value,) = [
        sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return value


def test_rows_passes_classes_and_uncertainty_are_counted(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity())
    x = np.array([[9, 0, 0, 0], [0, 9, 0, 0], [0, 9, 0, 0], [0, 0, 0, 0], [np.nan, 0, 0, 0]], np.float32)
    connect(app).score(x, uncertainties=["entropy"])
    assert sample(app, "assayd_rows_total", **MODEL) == 5
    assert sample(app, "assayd_invalid_rows_total", **MODEL) == 1
    assert sample(app, "assayd_executions_total", **MODEL) == 1
    assert sample(app, "assayd_pending_rows", **MODEL) == 0
    classes = [sample(app, "assayd_predicted_rows_total", **MODEL, **{"class": str(c)}) for c in range(4)]
    assert classes == [2, 2, 0, 0]
    for measure in ("entropy", "least_confidence"):
        labels = MODEL | {"measure": measure}
        assert sample(app, "assayd_uncertainty_count", **labels) == 4
        assert sample(app, "assayd_uncertainty_bucket", **labels, le="0.1") == 3
        assert sample(app, "assayd_uncertainty_bucket", **labels, le="1.0") == 4
    for stage in ("queue", "inference", "total"):
        assert sample(app, "assayd_stage_seconds_count", **MODEL, stage=stage) == 1


def test_rows_that_are_ranked_or_decided_on_are_counted_too(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity())
    x = np.array([[9, 0, 0, 0], [np.nan, 0, 0, 0]], np.float32)
    connect(app).rank(x, measure="entropy", count=1)
    assert len(list(connect(app).select_stream([x], budget=0.5))) == 1
    assert sample(app, "assayd_rows_total", **MODEL) == 4
    assert sample(app, "assayd_invalid_rows_total", **MODEL) == 2
    for stage in ("queue", "inference", "total"):
        assert sample(app, "assayd_stage_seconds_count", **MODEL, stage=stage) == 2


def test_rows_are_counted_for_each_member_of_a_committee(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    for name in ("m", "n"):
        onnx_models.write_bundle(tmp_path / "r", onnx_models.identity(), name=name)
    app = serve(tmp_path / "r")
    x = np.array([[9, 0, 0, 0], [np.nan, 0, 0, 1], [1, 2, 3, 4]], np.float32)
    connect(app).rank(x, measure="mean_kl", committee=["m", "n"], count=1)
    for name in ("m", "n"):
        assert sample(app, "assayd_rows_total", model=name, version="1") == 3
        assert sample(app, "assayd_invalid_rows_total", model=name, version="1") == 1


def test_open_streams_are_told(serve: Serve) -> None:
    app = serve(onnx_models.identity())
    assert sample(app, "assayd_streams") == 0
    with grpc.insecure_channel(app.address) as channel:
        requests: SimpleQueue = SimpleQueue()
        settings = selection_pb2.SelectionSettings(measure=1, policy=5, budget=0.1)
        rows = rows_pb2.Rows(logits=encode(np.eye(3)))
        requests.put(selection_pb2.SelectStreamRequest(settings=settings, rows=rows))
        stream = selection_pb2_grpc.SelectionServiceStub(channel).SelectStream(iter(requests.get, None))
        next(stream)
        assert sample(app, "assayd_streams") == 1
        requests.put(None)
        assert list(stream) == []


def test_rows_that_need_no_model_are_not_counted_as_its_traffic(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity())
    client = connect(app)
    client.score(logits=np.zeros((3, 4)), model="m")
    client.score(np.zeros((2, 4), np.float32), head=(np.ones((9, 4)), None))
    assert sample(app, "assayd_executions_total", **MODEL) == 1
    assert sample(app, "assayd_rows_total", **MODEL) == 2
    assert sample(app, "assayd_uncertainty_count", **MODEL, measure="least_confidence") == 0


def test_a_row_that_is_no_probability_is_invalid_and_leaves_the_metrics_sound(
    serve: Serve, connect: Connect
) -> None:
    app = serve(onnx_models.passed_through("probabilities"))
    x = np.array([[0.7, 0.1, 0.1, 0.1], [0, 0, 0, 0], [2.0, -0.5, -0.5, 0], [0.25] * 4], np.float32)
    scores = connect(app).score(x, uncertainties=["ratio"], temperature=2.0, top_k=2)
    assert scores.valid.tolist() == [True, False, False, True]
    assert sample(app, "assayd_invalid_rows_total", **MODEL) == 2
    assert sample(app, "assayd_uncertainty_count", **MODEL, measure="ratio") == 2
    assert np.isfinite(sample(app, "assayd_uncertainty_sum", **MODEL, measure="ratio"))


def test_a_value_beyond_float32_leaves_no_line_that_is_not_json(
    serve: Serve, connect: Connect, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure("warning")
    scores = connect(serve(onnx_models.identity())).score(logits=[[1e300, 1.0, 2.0]], outputs=["logits"])
    assert scores.logits is not None
    assert scores.logits.tolist() == [[np.inf, 1.0, 2.0]]
    assert capfd.readouterr().err == ""


def test_calls_are_counted_under_the_ecosystems_names(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity())
    client = connect(app)
    client.score(np.zeros((1, 4), np.float32))
    with pytest.raises(InvalidArgumentError):
        client.score(np.zeros((1, 5), np.float32))
    assert sample(app, "grpc_server_started_total", **SCORE) == 2
    assert sample(app, "grpc_server_handled_total", **SCORE, grpc_code="OK") == 1
    assert sample(app, "grpc_server_handled_total", **SCORE, grpc_code="InvalidArgument") == 1
    assert sample(app, "grpc_server_handled_total", **SCORE, grpc_code="Internal") == 0
    assert sample(app, "grpc_server_handling_seconds_count", **SCORE) == 2


def test_the_model_and_the_threads_are_told(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity(), inference_threads=1)
    digest = connect(app).model().digest
    assert sample(app, "assayd_model_info", **MODEL, digest=digest) == 1
    assert sample(app, "assayd_threads", purpose="inference") == 1
    assert sample(app, "assayd_threads", purpose="calls") == 64
    assert sample(app, "assayd_failed_models") == 0


def test_ready_is_said_while_it_serves_and_taken_back_when_it_drains(app_to_drain: App) -> None:
    url = f"http://127.0.0.1:{app_to_drain.metrics_port}"

    def look(_seconds: float) -> None:
        with pytest.raises(HTTPError) as raised, urlopen(f"{url}/readyz", timeout=10):
            pass
        raised.value.close()
        with urlopen(f"{url}/healthz", timeout=10) as response:
            seen.extend((raised.value.code, response.status))

    with urlopen(f"{url}/readyz", timeout=10) as response:
        seen = [response.status]
    app_to_drain.drain(wait=look)
    assert seen == [200, 503, 200]


def test_with_log_calls_each_call_has_a_line_with_its_request_id(
    serve: Serve, connect: Connect, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info")
    client = connect(serve(onnx_models.identity(), log_calls=True), metadata={"x-request-id": "order-17"})
    client.score(np.zeros((1, 4), np.float32))
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    (call,) = [line for line in lines if line["event"] == "call"]
    assert (call["method"], call["code"]) == ("/assayd.v1.ScoringService/Score", "OK")
    assert call["request_id"] == "order-17"
    assert call["seconds"] > 0


def test_why_a_model_failed_on_rows_is_in_the_log(
    serve: Serve, connect: Connect, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure("warning")
    client = connect(serve(onnx_models.look_up(rows=8)), metadata={"x-request-id": "order-18"})
    with pytest.raises(InvalidArgumentError):
        client.score(np.array([99]))
    (line,) = map(json.loads, capfd.readouterr().err.splitlines())
    assert (line["request_id"], line["model"], line["version"]) == ("order-18", "m", "1")
    assert "Gather" in line["cause"]


def test_onnx_runtime_does_not_report_to_its_makers(tmp_path: Path) -> None:
    """What it would do without being told otherwise from 1.29 on."""
    script = "import os, assayd_server.model; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    result = subprocess.run(
        [sys.executable, "-c", script], env={}, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert result.stdout == "1\n"
