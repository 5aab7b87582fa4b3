"""What gRPC is told about retries, load balancing and limits, and which settings are refused."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields

import grpc
import pytest

from assayd import ChannelSettings, InvalidArgumentError, UnavailableError
from assayd.channel import options, service_config

NAMES = [field.name for field in fields(ChannelSettings)]


def test_calls_are_spread_over_every_address() -> None:
    assert service_config(ChannelSettings())["loadBalancingConfig"] == [{"round_robin": {}}]


def test_calls_that_met_no_server_or_a_full_one_are_sent_again() -> None:
    settings = ChannelSettings(attempts_max=3, backoff_initial_seconds=0.25, backoff_max_seconds=4)
    assert service_config(settings)["methodConfig"] == [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 3,
                "initialBackoff": "0.250000000s",
                "maxBackoff": "4.000000000s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"],
            },
        }
    ]


def test_one_attempt_means_no_retry_policy() -> None:
    assert service_config(ChannelSettings(attempts_max=1)) == {"loadBalancingConfig": [{"round_robin": {}}]}


def test_limits_and_times_become_channel_arguments() -> None:
    settings = ChannelSettings(message_bytes_max=5000, dns_interval_min_seconds=0.5, keepalive_seconds=7.5)
    arguments = dict(options(settings, deadline_seconds=10))
    assert json.loads(arguments.pop("grpc.service_config")) == service_config(settings)
    assert arguments == {
        "grpc.max_send_message_length": 5000,
        "grpc.max_receive_message_length": 5000,
        "grpc.enable_retries": 1,
        "grpc.per_rpc_retry_buffer_size": 5000 + 1024 * 1024,
        "grpc.dns_min_time_between_resolutions_ms": 500,
        "grpc.keepalive_time_ms": 7500,
        "grpc.keepalive_timeout_ms": 11_250,
        "grpc.http2.ping_timeout_ms": 11_250,
        "grpc.http2.max_pings_without_data": 0,
        "grpc.initial_reconnect_backoff_ms": 100,
    }


@pytest.mark.parametrize(("deadline_seconds", "milliseconds"), [(10, 2000), (0.1, 400), (604_800, 30_000)])
def test_a_server_is_asked_whether_it_is_there_early_enough_for_another_to_answer(
    deadline_seconds: float, milliseconds: int
) -> None:
    arguments = dict(options(ChannelSettings(), deadline_seconds=deadline_seconds))
    asked, given_up = arguments["grpc.keepalive_time_ms"], arguments["grpc.keepalive_timeout_ms"]
    assert (asked, given_up) == (milliseconds, 1.5 * milliseconds)


def test_no_channel_argument_is_given_twice() -> None:
    names = [name for name, _ in options(ChannelSettings(), deadline_seconds=10)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1])
def test_a_setting_that_is_not_positive_is_refused_by_name(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"^{name} is {value}, allowed are .*above 0 and up to "):
        ChannelSettings(**{name: value})


def test_more_attempts_than_grpc_makes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^attempts_max is 6, allowed are whole numbers above 0 and up to 5$"):
        ChannelSettings(attempts_max=6)


def test_as_many_attempts_as_grpc_makes_are_allowed() -> None:
    assert ChannelSettings(attempts_max=5).attempts_max == 5


def test_settings_are_given_by_name_only() -> None:
    with pytest.raises(TypeError):
        ChannelSettings(1024)


def test_settings_cannot_be_changed() -> None:
    settings = ChannelSettings()
    with pytest.raises(AttributeError):
        settings.rows_max = 1


@pytest.mark.parametrize("name", ["backoff_initial_seconds", "backoff_max_seconds"])
def test_a_tiny_backoff_is_a_duration_to_grpc(name: str) -> None:
    (method,) = service_config(ChannelSettings(**{name: 1e-5}))["methodConfig"]
    assert "0.000010000s" in {method["retryPolicy"]["initialBackoff"], method["retryPolicy"]["maxBackoff"]}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_setting_that_is_no_finite_number_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} is {value}, allowed are .*above 0 and up to "):
        ChannelSettings(**{name: value})


def test_a_refused_call_is_sent_as_often_as_the_settings_say(bare_server, client_kind) -> None:
    attempts = []

    def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
        attempts.append(dict(context.invocation_metadata()).get("grpc-previous-rpc-attempts"))
        context.abort(grpc.StatusCode.UNAVAILABLE, "draining")

    settings = ChannelSettings(attempts_max=3, backoff_initial_seconds=0.01, backoff_max_seconds=0.01)
    with client_kind(bare_server(refuse), settings=settings) as client, pytest.raises(UnavailableError):
        client.models()
    assert attempts == [None, "1", "2"]


def test_a_wrong_call_is_not_sent_again(bare_server, client_kind) -> None:
    attempts = []

    def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
        attempts.append(1)
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "is wrong")

    with client_kind(bare_server(refuse)) as client, pytest.raises(InvalidArgumentError):
        client.models()
    assert attempts == [1]


def test_a_server_that_was_full_answers_at_the_next_attempt(bare_server, client_kind) -> None:
    attempts = []

    def full_once(_request: bytes, context: grpc.ServicerContext) -> bytes:
        attempts.append(1)
        if len(attempts) == 1:
            context.set_trailing_metadata([("grpc-retry-pushback-ms", "1")])
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        return b""

    # without the server's pushback the second attempt would come long after the deadline
    settings = ChannelSettings(backoff_initial_seconds=600, backoff_max_seconds=600)
    with client_kind(bare_server(full_once), settings=settings) as client:
        assert client.models().models == ()
    assert len(attempts) == 2


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes, until its end."""
    with suppress(OSError):  # either side may have gone already
        while received := source.recv(65_536):
            sink.sendall(received)
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def hanging_up_once(address: str) -> Iterator[str]:
    """The address of a way to that server which hangs up on its first connection, as a server does that ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def forward() -> None:
            listener.accept()[0].close()
            host, _, port = address.rpartition(":")
            with listener.accept()[0] as caller, socket.create_connection((host, int(port))) as server:
                back = threading.Thread(target=pump, args=(server, caller))
                back.start()
                pump(caller, server)
                back.join()

        way = threading.Thread(target=forward)
        way.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        way.join()


def test_a_connection_that_was_hung_up_on_is_there_again_before_the_retries_are_over(
    bare_server, client_kind
) -> None:
    settings = ChannelSettings(attempts_max=3)  # which come within 0.36 s
    with (
        hanging_up_once(bare_server(lambda _request, _context: b"")) as address,
        client_kind(address, settings=settings) as client,
    ):
        assert client.models().models == ()


@pytest.mark.parametrize(
    "name", ["message_bytes_max", "rows_max", "calls_in_flight_max", "calls_open_max", "attempts_max"]
)
def test_half_a_thing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is 1.5, allowed are whole numbers"):
        ChannelSettings(**{name: 1.5})


@pytest.mark.parametrize(("name", "value"), [("message_bytes_max", 2**31 - 1), ("keepalive_seconds", 1e9)])
def test_more_than_grpc_can_count_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} is "):
        ChannelSettings(**{name: value})
