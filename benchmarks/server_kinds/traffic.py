"""Client traffic: closed-loop calls, calls that stall after their headers, and paced streams."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import grpc

from benchmarks.server_kinds.wire import SCORE_METHOD, STATUS_METHOD, STREAM_METHOD, Exchange, Status

_CALL_COUNT_LIMIT = 100_000
_LONGEST_HOLD_SECONDS = 30.0
_STATUS_TIMEOUT_SECONDS = 2.0
_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 64 * 2**20))


def open_channels(target: str, channel_count: int) -> list[grpc.Channel]:
    """Opens channels that do not share a connection."""
    channels = [grpc.insecure_channel(target, _OWN_CONNECTION) for _ in range(channel_count)]
    for channel in channels:
        grpc.channel_ready_future(channel).result(timeout=5.0)
    return channels


def read_status(channel: grpc.Channel) -> Status:
    call: Any = channel.unary_unary(STATUS_METHOD)
    return Status.unpack(call(b"", timeout=_STATUS_TIMEOUT_SECONDS))


class Answerable(Protocol):
    """A request, and who tells whether a response answers it."""

    @property
    def request(self) -> bytes: ...

    def matches(self, response: bytes, /) -> bool: ...


class ClosedLoop:
    """Keeps a fixed number of calls in flight: the end of a call starts the next one."""

    def __init__(
        self,
        channels: Sequence[grpc.Channel],
        exchanges: Sequence[Answerable],
        timeout_seconds: float,
        *,
        method: str = SCORE_METHOD,
    ) -> None:
        self._calls: list[Any] = [channel.unary_unary(method) for channel in channels]
        self._exchanges = exchanges
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._finished = threading.Event()
        self._live_slot_count = 0
        self._stop_at_seconds = 0.0
        self.latencies_seconds: list[float] = []
        self.failures: Counter[str] = Counter()
        self.wrong_count = 0
        self.elapsed_seconds = 0.0

    def run(self, in_flight: int, duration_seconds: float) -> None:
        self._live_slot_count = in_flight
        started_seconds = time.perf_counter()
        self._stop_at_seconds = started_seconds + duration_seconds
        for slot in range(in_flight):
            self._start(slot, slot)
        if not self._finished.wait(duration_seconds + self._timeout_seconds + 5.0):
            raise TimeoutError("calls outlived their deadline")
        self.elapsed_seconds = time.perf_counter() - started_seconds

    def _start(self, slot: int, turn: int) -> None:
        exchange = self._exchanges[turn % len(self._exchanges)]
        method = self._calls[slot % len(self._calls)]
        started_seconds = time.perf_counter()
        call = method.future(exchange.request, timeout=self._timeout_seconds)
        call.add_done_callback(partial(self._finish, slot, turn, exchange, started_seconds))

    def _finish(self, slot: int, turn: int, exchange: Answerable, started_seconds: float, call: Any) -> None:
        ended_seconds = time.perf_counter()
        if call.code() is not grpc.StatusCode.OK:
            self.failures[call.code().name] += 1
        elif exchange.matches(call.result()):
            self.latencies_seconds.append(ended_seconds - started_seconds)
        else:
            self.wrong_count += 1
        if ended_seconds < self._stop_at_seconds and len(self.latencies_seconds) < _CALL_COUNT_LIMIT:
            self._start(slot, turn + 1)
        else:
            self._retire_slot()

    def _retire_slot(self) -> None:
        with self._lock:
            self._live_slot_count -= 1
            if not self._live_slot_count:
                self._finished.set()


class StalledCalls:
    """Calls whose headers are sent and whose message does not come."""

    def __init__(self, channels: Sequence[grpc.Channel], call_count: int) -> None:
        self._released = threading.Event()
        self._calls: list[Any] = []
        for index in range(call_count):
            score: Any = channels[index % len(channels)].stream_unary(SCORE_METHOD)
            self._calls.append(score.future(self._no_message(), timeout=_LONGEST_HOLD_SECONDS))

    def _no_message(self) -> Iterator[bytes]:
        self._released.wait(_LONGEST_HOLD_SECONDS)
        yield from ()

    def close(self) -> None:
        for call in self._calls:
            call.cancel()
        self._released.set()


class PacedStreams:
    """Open bidirectional streams that each send one row at a fixed interval."""

    def __init__(
        self, channels: Sequence[grpc.Channel], stream_count: int, interval_seconds: float, exchange: Exchange
    ) -> None:
        self._interval_seconds = interval_seconds
        self._exchange = exchange
        self._stopped = threading.Event()
        self._calls: list[Any] = []
        self._threads: list[threading.Thread] = []
        self.latencies_seconds: list[float] = []
        self.wrong_count = 0
        self.answering_streams: set[int] = set()
        for index in range(stream_count):
            self._open(channels[index % len(channels)])

    def _open(self, channel: grpc.Channel) -> None:
        sent_at_seconds: deque[float] = deque()
        score: Any = channel.stream_stream(STREAM_METHOD)
        call = score(self._requests(sent_at_seconds), timeout=_LONGEST_HOLD_SECONDS)
        arguments = (len(self._calls), call, sent_at_seconds)
        self._calls.append(call)
        self._threads.append(threading.Thread(target=self._read, args=arguments, daemon=True))
        self._threads[-1].start()

    def _requests(self, sent_at_seconds: deque[float]) -> Iterator[bytes]:
        while not self._stopped.wait(self._interval_seconds):
            sent_at_seconds.append(time.perf_counter())
            yield self._exchange.request

    def _read(self, index: int, call: Any, sent_at_seconds: deque[float]) -> None:
        try:
            for response in call:
                self._record(index, response, time.perf_counter() - sent_at_seconds.popleft())
        except grpc.RpcError:
            return

    def _record(self, index: int, response: bytes, latency_seconds: float) -> None:
        self.answering_streams.add(index)
        self.latencies_seconds.append(latency_seconds)
        self.wrong_count += not self._exchange.matches(response)

    def close(self) -> None:
        self._stopped.set()
        for call in self._calls:
            call.cancel()
        for thread in self._threads:
            thread.join(timeout=1.0)
