"""A new version that comes while a call of ModelInfer is under way: all of its answer is of one version."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

import onnx_models
from assayd_server import servable
from assayd_server.bundle import Bundle, Identity, Manifest
from assayd_server.caller import Caller
from assayd_server.config import Settings
from assayd_server.engine import Engine
from assayd_server.from_settings import engine_of, load_models
from assayd_server.metrics import Metrics
from assayd_server.rpc.direct.infer_wire import InferReader
from assayd_server.rpc.direct.score import Read
from assayd_server.rpc.open_inference import open_inference_pb2 as pb
from assayd_server.rpc.open_inference.servicer import OpenInferenceServicer
from assayd_server.rpc.requests import RowLimits
from assayd_server.score_job import Part, ScoreJob
from open_inference import arrays, request

LIMITS = RowLimits(rows_max=50, head_elements_max=10, ids_max=10)
RANDOM = np.random.default_rng(0)
CLASSES = {1: 3, 2: 5}
"""By version: one has no output of the size of the other's."""
WAIT = 30


class Swapping:
    """Models of which the one of version 1 gives way to that of version 2."""

    def __init__(self, folder: Path) -> None:
        (folder / "m.onnx").write_bytes(network(1))
        settings = Settings(model=folder / "m.onnx")
        self._models, _ = load_models(settings, threads=1)
        self.engine = engine_of(settings, self._models, Metrics(CollectorRegistry()))

    def swap(self) -> None:
        """Version 2 alone is there from now on."""
        bundle = Bundle(Identity("m", 2, "sha256:2"), Manifest(format=1, files={}), network(2))
        self._models.publish("m", [servable.load(bundle, threads=1)], [])


class SwapMeanwhile:
    """What gRPC says of a call, when it is asked how long its caller waits; by then there is a new version."""

    def __init__(self, swap: Callable[[], None]) -> None:
        self._swap = swap

    def time_remaining(self) -> float:
        self._swap()
        return float(WAIT)

    def is_active(self) -> bool:
        return True


def network(version: int) -> bytes:
    return onnx_models.network(width=4, hidden=3, class_count=CLASSES[version], seed=version)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Swapping]:
    found = Swapping(tmp_path)
    yield found
    found.engine.close()


def message() -> pb.ModelInferRequest:
    """Other rows each time."""
    return request(("x", RANDOM.normal(size=(2, 4)).astype(np.float32)), outputs=["logits", "assayd.entropy"])


def answer(engine: Engine, read: Read) -> pb.ModelInferResponse:
    """As the loop that takes calls has it computed and written."""
    found: Future[bytes] = Future()

    def finish(job: ScoreJob, result: Part | Exception) -> None:
        if isinstance(result, Exception):
            found.set_exception(result)
        else:
            found.set_result(read.respond(job.known, result))

    offered: Any = {"finish": finish, "watch": lambda _: None, "model": read.model}
    engine.merging.offer(read.ask, read.rows, Caller(), **offered)
    engine.merging.advance()
    return pb.ModelInferResponse.FromString(found.result(WAIT))


def version_of(response: pb.ModelInferResponse) -> int:
    """That it names, and that all of its numbers are of."""
    version = int(response.model_version)
    assert {name: values.shape for name, values in arrays(response).items()} == {
        "logits": (2, CLASSES[version]),
        "assayd.entropy": (2,),
    }
    return version


@pytest.mark.parametrize("is_known", [False, True], ids=["parsed", "by its form"])
def test_a_request_that_was_read_for_a_version_is_answered_by_it(served: Swapping, is_known: bool) -> None:
    reader = InferReader(served.engine, LIMITS)
    if is_known:
        assert reader.read(message().SerializeToString()) is not None
    read = reader.read(message().SerializeToString())
    served.swap()
    assert read is not None
    assert version_of(answer(served.engine, read)) == 1


def test_the_next_request_is_answered_by_the_new_version(served: Swapping) -> None:
    reader = InferReader(served.engine, LIMITS)
    for version in (1, 2):
        for _ in range(2):
            read = reader.read(message().SerializeToString())
            assert read is not None
            assert version_of(answer(served.engine, read)) == version
        if version == 1:
            served.swap()


def test_a_call_with_a_thread_is_answered_by_the_version_that_it_was_read_for(served: Swapping) -> None:
    servicer = OpenInferenceServicer(served.engine, LIMITS, serving=lambda: True)
    context: Any = SwapMeanwhile(served.swap)
    assert version_of(servicer.ModelInfer(message(), context)) == 1
    assert version_of(servicer.ModelInfer(message(), context)) == 2
