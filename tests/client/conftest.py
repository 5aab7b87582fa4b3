"""Fixtures: small real gRPC servers that answer as a test says, addresses that never answer, and call counts."""

import asyncio
import re
import socket
import urllib.request
from collections import defaultdict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import grpc
import grpc.aio
import pytest

from assayd import ChannelSettings, Client
from assayd.testing import Server
from client.awaited import AwaitedClient, event_loop

Answer = Callable[[bytes, grpc.ServicerContext], bytes]


class Status(namedtuple("Status", ("code", "details", "trailing_metadata")), grpc.Status):
    """What abort_with_status takes."""


class _AnyMethod(grpc.GenericRpcHandler):
    """Answers every method with one function of bytes, or each with its own."""

    def __init__(self, answer: Answer | Mapping[str, Answer]) -> None:
        self._answer = answer

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        by_name = self._answer if isinstance(self._answer, Mapping) else defaultdict(lambda: self._answer)
        return grpc.unary_unary_rpc_method_handler(by_name[details.method.rpartition("/")[2]])


@pytest.fixture
def bare_server() -> Iterator[Callable[..., str]]:
    """Start servers of one function, or of one by method: bare_server(answer, credentials) gives the address."""
    with ExitStack() as stack:

        def start(answer: Answer | Mapping[str, Answer], credentials: grpc.ServerCredentials | None = None) -> str:
            pool = stack.enter_context(ThreadPoolExecutor(4))
            server = grpc.server(pool, handlers=[_AnyMethod(answer)])
            if credentials is None:
                port = server.add_insecure_port("127.0.0.1:0")
            else:
                port = server.add_secure_port("127.0.0.1:0", credentials)
            server.start()
            stack.callback(lambda: server.stop(None).wait())
            return f"127.0.0.1:{port}"

        yield start


@pytest.fixture
def failing_server(bare_server: Callable[..., str]) -> Callable[..., str]:
    """Start servers that fail every call: failing_server(code, details, trailing_metadata)."""

    def start(code: grpc.StatusCode, details: str = "", trailing: tuple[Any, ...] = ()) -> str:
        def answer(_request: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort_with_status(Status(code, details, trailing))
            raise AssertionError("abort_with_status returned")

        return bare_server(answer)

    return start


@pytest.fixture(params=["grpc", "grpc.aio"])
def rpc_error(request: pytest.FixtureRequest, failing_server: Callable[..., str]) -> Callable[..., grpc.RpcError]:
    """What grpc-python raises for a status, in either way to call: rpc_error(code, details, trailing_metadata)."""

    def call(address: str) -> bytes:
        with grpc.insecure_channel(address) as channel:
            return channel.unary_unary("/any/Method")(b"", timeout=10)

    async def call_and_await(address: str) -> bytes:
        async with grpc.aio.insecure_channel(address) as channel:
            return await channel.unary_unary("/any/Method")(b"", timeout=10)

    def caught(*status: Any) -> grpc.RpcError:
        address = failing_server(*status)
        with pytest.raises(grpc.RpcError) as raised:
            call(address) if request.param == "grpc" else asyncio.run(call_and_await(address))
        return raised.value

    return caught


@pytest.fixture(scope="session")
def awaited_client() -> Iterator[type[AwaitedClient]]:
    """AwaitedClient, with an event loop."""
    with event_loop() as AwaitedClient.loop:
        yield AwaitedClient


@pytest.fixture(params=["Client", "AsyncClient"])
def client_kind(request: pytest.FixtureRequest) -> type[Client]:
    """Client, and what makes an AsyncClient look like one: tests that use it, or a client below, run with both."""
    return Client if request.param == "Client" else request.getfixturevalue("awaited_client")


@pytest.fixture
def connect_to(client_kind: type[Client]) -> Iterator[Callable[..., Client]]:
    """Open clients of an address: connect_to(address, **arguments of Client)."""
    with ExitStack() as stack:
        yield lambda address, **kwargs: stack.enter_context(client_kind(address, **kwargs))


@pytest.fixture
def connect(connect_to: Callable[..., Client]) -> Callable[..., Client]:
    """Open clients of a server: connect(app, **arguments of Client)."""
    return lambda app, **kwargs: connect_to(app.address, **kwargs)


@pytest.fixture
def refusing_address() -> Iterator[str]:
    """An address where nobody listens, held so that nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def silent_listener() -> Iterator[socket.socket]:
    """A socket that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        yield listener


@pytest.fixture
def silent_address(silent_listener: socket.socket) -> str:
    """The address of the silent listener."""
    return f"127.0.0.1:{silent_listener.getsockname()[1]}"


@pytest.fixture
def quick_retries() -> ChannelSettings:
    """Two attempts, a moment apart."""
    return ChannelSettings(attempts_max=2, backoff_initial_seconds=0.01, backoff_max_seconds=0.01)


@pytest.fixture
def score_calls() -> Callable[[Server], dict[str, int]]:
    """How many Score calls a server has answered, by status: score_calls(app)."""
    line = re.compile(r'grpc_server_handled_total{grpc_code="(\w+)",grpc_method="Score",.*} ([0-9.]+)')

    def read(app: Server) -> dict[str, int]:
        with urllib.request.urlopen(f"http://{app.metrics_address}/metrics", timeout=10) as answer:
            counts = {code: int(float(count)) for code, count in line.findall(answer.read().decode())}
        return {code: count for code, count in counts.items() if count}

    return read


@pytest.fixture
def fleet(connect_to: Callable[..., Client]) -> Callable[..., Client]:
    """Open clients of several servers behind one address: fleet(*apps, **arguments of Client)."""
    return lambda *apps, **kwargs: connect_to("ipv4:" + ",".join(app.address for app in apps), **kwargs)


@pytest.fixture
def in_background() -> Iterator[Callable[[Callable[[], Any]], Future]]:
    """Run functions in threads that are joined at the end: in_background(function)."""
    with ThreadPoolExecutor(4) as pool:
        yield pool.submit
