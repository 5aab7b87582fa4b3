"""A server whose models are in a bucket."""

import resource
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

import onnx_models
import processes
from assayd import Client
from assayd.testing import Server, serving
from assayd_server.errors import StartError
from buckets import Bucket, halted
from mirrors import GOOD, manifest
from waiting import wait_until

DEMO = Path(onnx_models.__file__).resolve().parents[1] / "server" / "assayd_server" / "demo" / "models"
POLL = {"repository_poll_seconds": 0.02}
WAIT_SECONDS = 30.0
ROWS = np.eye(4, dtype=np.float32)


def started(bucket: Bucket, tmp_path: Path, **settings: Any) -> Any:
    return serving(repository=bucket.url, repository_cache=tmp_path / "cache", **settings)


def put(bucket: Bucket, tmp_path: Path, version: int) -> None:
    """A version whose temperature is its number, so that no two manifests are alike."""
    root = tmp_path / f"upload-{version}"
    onnx_models.write_bundle(root, GOOD, version=version, temperature=float(version))
    bucket.put_folder(root)


def polls(server: Server, result: str) -> float:
    with urllib.request.urlopen(f"http://{server.metrics_address}/metrics", timeout=10) as response:
        families = text_string_to_metric_families(response.read().decode())
        samples = [sample for family in families for sample in family.samples]
    return sum(
        one.value
        for one in samples
        if one.name == "assayd_repository_polls_total" and one.labels["result"] == result
    )


