"""The model and the "take what is waiting" batcher, for threads and for an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, Future
from typing import Protocol, TypeVar

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.server_kinds.wire import CLASS_COUNT, FEATURE_COUNT, FLOAT32, append_entropy, make_weights

_PASS_ROW_LIMIT = 1024
_ROW_BYTES = FEATURE_COUNT * FLOAT32.itemsize


def _build_model() -> bytes:
    nodes = [
        helper.make_node("Gemm", ["rows", "hidden", "hidden_bias"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["activations"]),
        helper.make_node("Gemm", ["activations", "output", "output_bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    inputs = [helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, FEATURE_COUNT])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, CLASS_COUNT])]
    weights = make_weights()._asdict().items()
    initializers = [numpy_helper.from_array(array, name) for name, array in weights]
    graph = helper.make_graph(nodes, "scorer", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


class Model:
    """A one-threaded session that counts its passes, so that merging can be seen."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(_build_model(), options, providers=providers)
        self.pass_count = 0
        self.row_count = 0

    def score(self, requests: Sequence[bytes]) -> list[bytes]:
        rows = np.frombuffer(b"".join(requests), FLOAT32).reshape(-1, FEATURE_COUNT)
        scores = append_entropy(self._session.run(None, {"rows": rows})[0])
        self.pass_count += 1
        self.row_count += len(rows)
        ends = np.cumsum([len(request) // _ROW_BYTES for request in requests])[:-1]
        return [part.tobytes() for part in np.split(scores, ends)]


class Answer(Protocol):
    """The part of a thread's future and of a loop's future that the batchers use."""

    def done(self) -> bool: ...

    def set_result(self, result: bytes, /) -> None: ...


_AnswerT = TypeVar("_AnswerT", bound=Answer)


def take_waiting(waiting: deque[tuple[bytes, _AnswerT]]) -> list[tuple[bytes, _AnswerT]]:
    """Removes the oldest requests that fit one pass, and one request in any case."""
    batch = [waiting.popleft()]
    byte_count = len(batch[0][0])
    while waiting and byte_count + len(waiting[0][0]) <= _PASS_ROW_LIMIT * _ROW_BYTES:
        batch.append(waiting.popleft())
        byte_count += len(batch[-1][0])
    return batch


def deliver(batch: Sequence[tuple[bytes, Answer]], responses: Sequence[bytes]) -> None:
    for (_, answer), response in zip(batch, responses, strict=True):
        if not answer.done():
            answer.set_result(response)


class ThreadBatcher:
    """Merges the requests of worker threads on one model thread."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._waiting: deque[tuple[bytes, Future[bytes]]] = deque()
        self._arrived = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def score(self, request: bytes) -> bytes:
        answer: Future[bytes] = Future()
        with self._arrived:
            self._waiting.append((request, answer))
            self._arrived.notify()
        return answer.result()

    def _run(self) -> None:
        while True:
            batch = self._take()
            deliver(batch, self._model.score([request for request, _ in batch]))

    def _take(self) -> list[tuple[bytes, Future[bytes]]]:
        with self._arrived:
            self._arrived.wait_for(lambda: self._waiting)
            return take_waiting(self._waiting)


class LoopBatcher:
    """Merges the requests of coroutines; without an executor a pass blocks the event loop."""

    def __init__(self, model: Model, executor: Executor | None) -> None:
        self._model = model
        self._executor = executor
        self._waiting: deque[tuple[bytes, asyncio.Future[bytes]]] = deque()
        self._arrived = asyncio.Event()

    async def score(self, request: bytes) -> bytes:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        self._arrived.set()
        return await answer

    async def run(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                batch = take_waiting(self._waiting)
                deliver(batch, await self._run_pass([request for request, _ in batch]))

    async def _run_pass(self, requests: list[bytes]) -> list[bytes]:
        if self._executor is None:
            return self._model.score(requests)
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._model.score, requests)
