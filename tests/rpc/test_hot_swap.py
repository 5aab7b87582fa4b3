"""New versions under load: no call fails, each answer is of one version alone, pools and references come along."""

import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import onnx_models
from assayd import Client, NotFoundError
from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import rows_pb2, selection_pb2, selection_pb2_grpc
from assayd_server.index_building import build as build_index
from assayd_server.index_wanted import Wanted
from assayd_server.reference_building import build as build_reference
from assayd_server.reference_wanted import ReferenceWanted
from waiting import wait_until

Connect = Callable[..., Client]
Serve = Callable[..., Server]
POLL = {"repository_poll_seconds": 0.02}
ROWS = np.random.default_rng(5).normal(size=(300, 4)).astype(np.float32)
WAIT = 20.0


def put(root: Path, version: int, **manifest: Any) -> Path:
    """A version that can be told by its answers: its temperature is its number."""
    return onnx_models.write_bundle(
        root, onnx_models.identity(), version=version, temperature=float(version), **manifest
    )


def served(client: Client) -> int:
    return client.model().version


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one version of one model."""
    put(tmp_path / "models", 1)
    return tmp_path / "models"


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def test_versions_that_come_under_load_fail_no_call_and_each_answer_is_of_the_version_that_it_names(
    serve: Serve, connect: Connect, root: Path
) -> None:
    server = serve(root, versions_max=2, **POLL)
    ended, seen, errors = threading.Event(), set(), []

    def call() -> None:
        client, random = connect(server), np.random.default_rng(0)
        while not ended.is_set():
            rows = random.normal(size=(random.integers(1, 40), 4)).astype(np.float32)
            try:
                scores = client.score(rows)
                assert scores.model is not None
                version = scores.model.version
                np.testing.assert_allclose(scores.probabilities, softmax(rows / version), atol=1e-5)
                seen.add(version)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for version in range(1, 8):
            if version > 1:
                put(root, version)
            wait_until(lambda version=version: version in seen or errors)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert seen == set(range(1, 8))
    assert [model.version for model in connect(server).models().models] == [6, 7]


def test_a_version_that_fails_leaves_the_old_one_serving_and_is_told_of(
    serve: Serve, connect: Connect, root: Path
) -> None:
    server = serve(root, **POLL)
    client = connect(server)
    (put(root, 2) / "model.onnx").write_bytes(b"cut")
    wait_until(lambda: client.models().failed)
    (failed,) = client.models().failed
    assert (served(client), failed.name, failed.version) == (1, "m", 2)
    assert "its digest is sha256:" in failed.reason
    assert series(server)["assayd_failed_models"] == 1


def series(server: Server) -> dict[str, float]:
    """What Prometheus reads, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return {key: float(value) for key, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_series_of_a_version_come_and_go_with_it(serve: Serve, connect: Connect, root: Path) -> None:
    server = serve(root, versions_max=1, **POLL)
    client = connect(server)
    client.score(ROWS)
    put(root, 2)
    wait_until(lambda: served(client) == 2)
    client.score(ROWS[:7])
    mine = {key: value for key, value in series(server).items() if 'model="m"' in key}
    assert not [key for key in mine if 'version="1"' in key]
    assert mine['assayd_rows_total{model="m",version="2"}'] == 7


def test_a_repository_that_is_gone_is_counted_and_changes_nothing(
    serve: Serve, connect: Connect, root: Path
) -> None:
    server = serve(root, **POLL)
    away = root.rename(root.parent / "away")
    wait_until(lambda: series(server)['assayd_repository_polls_total{result="failed"}'] > 0)
    assert served(connect(server)) == 1
    put(away, 2)
    away.rename(root)
    wait_until(lambda: served(connect(server)) == 2)


def test_a_version_that_is_taken_away_is_the_way_back(serve: Serve, connect: Connect, root: Path) -> None:
    put(root, 2)
    client = connect(serve(root, **POLL))
    assert served(client) == 2
    shutil.rmtree(root / "m" / "2")
    wait_until(lambda: served(client) == 1)
    with pytest.raises(NotFoundError, match="has no version 2, loaded are 1"):
        client.score(ROWS, version=2)


def test_a_model_that_comes_has_a_health_status_and_one_that_goes_has_none(serve: Serve, root: Path) -> None:
    server = serve(root, **POLL)
    with grpc.insecure_channel(f"localhost:{server.port}") as channel:
        check = health_pb2_grpc.HealthStub(channel).Check

        def status(name: str) -> str:
            try:
                return health_pb2.HealthCheckResponse.ServingStatus.Name(
                    check(health_pb2.HealthCheckRequest(service=name)).status
                )
            except grpc.RpcError as error:
                return error.code().name  # type: ignore[attr-defined]

        assert (status("m"), status("other")) == ("SERVING", "NOT_FOUND")
        onnx_models.write_bundle(root, onnx_models.identity(), name="other")
        wait_until(lambda: status("other") == "SERVING")
        shutil.rmtree(root / "other")
        wait_until(lambda: status("other") == "NOT_FOUND")


def test_pool_and_reference_come_with_the_version(serve: Serve, connect: Connect, root: Path) -> None:
    client = connect(serve(root, **POLL))
    staged = put(root.parent / "staged", 2)
    np.save(root.parent / "rows.npy", ROWS)
    build_index(Wanted(rows=root.parent / "rows.npy", bundle=staged))
    build_reference(ReferenceWanted(rows=root.parent / "rows.npy", bundle=staged))
    manifest = staged / "bundle.json"
    written = manifest.rename(root.parent / "bundle.json")
    shutil.copytree(staged, root / "m" / "2")
    written.rename(root / "m" / "2" / "bundle.json")
    wait_until(lambda: served(client) == 2)
    assert (client.pool().row_count, client.reference().row_count) == (300, 300)
    scores = client.score(ROWS[:3], neighbors=1, novelty=["energy"])
    assert scores.neighbors is not None
    assert scores.novelty is not None


def test_an_open_stream_goes_on_and_each_answer_names_its_version(
    serve: Serve, connect: Connect, root: Path
) -> None:
    server = serve(root, versions_max=1, **POLL)
    client, is_replaced = connect(server), threading.Event()

    def messages() -> Iterator[selection_pb2.SelectStreamRequest]:
        rows = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(ROWS)]))
        settings = selection_pb2.SelectionSettings(budget=0.2, measure=1, policy=1)
        yield selection_pb2.SelectStreamRequest(settings=settings, rows=rows)
        is_replaced.wait(WAIT)
        yield selection_pb2.SelectStreamRequest(rows=rows)

    with grpc.insecure_channel(f"localhost:{server.port}") as channel:
        answers = selection_pb2_grpc.SelectionServiceStub(channel).SelectStream(messages())
        first = next(answers)
        put(root, 2)
        wait_until(lambda: served(client) == 2)
        is_replaced.set()
        last = next(answers)
    assert (first.model.version, last.model.version) == (1, 2)