def test_a_server_starts_from_a_bucket_with_the_pool_and_the_reference(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_folder(DEMO)
    with started(bucket, tmp_path) as server:
        client = server.client()
        assert client.pool().row_count == 450
        assert len(client.score(np.zeros((2, 64), np.uint8), novelty=["combined"]).probabilities) == 2


def test_a_version_that_is_uploaded_is_served_without_a_restart(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, tmp_path, 1)
    with started(bucket, tmp_path, **POLL) as server:
        client = server.client()
        assert client.score(ROWS).model.version == 1
        put(bucket, tmp_path, 2)
        wait_until(lambda: client.score(ROWS).model.version == 2)
        assert [model.version for model in client.models().models] == [1, 2]


def test_a_version_that_is_deleted_is_served_no_more(bucket: Bucket, tmp_path: Path) -> None:
    for version in (1, 2):
        put(bucket, tmp_path, version)
    with started(bucket, tmp_path, **POLL) as server:
        client = server.client()
        bucket.delete("m/2/bundle.json")
        wait_until(lambda: client.score(ROWS).model.version == 1)


def test_a_version_that_is_not_what_it_says_leaves_the_old_one_serving_and_is_listed(
    bucket: Bucket, tmp_path: Path
) -> None:
    put(bucket, tmp_path, 1)
    with started(bucket, tmp_path, **POLL) as server:
        client = server.client()
        bucket.put("m/2/model.onnx", b"half")
        bucket.put("m/2/bundle.json", manifest())
        wait_until(lambda: client.models().failed)
        (failed,) = client.models().failed
        assert (failed.name, failed.version) == ("m", 2)
        assert failed.reason.startswith(f"{bucket.url}/m/2/model.onnx: its digest is sha256:")
        assert client.score(ROWS).model.version == 1


def test_a_version_that_is_mended_is_served(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, tmp_path, 1)
    with started(bucket, tmp_path, **POLL) as server:
        client = server.client()
        bucket.put("m/2/bundle.json", manifest())
        wait_until(lambda: client.models().failed)
        bucket.put("m/2/model.onnx", GOOD)
        wait_until(lambda: client.score(ROWS).model.version == 2)
        assert client.models().failed == ()


def test_a_bucket_that_goes_away_leaves_the_models_serving(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, tmp_path, 1)
    with started(bucket, tmp_path, **POLL) as server:
        client = server.client()
        bucket.go_away()
        wait_until(lambda: polls(server, "failed"))
        assert client.score(ROWS).model.version == 1
        bucket.come_back()
        put(bucket, tmp_path, 2)
        wait_until(lambda: client.score(ROWS).model.version == 2)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
def test_a_cache_whose_disk_takes_no_more_leaves_the_models_serving(bucket: Bucket, tmp_path: Path) -> None:
    """By a limit to the size of files, as in test_mirror_failures.py."""
    put(bucket, tmp_path, 1)
    large = bytes(3_000_000)
    arguments = ("--repository", bucket.url, "--repository-cache", str(tmp_path / "cache"))
    often = ("--repository-poll-seconds", "0.02", "--drain-delay-seconds", "0")
    with (
        processes.serving(tmp_path / "log", *arguments, *often) as server,
        Client(f"127.0.0.1:{server.port}") as client,
    ):
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
        bucket.put("m/2/model.onnx", GOOD)
        bucket.put("m/2/large.bin", large)
        bucket.put("m/2/bundle.json", manifest(large_bin=large))
        wait_until(lambda: client.models().failed)
        (failed,) = client.models().failed
        assert (failed.name, failed.version) == ("m", 2)
        assert failed.reason.startswith(f"{bucket.url}/m/2/large.bin: cannot be written to {tmp_path}/cache/")
        assert failed.reason.endswith(": File too large")
        assert client.score(ROWS).model.version == 1
        put(bucket, tmp_path, 3)  # has room
        wait_until(lambda: client.score(ROWS).model.version == 3)


def test_a_server_starts_from_its_cache_where_the_bucket_cannot_be_had(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, tmp_path, 1)
    with started(bucket, tmp_path):
        pass
    bucket.go_away()
    with started(bucket, tmp_path) as server:
        assert server.client().score(ROWS).model.version == 1


def test_a_server_with_neither_bucket_nor_cache_does_not_start(bucket: Bucket, tmp_path: Path) -> None:
    bucket.go_away()
    with pytest.raises(StartError) as caught, started(bucket, tmp_path):
        pass
    assert str(caught.value).startswith(f"{bucket.url}: cannot be listed: GET http://127.0.0.1:")
    assert str(caught.value).endswith("after 3 retries - error sending request")


def test_a_bucket_without_a_model_stops_the_start(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("m/1/model.onnx", GOOD)
    with pytest.raises(StartError) as caught, started(bucket, tmp_path):
        pass
    assert str(caught.value) == f"{bucket.url}: has no model, expected are objects <name>/<version>/bundle.json"


def test_a_model_of_which_no_version_can_be_had_stops_the_start(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, tmp_path, 1)
    bucket.put("other/1/bundle.json", manifest())
    with pytest.raises(StartError) as caught, started(bucket, tmp_path):
        pass
    assert str(caught.value) == f"{bucket.url}/other/1/model.onnx: is not there, although a manifest names it"


def test_the_only_model_that_cannot_be_had_stops_the_start_with_the_reason(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("m/1/bundle.json", manifest())
    with pytest.raises(StartError) as caught, started(bucket, tmp_path):
        pass
    assert str(caught.value) == f"{bucket.url}/m/1/model.onnx: is not there, although a manifest names it"


def test_a_version_that_made_room_in_the_cache_serves_on_and_comes_back_where_its_successor_fails(
    bucket: Bucket, tmp_path: Path
) -> None:
    large = bytes(1_500_000)
    for version in (1, 2):
        bucket.put(f"m/{version}/model.onnx", GOOD)
        bucket.put(f"m/{version}/large.bin", large)
    bucket.put("m/1/bundle.json", manifest(large_bin=large))
    limits = {"repository_cache_bytes_max": 2_000_000, "versions_max": 1}
    with started(bucket, tmp_path, **limits, **POLL) as server:
        client = server.client()
        bucket.put("m/2/bundle.json", manifest(large_bin=b"another"))
        wait_until(lambda: client.models().failed)
        (failed,) = client.models().failed
        assert failed.reason.startswith(f"{bucket.url}/m/2/large.bin: its digest is ")
        assert [path.parent.name for path in (tmp_path / "cache").rglob("bundle.json")] == ["1"]
        assert bucket.gets().count("m/1/large.bin") == 2
        assert client.score(ROWS).model.version == 1


def test_without_obstore_it_is_said_what_to_install(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(StartError) as caught, started(bucket, tmp_path):
        pass
    assert str(caught.value).endswith("obstore is needed: pip install 'assayd[server,objectstore]'")


def test_a_server_that_stops_gives_up_the_download_that_is_under_way(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, tmp_path, 1)
    large, reached, go_on = bytes(3_000_000), threading.Event(), threading.Event()
    bucket.answer("large.bin", halted(large, reached, go_on))
    with started(bucket, tmp_path, **POLL):
        bucket.put("m/2/model.onnx", GOOD)
        bucket.put("m/2/large.bin", large)
        bucket.put("m/2/bundle.json", manifest(large_bin=large))
        assert reached.wait(WAIT_SECONDS)
    (watch,) = [thread for thread in threading.enumerate() if thread.name == "repository"]
    go_on.set()
    watch.join(WAIT_SECONDS)
    assert {path.parent.name for path in (tmp_path / "cache").rglob("bundle.json")} == {"1"}
    assert list((tmp_path / "cache").rglob("large.bin")) == []


@pytest.mark.xdist_group("workers")
def test_workers_copy_a_version_once(bucket: Bucket, tmp_path: Path) -> None:
    put(bucket, tmp_path, 1)
    arguments = ("--repository", bucket.url, "--repository-cache", str(tmp_path / "cache"), "--workers", "2")
    with processes.serving(tmp_path / "log", *arguments, "--drain-delay-seconds", "0") as server:
        server.wait_for("serving")
        assert bucket.gets().count("m/1/model.onnx") == 1
        with Client(f"127.0.0.1:{server.port}") as client:
            assert client.score(ROWS).model.version == 1
        server.terminate()
        assert server.exit_code() == 0
