"""The thread that looks at the repository: it counts, says once what is wrong, and never dies of it."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

import onnx_models
from assayd_server import logs, servable
from assayd_server.bundle import Bundle
from assayd_server.metrics import Metrics
from assayd_server.reloading import Reloading
from assayd_server.repository import Failure
from assayd_server.repository_watch import RepositoryWatch
from assayd_server.servable import Servable


class Panic(BaseException):
    """As libraries of other languages raise it."""


class Bench:
    """A watch over a folder with one model."""

    def __init__(self, root: Path) -> None:
        self.registry = CollectorRegistry()
        self.surprise = False
        onnx_models.write_bundle(root, onnx_models.identity())
        self.reloading = Reloading(root, self._load, sync=self._sync)
        self.reloading.begin()
        self.watch = RepositoryWatch(self.reloading, seconds=0.01, polls=Metrics(self.registry).polls)

    def _load(self, bundle: Bundle) -> Servable:
        return servable.load(bundle, threads=1)

    def _sync(self) -> list[Failure]:
        if self.surprise:
            raise Panic("nobody thought of this")
        return []

    def polls(self, result: str) -> float:
        return self.registry.get_sample_value("assayd_repository_polls_total", {"result": result}) or 0

    def more(self, result: str, *, seconds: float = 20) -> None:
        """Wait for two more polls: the second began after this call."""
        before, end = self.polls(result), time.monotonic() + seconds
        while self.polls(result) < before + 2:
            assert time.monotonic() < end, "it did not come"


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "models")
    yield bench
    bench.watch.stop()


def events(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    return [line["event"] for line in lines]


def test_polls_are_counted_and_find_what_is_new(bench: Bench, tmp_path: Path) -> None:
    onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), version=2)
    bench.more("ok")
    assert bench.reloading.repository.find("m", 0).identity.version == 2


def test_what_is_wrong_is_said_once_and_so_is_its_end(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info")
    away = shutil.move(tmp_path / "models", tmp_path / "away")
    bench.more("failed")
    shutil.move(away, tmp_path / "models")
    bench.more("ok")
    assert events(capsys) == [
        "repository cannot be read: the models stay as they are",
        "repository can be read again",
    ]


def test_a_surprise_ends_a_poll_and_not_the_thread(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.surprise = True
    bench.more("failed")
    bench.surprise = False
    bench.more("ok")
    assert "repository could not be looked at" in capsys.readouterr().err


def test_it_can_be_stopped(bench: Bench) -> None:
    bench.watch.stop()
    with pytest.raises(AssertionError, match="it did not come"):
        bench.more("ok", seconds=0.2)
