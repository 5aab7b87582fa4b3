"""Health and reflection, as load balancers and grpcurl see them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import onnx_models
from assayd.testing import Server
from assayd_server.app import App

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def app(serve: Callable[..., Server]) -> Server:
    return serve(onnx_models.identity())


@pytest.fixture
def channel(app: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(app.address) as channel:
        yield channel


@pytest.mark.parametrize("service", ["", "m", "assayd.v1.ScoringService"])
def test_the_server_its_service_and_its_model_are_serving(channel: grpc.Channel, service: str) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status == SERVING


def test_an_unknown_service_has_no_health(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="x"), timeout=10)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


def test_health_says_no_while_the_server_still_answers(app_to_drain: App) -> None:
    seen: list[int] = []

    def look(_seconds: float) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{app_to_drain.port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            seen.append(stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status)

    app_to_drain.drain(wait=look)
    assert seen == [NOT_SERVING]


def test_a_watcher_is_told_of_the_end_before_the_server_stops(app_to_drain: App) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{app_to_drain.port}") as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=10)
        seen = [next(watch).status]
        app_to_drain.drain(wait=lambda _seconds: seen.append(next(watch).status))
        assert seen == [SERVING, NOT_SERVING]


def test_a_watcher_of_an_unknown_service_is_told_so(channel: grpc.Channel) -> None:
    watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service="x"), timeout=10)
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_more_watchers_than_there_are_threads_are_told_to_do_without(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    watches = [stub.Watch(health_pb2.HealthCheckRequest(), timeout=30) for _ in range(32)]
    assert {next(watch).status for watch in watches} == {SERVING}
    with pytest.raises(grpc.RpcError) as raised:
        next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=10))
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status == SERVING
    for watch in watches:
        watch.cancel()


def test_watches_that_come_and_go_do_not_stop_the_server(app: Server) -> None:
    def come_and_go() -> None:
        with grpc.insecure_channel(app.address) as channel:
            for _ in range(20):
                watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=10)
                with suppress(grpc.RpcError):  # refused while those that went hold their threads a moment longer
                    next(watch)
                watch.cancel()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with grpc.insecure_channel(app.address) as channel:
        response = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
    assert response.status == SERVING


def test_reflection_names_the_services(channel: grpc.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (response,) = stub.ServerReflectionInfo(iter([request]), timeout=10)
    assert [service.name for service in response.list_services_response.service] == [
        "assayd.v1.LabelingService",
        "assayd.v1.MonitoringService",
        "assayd.v1.RetrievalService",
        "assayd.v1.ScoringService",
        "assayd.v1.SelectionService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "inference.GRPCInferenceService",
    ]
