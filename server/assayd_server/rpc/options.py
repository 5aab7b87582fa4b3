"""What the gRPC server is built with."""

from dataclasses import dataclass
from pathlib import Path

from assayd_server import descriptors

_KEEPALIVE_MS = 60_000
_PING_INTERVAL_MIN_MS = 250
"""Clients ask whether the server is there as often as once a second while a call is open; gRPC's default of five
minutes would disconnect them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """What the gRPC server is built with: the settings of the same names."""

    host: str
    port: int
    uds: Path | None
    workers: int
    reflection: str
    plain_calls: bool
    call_threads: int
    calls_waiting_max: int
    message_wait_max_seconds: float
    streams_max: int
    stream_idle_max_seconds: float
    streams_per_connection_max: int
    connections_max: int
    message_bytes_max: int
    rows_max: int
    head_elements_max: int
    ids_max: int
    request_bytes_pending_max: int
    unread_bytes_max: int
    connection_age_max_seconds: float
    connection_grace_seconds: float
    log_calls: bool


def channel_arguments(options: ServerOptions) -> list[tuple[str, int]]:
    """What gRPC is told of it."""
    return [
        ("grpc.max_receive_message_length", options.message_bytes_max),
        ("grpc.max_send_message_length", options.message_bytes_max),
        ("grpc.max_concurrent_streams", options.streams_per_connection_max),
        ("grpc.max_allowed_incoming_connections", descriptors.connections_allowed(options.connections_max)),
        ("grpc.max_connection_age_ms", round(1000 * options.connection_age_max_seconds)),
        ("grpc.max_connection_age_grace_ms", round(1000 * options.connection_grace_seconds)),
        ("grpc.http2.min_ping_interval_without_data_ms", _PING_INTERVAL_MIN_MS),
        # a peer that is gone without a word is noticed, and what waits to be sent to it is dropped
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_MS // 3),
        # but for the workers of one server, a second one on the same port is a mistake, and should say so
        ("grpc.so_reuseport", int(options.workers > 1)),
    ]
