"""The server process: one kind of server, alone on its CPU until its parent ends it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import grpc
import grpc.aio

from benchmarks.server_kinds.batching import LoopBatcher, Model, ThreadBatcher
from benchmarks.server_kinds.bounds import CountedPool, Pooled, ReceiptWatch, make_refusal_handler
from benchmarks.server_kinds.wire import (
    SCORE_METHOD,
    STATUS_METHOD,
    STREAM_METHOD,
    Status,
    pin_process,
    wait_for_parent,
)

_SERVER_CPU_INDEX = 0
_ADDRESS = "127.0.0.1:0"


@dataclass(frozen=True)
class ServerKind:
    """A server to measure; without workers it is an asyncio server.

    The fields after `runs_inline` are the bounds against stalled calls, and
    are measured for the synchronous server only.
    """

    name: str
    worker_count: int = 0
    runs_inline: bool = False
    options: tuple[tuple[str, int], ...] = ()
    maximum_concurrent_rpcs: int | None = None
    refuses_when_full: bool = False
    receipt_timeout_seconds: float | None = None


class Lookup(grpc.GenericRpcHandler):
    """Finds handlers; grpc calls it when headers arrive, before it asks for a worker."""

    def __init__(self, model: Model, is_full: Callable[[], bool] | None = None) -> None:
        self._model = model
        self._is_full = is_full
        self._refusal = make_refusal_handler() if is_full else None
        self._seen_call_count = 0
        self.handlers: dict[str, Any] = {}

    def service(self, handler_call_details: Any) -> Any:
        if handler_call_details.method == SCORE_METHOD:
            self._seen_call_count += 1
            if self._is_full and self._is_full():
                return self._refusal
        return self.handlers.get(handler_call_details.method)

    def status(self) -> bytes:
        counts = (self._model.pass_count, self._model.row_count, self._seen_call_count)
        return Status(time.process_time(), *counts).pack()


def _make_score_handler(kind: ServerKind, batcher: ThreadBatcher) -> Any:
    if kind.receipt_timeout_seconds is None:
        return grpc.unary_unary_rpc_method_handler(lambda request, _: batcher.score(request))
    watch = ReceiptWatch(kind.receipt_timeout_seconds)

    def score(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return batcher.score(watch.receive(requests, context))

    return grpc.stream_unary_rpc_method_handler(score)


def _make_sync_handlers(kind: ServerKind, model: Model, status: Callable[[], bytes]) -> dict[str, Any]:
    batcher = ThreadBatcher(model)

    def score_stream(requests: Iterator[bytes], _context: grpc.ServicerContext) -> Iterator[bytes]:
        return map(batcher.score, requests)

    answer_status = Pooled(lambda _request, _context: status(), ThreadPoolExecutor(2))
    return {
        SCORE_METHOD: _make_score_handler(kind, batcher),
        STREAM_METHOD: grpc.stream_stream_rpc_method_handler(score_stream),
        STATUS_METHOD: grpc.unary_unary_rpc_method_handler(answer_status),
    }


def _serve_sync(kind: ServerKind, connection: Connection) -> None:
    counted_pool = CountedPool(kind.worker_count) if kind.refuses_when_full else None
    pool = counted_pool or ThreadPoolExecutor(kind.worker_count)
    model = Model()
    lookup = Lookup(model, counted_pool.is_full if counted_pool else None)
    lookup.handlers = _make_sync_handlers(kind, model, lookup.status)
    limit = kind.maximum_concurrent_rpcs
    server = grpc.server(pool, [lookup], options=kind.options, maximum_concurrent_rpcs=limit)
    port = server.add_insecure_port(_ADDRESS)
    server.start()
    connection.send(port)
    wait_for_parent(connection)


def _make_aio_handlers(batcher: LoopBatcher, status: Callable[[], bytes]) -> dict[str, Any]:
    async def score(request: bytes, _context: Any) -> bytes:
        return await batcher.score(request)

    async def score_stream(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield await batcher.score(request)

    async def answer_status(_request: bytes, _context: Any) -> bytes:
        return status()

    return {
        SCORE_METHOD: grpc.unary_unary_rpc_method_handler(score),
        STREAM_METHOD: grpc.stream_stream_rpc_method_handler(score_stream),
        STATUS_METHOD: grpc.unary_unary_rpc_method_handler(answer_status),
    }


async def _serve_aio(kind: ServerKind, connection: Connection) -> None:
    model = Model()
    batcher = LoopBatcher(model, None if kind.runs_inline else ThreadPoolExecutor(1))
    batching = asyncio.create_task(batcher.run())
    lookup = Lookup(model)
    lookup.handlers = _make_aio_handlers(batcher, lookup.status)
    server = grpc.aio.server(options=kind.options)
    server.add_generic_rpc_handlers([lookup])
    port = server.add_insecure_port(_ADDRESS)
    await server.start()
    connection.send(port)
    await asyncio.to_thread(wait_for_parent, connection)
    batching.cancel()
    os._exit(0)


def run_server(kind: ServerKind, connection: Connection) -> None:
    """Serves until the parent ends or is dead; leaves at once, even with calls still stalled."""
    pin_process(_SERVER_CPU_INDEX)
    if kind.worker_count:
        _serve_sync(kind, connection)
    else:
        asyncio.run(_serve_aio(kind, connection))
    os._exit(0)
