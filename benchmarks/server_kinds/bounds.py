"""Bounds on stalled calls for a synchronous server: refusal when full, and a receipt timeout."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc

_WATCH_INTERVAL_SECONDS = 0.05


@dataclass(frozen=True)
class Pooled:
    """A behaviour with its own threads; grpc reads the attribute of that name."""

    behaviour: Callable[[Any, Any], Any]
    experimental_thread_pool: ThreadPoolExecutor

    def __call__(self, request: Any, context: grpc.ServicerContext) -> Any:
        return self.behaviour(request, context)


class CountedPool(ThreadPoolExecutor):
    """A pool that knows whether a new call would have to wait for a worker."""

    def __init__(self, worker_count: int) -> None:
        super().__init__(worker_count)
        self._worker_count = worker_count
        self._lock = threading.Lock()
        self._taken_count = 0

    def is_full(self) -> bool:
        return self._taken_count >= self._worker_count

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self._add_taken(1)
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(lambda _: self._add_taken(-1))
        return future

    def _add_taken(self, count: int) -> None:
        with self._lock:
            self._taken_count += count


def _refuse(_requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "all workers are taken")
    return b""


def make_refusal_handler() -> Any:
    """Declares the request a stream, so that the refusal does not wait for a message either."""
    return grpc.stream_unary_rpc_method_handler(Pooled(_refuse, ThreadPoolExecutor(1)))


@dataclass(frozen=True)
class _Receipt:
    context: grpc.ServicerContext
    deadline_seconds: float


class ReceiptWatch:
    """Cancels calls whose message does not follow their headers in time."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._awaited: dict[int, _Receipt] = {}
        threading.Thread(target=self._run, daemon=True).start()

    def receive(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        receipt = _Receipt(context, time.monotonic() + self._timeout_seconds)
        self._awaited[id(receipt)] = receipt
        try:
            return next(requests)
        finally:
            del self._awaited[id(receipt)]

    def _run(self) -> None:
        while True:
            time.sleep(_WATCH_INTERVAL_SECONDS)
            for receipt in list(self._awaited.values()):
                if receipt.deadline_seconds <= time.monotonic():
                    receipt.context.cancel()
