"""How a client reaches its servers: retries, load balancing and limits, all done by gRPC itself."""

import json
from dataclasses import dataclass
from typing import Any

MIB = 1024 * 1024
_RECONNECT_MS = 100
"""Before a connection is tried a second time; then 1.6 times as long each time. gRPC's own second is as long as
nearly all attempts of a call together, and a first try may well meet a server in the moment of its end."""

_KEEPALIVE_SECONDS_MIN, _KEEPALIVE_SECONDS_MAX = 0.4, 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelSettings:
    """Limits and times of one connection to the service."""

    message_bytes_max: int = 16 * MIB
    """The largest request sent and response taken; bigger batches are cut. At most the server's own setting."""

    rows_max: int = 16_384
    """The most rows in one request. Where the server's limit is lower, it says so and batches are cut to that."""

    calls_in_flight_max: int = 8
    """How many requests of one batch or stream are under way at once."""

    calls_open_max: int = 128
    """How many calls of an AsyncClient are open at once; others wait for their turn, and their deadline goes on. A
    default server takes 256 and refuses the next; more than that goes well with a fleet."""

    attempts_max: int = 5
    """How often gRPC sends a request that found no server, or a full or stopping one: 1 to 5, 1 for no retry."""

    backoff_initial_seconds: float = 0.1
    """The pause before the first retry; it doubles each time, with jitter, up to backoff_max_seconds."""

    backoff_max_seconds: float = 2.0
    """The longest pause between two attempts. A full server's own wish (its pushback) goes before both."""

    dns_interval_min_seconds: float = 1.0
    """The shortest time between two look-ups of the address, so that new replicas are found."""

    keepalive_seconds: float | None = None
    """How long a server with open calls may be silent until it is asked whether it is there. Where it says nothing
    for one and a half times as long, the connection is ended and its calls are sent again, to other servers where
    there are any. None is a fifth of the client's deadline, 0.4 to 30 s: half of the deadline is left for that."""

    def __post_init__(self) -> None:
        """Refuse what gRPC would take silently and then not do."""
        for name, maximum in _MAXIMA.items():
            value, kind = getattr(self, name), int if isinstance(maximum, int) else (int, float)
            if value is None and name == "keepalive_seconds":
                continue
            if not isinstance(value, kind) or not 0 < value <= maximum:  # False for NaN
                whole = "whole numbers " if kind is int else ""
                raise ValueError(f"{name} is {value}, allowed are {whole}above 0 and up to {maximum}")


_MAXIMA: dict[str, int | float] = {
    "message_bytes_max": 1024 * MIB,
    "rows_max": 2**31 - 1,
    "calls_in_flight_max": 1024,
    "calls_open_max": 65_536,
    "attempts_max": 5,  # gRPC makes no more
    "backoff_initial_seconds": 3600.0,
    "backoff_max_seconds": 3600.0,
    "dns_interval_min_seconds": 86_400.0,
    "keepalive_seconds": 86_400.0,
}


def options(settings: ChannelSettings, *, deadline_seconds: float) -> list[tuple[str, Any]]:
    """The channel arguments for grpc.insecure_channel and its kin.

    Args:
        settings: of the client.
        deadline_seconds: of its calls.
    """
    keepalive_ms = round(1000 * _keepalive_seconds(settings, deadline_seconds))
    silence_ms = keepalive_ms * 3 // 2
    return [
        ("grpc.max_send_message_length", settings.message_bytes_max),
        ("grpc.max_receive_message_length", settings.message_bytes_max),
        ("grpc.service_config", json.dumps(service_config(settings))),
        ("grpc.enable_retries", 1),
        # gRPC gives up retrying a message that is larger than this buffer; its default is 256 KiB
        ("grpc.per_rpc_retry_buffer_size", settings.message_bytes_max + MIB),
        ("grpc.dns_min_time_between_resolutions_ms", round(1000 * settings.dns_interval_min_seconds)),
        ("grpc.keepalive_time_ms", keepalive_ms),
        ("grpc.keepalive_timeout_ms", silence_ms),
        # a question that gRPC has under way for its own ends takes the place of ours, and has a minute's time
        ("grpc.http2.ping_timeout_ms", silence_ms),
        # gRPC asks no more than twice without data in between, which is what a long call is
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", _RECONNECT_MS),
    ]


def _keepalive_seconds(settings: ChannelSettings, deadline_seconds: float) -> float:
    if settings.keepalive_seconds is not None:
        return settings.keepalive_seconds
    return min(max(deadline_seconds / 5, _KEEPALIVE_SECONDS_MIN), _KEEPALIVE_SECONDS_MAX)


def service_config(settings: ChannelSettings) -> dict[str, Any]:
    """Calls are spread over every address; one that met no server, a full or a stopping one is sent again."""
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if settings.attempts_max > 1:
        config["methodConfig"] = [{"name": [{}], "retryPolicy": _retry_policy(settings)}]
    return config


def _retry_policy(settings: ChannelSettings) -> dict[str, Any]:
    return {
        "maxAttempts": settings.attempts_max,
        "initialBackoff": f"{settings.backoff_initial_seconds:.9f}s",
        "maxBackoff": f"{settings.backoff_max_seconds:.9f}s",
        "backoffMultiplier": 2,
        # a gRPC server that shuts down cancels the calls that reach it in that moment, before any of our code
        "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "CANCELLED"],
    }
