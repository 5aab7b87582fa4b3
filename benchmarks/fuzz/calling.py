"""Sends calls, many at a time, as bytes: no client checks them first."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from assayd_server.rpc.services import MODEL_INFER
from benchmarks.fuzz.cases import Case
from benchmarks.fuzz.credentials import REFUSALS
from benchmarks.fuzz.methods import NEVER_ENDING
from benchmarks.fuzz.wire import MIB

CALLS_OPEN = 48
"""At a time: fewer than a server takes by default, so that being full is not what every answer says."""
DEADLINE_SECONDS = 30.0
FAILURES = ("INTERNAL", "UNKNOWN", "DATA_LOSS", "DEADLINE_EXCEEDED", "UNAVAILABLE")
"""Statuses that no message may bring about: a bug, a hang, a server that is gone."""
_OPTIONS = [
    ("grpc.max_send_message_length", 300 * MIB),
    ("grpc.max_receive_message_length", 64 * MIB),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
]
NEVER_SENT = "CLIENT: Sent message larger than max"
"""What gRPC says of a message that it does not even send: the server was not asked."""


@dataclass
class Outcome:
    """What came of calls."""

    statuses: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often each method's calls ended with each status."""
    failures: list[tuple[Case, str]] = field(default_factory=list)
    """Calls that ended as none may, and how."""
    misjudged: list[tuple[Case, str]] = field(default_factory=list)
    """Calls that were let in or refused, and should not have been, and how they ended."""
    messages: int = 0
    seconds_max: float = 0.0
    """Of the call that took longest."""

    def add(self, case: Case, status: str, details: str, seconds: float) -> None:
        """One call has ended."""
        self.statuses[case.path, status] += 1
        self.messages += max(1, len(case.messages))
        self.seconds_max = max(self.seconds_max, seconds)
        # a request of ModelInfer may have a timeout of its own
        expired = status == "DEADLINE_EXCEEDED" and case.path == MODEL_INFER and seconds < DEADLINE_SECONDS
        if (status in FAILURES and not expired) or "Traceback" in details:
            self.failures.append((case, f"{status}: {details}"))
        if details.startswith(NEVER_SENT):
            return
        if case.refusal is not None and case.refusal != (status if status in REFUSALS else ""):
            self.misjudged.append((case, f"{status}, not {case.refusal or 'let in'}: {details}"))


async def send_all(
    addresses: Sequence[str], cases: Iterable[Case], outcome: Outcome, *, is_lost: Callable[[], bool]
) -> None:
    """Send every call, in turns to the addresses, and count what comes back.

    Args:
        addresses: of one server.
        cases: are taken one at a time, as calls end.
        outcome: is added to.
        is_lost: whether there is no point in going on.
    """
    left = iter(cases)
    async with _channels(addresses) as channels:
        await asyncio.gather(*(_worker(channels, left, outcome, is_lost) for _ in range(CALLS_OPEN)))


async def _worker(
    channels: Sequence["Channel"], left: Iterator[Case], outcome: Outcome, is_lost: Callable[[], bool]
) -> None:
    for case in left:
        if is_lost():
            return
        began = time.perf_counter()
        status, details = await channels[case.index % len(channels)].send(case)
        outcome.add(case, status, details, time.perf_counter() - began)


class Channel:
    """To one address. Streams go by threads: grpc.aio says INTERNAL itself where one ends while it is written."""

    def __init__(self, address: str, unary: grpc.aio.Channel, streams: grpc.Channel) -> None:
        self.address = address
        self.unary = unary
        self._streams = streams

    async def send(self, case: Case) -> tuple[str, str]:
        """One call: its status, and what it says."""
        try:
            if case.is_stream or len(case.messages) != 1:
                await asyncio.to_thread(self._send_stream, case)
            else:
                await self.unary.unary_unary(case.path)(case.messages[0], **_options_of(case))
        except grpc.RpcError as error:
            return error.code().name, error.details() or ""
        return "OK", ""

    def _send_stream(self, case: Case) -> None:
        call = self._streams.stream_stream(case.path)(iter(case.messages), **_options_of(case))
        for _ in call:
            if case.path == NEVER_ENDING:
                call.cancel()
                return


def _options_of(case: Case) -> dict[str, Any]:
    return {"timeout": DEADLINE_SECONDS, "metadata": case.metadata, "compression": case.compression}


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Channel]:
    """A channel to an address."""
    with grpc.insecure_channel(address, options=_OPTIONS) as streams:
        async with grpc.aio.insecure_channel(address, options=_OPTIONS) as unary:
            yield Channel(address, unary, streams)


@asynccontextmanager
async def _channels(addresses: Sequence[str]) -> AsyncIterator[list[Channel]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(address)) for address in addresses]
