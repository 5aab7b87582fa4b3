"""One call at a time, by a gRPC client that sees what a load generator does not: the status and the answer."""

import time
from typing import Any

import grpc

from benchmarks.serving.exchanges import Exchange

TIMEOUT_SECONDS = 60.0
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", 64 * 2**20),
]

_NOT_READY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.NOT_FOUND)
"""Some servers know of no model until it is loaded."""


class WrongAnswerError(Exception):
    """A server did not say what NumPy says."""


def asked(target: str, exchange: Exchange) -> bytes:
    """The response to one call.

    Args:
        target: as gRPC writes it: "127.0.0.1:50051" or "unix:/path".
        exchange: what to ask.

    Raises:
        grpc.RpcError: the status was not OK.
    """
    with grpc.insecure_channel(target, _OPTIONS) as channel:
        call: Any = channel.unary_unary(exchange.method)
        return call(exchange.request, timeout=TIMEOUT_SECONDS)


def checked(name: str, target: str, exchange: Exchange) -> bytes:
    """The response to one call, which is right.

    Raises:
        WrongAnswerError: it is not.
        grpc.RpcError: the status was not OK.
    """
    response = asked(target, exchange)
    if not exchange.matches(response):
        raise WrongAnswerError(f"{name}: the answer to {exchange.method} is not NumPy's")
    return response


def until_answered(
    name: str, target: str, exchange: Exchange, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> None:
    """Ask until the server is ready, and see that its answer is right.

    Raises:
        WrongAnswerError: it is not.
        grpc.RpcError: the last refusal, when the time was over.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            checked(name, target, exchange)
            return
        except grpc.RpcError as error:
            refused: Any = error
            if refused.code() not in _NOT_READY or time.monotonic() > deadline:
                raise
        time.sleep(0.005)
