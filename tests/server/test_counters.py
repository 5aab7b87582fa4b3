"""What counts the work of a model lives as long as anybody has the model."""

import gc
import weakref
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import onnx_models
from assayd_server import servable
from assayd_server.bundle import read_folder
from assayd_server.counters import Counters
from assayd_server.metrics import Metrics
from assayd_server.repository import Repository
from assayd_server.servable import Servable


def load(root: Path, version: int) -> Servable:
    folder = onnx_models.write_bundle(root, onnx_models.identity(), version=version)
    return servable.load(read_folder(folder), threads=1)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_call_that_has_a_model_which_is_gone_counts_on_unseen(
    tmp_path: Path, registry: CollectorRegistry
) -> None:
    old, new = load(tmp_path, 1), load(tmp_path, 2)
    counters, repository = Counters(Metrics(registry)), Repository([old])
    repository.follow(counters)
    repository.publish("m", [new], [])
    counters.models[old].rows.inc(3)
    counters.models[new].rows.inc(4)
    shown = [registry.get_sample_value("assayd_rows_total", {"model": "m", "version": v}) for v in "12"]
    assert shown == [None, 4]


def test_nothing_keeps_a_model_that_is_gone(tmp_path: Path, registry: CollectorRegistry) -> None:
    repository = Repository([load(tmp_path, 1)])
    counters = Counters(Metrics(registry))
    repository.follow(counters)
    gone = weakref.ref(repository.find("m", 1))
    repository.publish("m", [load(tmp_path, 2)], [])
    gc.collect()
    assert gone() is None
    assert len(counters.models) == 1


def test_a_version_that_takes_the_place_of_itself_begins_at_zero(
    tmp_path: Path, registry: CollectorRegistry
) -> None:
    old = load(tmp_path / "a", 1)
    counters, repository = Counters(Metrics(registry)), Repository([old])
    repository.follow(counters)
    counters.models[old].rows.inc(3)
    repository.publish("m", [load(tmp_path / "b", 1)], [])
    assert registry.get_sample_value("assayd_rows_total", {"model": "m", "version": "1"}) == 0
