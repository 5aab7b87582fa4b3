"""Calls of the Open Inference Protocol wait, count and are refused as those of the native one are."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

import onnx_models
import references
from assayd import Client
from assayd.testing import Server
from assayd_server.rpc.open_inference import open_inference_pb2 as pb
from busy import WIDTH, busy
from open_inference import arrays, calling, request
from scraping import metric
from waiting import wait_until

Serve = Callable[..., Server]
Connect = Callable[..., Client]
ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    healthy = np.random.default_rng(1).normal(size=(2000, 4)).astype(np.float32)
    return references.write_reference(tmp_path_factory.mktemp("reference"), onnx_models.identity(), healthy)


def drift_rows(server: Server) -> set[float]:
    """How many rows each column of the reference has been counted of."""
    with urlopen(f"http://{server.metrics_address}/metrics", timeout=10) as response:
        families = text_string_to_metric_families(response.read().decode())
    found: dict[str, float] = {}
    for sample in (sample for family in families for sample in family.samples):
        if sample.name == "assayd_drift_rows_total":
            found[sample.labels["column"]] = found.get(sample.labels["column"], 0) + sample.value
    return {*found.values()}


@pytest.mark.parametrize("plain", [False, True], ids=["by the loop", "plain calls"])
@pytest.mark.parametrize(("parameters", "counted"), [({}, 60), ({"priority": 1}, 60), ({"priority": 2}, 0)])
def test_rows_count_as_production_traffic_unless_their_priority_is_low(
    serve: Serve, reference: Path, parameters: dict[str, Any], counted: int, plain: bool
) -> None:
    server = serve(onnx_models.identity(), reference=reference, plain_calls=plain)
    with calling(server.address) as call:
        found = arrays(call("ModelInfer", request(("x", ROWS), parameters=parameters)))
    assert found["assayd.novelty"].shape == found["assayd.novelty_p"].shape == (60,)
    assert drift_rows(server) == {counted}
    assert metric(server, "assayd_rows_total") == 60


@pytest.mark.parametrize("kind", ["uint64_param", "string_param"])
def test_a_priority_is_a_number_in_whichever_field_a_client_writes_it(
    serve: Serve, reference: Path, kind: str
) -> None:
    server = serve(onnx_models.identity(), reference=reference)
    message = request(("x", ROWS))
    setattr(message.parameters["priority"], kind, "3" if kind == "string_param" else 3)
    with calling(server.address) as call:
        call("ModelInfer", message)
    assert drift_rows(server) == {0}


@pytest.mark.parametrize("priority", [1, 2], ids=["online", "bulk"])
def test_a_call_that_has_waited_for_its_timeout_is_not_computed(serve: Serve, priority: int) -> None:
    server = serve(onnx_models.network())
    asked = request(("x", np.zeros((1, WIDTH), np.float32)), parameters={"timeout": 20_000, "priority": priority})
    with calling(server.address) as call, ThreadPoolExecutor(1) as pool:
        with busy(server, 2, threads=2):
            asking = pool.submit(call.error, "ModelInfer", asked)
            wait_until(lambda: metric(server, "assayd_pending_rows") == 5 or asking.done())
            time.sleep(0.02)  # which is its timeout; in the online lane it is looked at when its turn comes
        code, details = asking.result()
    assert code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert details == "the deadline passed before the work began; nothing was computed"
    assert metric(server, "assayd_rows_total") == 0


def test_a_timeout_that_does_not_pass_changes_nothing(serve: Serve) -> None:
    with calling(serve(onnx_models.identity()).address) as call:
        asked = request(("x", ROWS), parameters={"timeout": 10_000_000}, outputs=["logits"])
        np.testing.assert_array_equal(arrays(call("ModelInfer", asked))["logits"], ROWS)


def test_calls_of_both_protocols_go_through_the_model_together(serve: Serve, connect: Connect) -> None:
    server = serve(onnx_models.network(), batch_delay_max_ms=300, batch_rows_enough=8)
    rows = np.zeros((4, 64), np.float32)
    client = connect(server)
    with calling(server.address) as call, ThreadPoolExecutor(2) as pool:
        native = pool.submit(client.score, rows)
        other = pool.submit(call, "ModelInfer", request(("x", rows)))
        assert len(native.result()) == 4
        assert arrays(other.result())["logits"].shape == (4, 10)
    assert metric(server, "assayd_executions_total") == 1
    assert metric(server, "assayd_rows_total") == 8


def test_a_full_server_refuses_with_a_time_to_come_back(serve: Serve) -> None:
    server = serve(onnx_models.network(), rows_pending_max=32_000)
    with busy(server, 2, threads=2, rows=16_000), grpc.insecure_channel(server.address) as channel:
        asked = request(("x", np.zeros((1, WIDTH), np.float32))).SerializeToString()
        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")(asked, timeout=20)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert int(dict(raised.value.trailing_metadata())["grpc-retry-pushback-ms"]) > 0


def test_calls_are_counted_by_method_and_status(serve: Serve) -> None:
    server = serve(onnx_models.identity())
    with calling(server.address) as call:
        call("ModelInfer", request(("x", ROWS)))
        call.error("ModelInfer", request(("y", ROWS)))
        call("ServerLive")
    labels = {"grpc_service": "inference.GRPCInferenceService"}
    for method, code in (("ModelInfer", "OK"), ("ModelInfer", "InvalidArgument"), ("ServerLive", "OK")):
        found = metric(server, "grpc_server_handled_total", grpc_method=method, grpc_code=code, **labels)
        assert found == 1


def test_statistics_are_those_of_both_protocols(serve: Serve, connect: Connect) -> None:
    server = serve(onnx_models.identity())
    connect(server).score(ROWS)
    with calling(server.address) as call:
        call("ModelInfer", request(("x", ROWS[:5])))
        (found,) = call("ModelStatistics", pb.ModelStatisticsRequest(name="m")).model_stats
    assert (found.name, found.version, found.inference_count, found.execution_count) == ("m", "1", 65, 2)
    stats = found.inference_stats
    assert stats.success.count == stats.queue.count == stats.compute_infer.count == 2
    assert stats.success.ns > stats.compute_infer.ns > 0
    assert stats.fail.count == 0
