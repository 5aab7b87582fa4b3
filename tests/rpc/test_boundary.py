"""What callers see of errors, deliberate and not: statuses from one table, and nothing of our insides."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry

from assayd.errors import from_rpc_error
from assayd.v1.scoring_pb2 import ScoreRequest
from assayd_server import errors, logs
from assayd_server.metrics import CODES, Metrics
from assayd_server.rpc import status
from assayd_server.rpc.authorization import Authorization
from assayd_server.rpc.boundary import Boundary
from assayd_server.rpc.control import ControlGuard
from assayd_server.rpc.held_requests import HeldRequests
from assayd_server.rpc.pools import CallPool
from assayd_server.rpc.streams import OpenStreams
from assayd_server.rpc.unread import UnreadAnswers

Behavior = Callable[[bytes, grpc.ServicerContext], bytes]
Call = Callable[..., bytes]


@pytest.fixture
def call_guarded() -> Iterator[Callable[[Behavior], Call]]:
    """Serve a behaviour behind the boundary, and return how to call it."""
    pool, control, refusals = call_pool("call"), call_pool("control"), ThreadPoolExecutor(1)
    guard = ControlGuard(health=control, watch=control, reflection=control)
    boundary = Boundary(
        pool,
        refusals,
        guard,
        Metrics(CollectorRegistry()),
        authorization=Authorization(None),
        stream_pool=pool,
        streams=OpenStreams(),
        requests=HeldRequests(1000),
        unread=UnreadAnswers(1000),
        log_calls=False,
    )
    server = grpc.server(refusals, interceptors=[boundary])
    port = server.add_insecure_port("127.0.0.1:0")
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def serve(behavior: Behavior, parse: Callable[[bytes], Any] | None = None) -> Call:
        handler = grpc.unary_unary_rpc_method_handler(behavior, parse)
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("assayd.test.Service", {"Do": handler})]
        )
        server.start()
        return channel.unary_unary("/assayd.test.Service/Do")

    yield serve
    channel.close()
    server.stop(0).wait()
    for threads in (pool, control, refusals):
        threads.shutdown()


def call_pool(name: str) -> CallPool:
    return CallPool(name, threads=2, waiting_max=2, message_wait_max_seconds=10, on_stalled=lambda: None)


def raising(error: Exception) -> Behavior:
    def behavior(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        raise error

    return behavior


def failure(call: Call, **kwargs: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as raised:
        call(b"x", timeout=10, **kwargs)
    return raised.value


def test_every_deliberate_error_has_its_status_in_the_table() -> None:
    assert set(status.STATUS) == set(errors.ServiceError.__subclasses__())


def test_every_status_is_counted_under_the_name_that_dashboards_know() -> None:
    assert {status.name(code) for code in grpc.StatusCode} == set(CODES)


@pytest.mark.parametrize("kind", errors.ServiceError.__subclasses__())
def test_a_deliberate_error_keeps_its_message_reason_field_and_details(
    call_guarded: Callable[[Behavior], Call], kind: type[errors.ServiceError]
) -> None:
    error = kind("is wrong", reason="WRONG", field="a.b", details={"limit": "7"}, retry_after_seconds=1.0)
    caught = from_rpc_error(failure(call_guarded(raising(error))))
    assert caught.status is status.STATUS[kind]
    assert (caught.message, caught.reason, caught.field) == ("a.b: is wrong", "WRONG", "a.b")
    assert caught.details == {"limit": "7"}
    assert caught.retry_after_seconds is not None


def test_a_bug_gives_a_fixed_sentence_and_an_id_that_is_in_the_log(
    call_guarded: Callable[[Behavior], Call], capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure("error")
    caught = from_rpc_error(failure(call_guarded(raising(KeyError("secret of the house")))))
    assert caught.status is grpc.StatusCode.INTERNAL
    assert "secret" not in str(caught)
    (line,) = capfd.readouterr().err.splitlines()
    assert json.loads(line)["request_id"] == caught.details["request_id"]
    assert caught.details["request_id"] in caught.message
    assert "secret of the house" in json.loads(line)["exception"]


def test_the_callers_own_request_id_is_used(call_guarded: Callable[[Behavior], Call]) -> None:
    error = failure(call_guarded(raising(KeyError())), metadata=[("x-request-id", "order-17")])
    assert from_rpc_error(error).details == {"request_id": "order-17"}


@pytest.mark.parametrize("request_id", ["with space", "x" * 129, ""])
def test_a_request_id_that_no_log_should_hold_is_replaced(
    call_guarded: Callable[[Behavior], Call], request_id: str
) -> None:
    error = failure(call_guarded(raising(KeyError())), metadata=[("x-request-id", request_id)])
    assert from_rpc_error(error).details["request_id"] not in ("", request_id)


def test_bytes_that_are_no_message_are_refused(call_guarded: Callable[..., Call]) -> None:
    caught = from_rpc_error(failure(call_guarded(raising(KeyError()), parse=ScoreRequest.FromString)))
    assert caught.status is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.message == "the message is not of this call's type"


def test_a_cause_that_is_in_the_log_is_found_there_by_the_id_in_the_answer(
    call_guarded: Callable[[Behavior], Call], capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure("warning")

    def behavior(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        try:
            raise KeyError("secret of the house")
        except KeyError as error:
            raise errors.InvalidArgumentError("is odd", reason="ODD", field="rows") from error

    caught = from_rpc_error(failure(call_guarded(behavior)))
    (line,) = capfd.readouterr().err.splitlines()
    assert "secret of the house" in json.loads(line)["cause"]
    assert json.loads(line)["request_id"] == caught.details["request_id"]
    assert caught.details["request_id"] in caught.message
    assert "secret" not in str(caught)


def test_the_watch_over_stalled_calls_survives_an_error_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[int] = []

    def on_stalled() -> None:
        told.append(1)
        raise KeyError("of the watch")

    pool = CallPool("call", threads=2, waiting_max=2, message_wait_max_seconds=0.01, on_stalled=on_stalled)
    contexts = [StalledContext(), StalledContext()]
    for context in contexts:
        pool.submit(pool.receive, context, context)
        assert context.cancelled.wait(10)
    pool.shutdown()
    assert len(told) == 2
    assert "of the watch" in capfd.readouterr().err


class StalledContext:
    """A call whose message never comes: an iterator that blocks until the call is cancelled."""

    def __init__(self) -> None:
        self.cancelled = Event()

    def cancel(self) -> None:
        self.cancelled.set()

    def __iter__(self) -> "StalledContext":
        return self

    def __next__(self) -> bytes:
        self.cancelled.wait()
        raise StopIteration


class LaterContext:
    """A call whose answer is read when the test says so."""

    def __init__(self, *, ended: bool = False) -> None:
        self._ended = ended
        self.end: Callable[[], None] = lambda: None

    def add_callback(self, callback: Callable[[], None]) -> bool:
        self.end = callback
        return not self._ended


def test_answers_that_nobody_reads_are_bounded() -> None:
    unread = UnreadAnswers(1000)
    first, second = LaterContext(), LaterContext()
    unread.add(1500, first)  # one alone is always taken
    with pytest.raises(errors.ResourceExhaustedError, match="1500 bytes of answers wait to be read"):
        unread.add(1, second)
    first.end()
    unread.add(600, second)
    assert unread.bytes == 600
    second.end()
    assert unread.bytes == 0


def test_an_answer_whose_call_has_ended_does_not_wait() -> None:
    unread = UnreadAnswers(1000)
    unread.add(900, LaterContext(ended=True))
    assert unread.bytes == 0
