"""The statuses of calls for which there is no room: made once, because a full server gives thousands a second."""

import random
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias

from assayd_server.errors import RETRY_AFTER_SECONDS, ResourceExhaustedError, ServiceError
from assayd_server.rpc import status

Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]
"""What a caller sent along with its call."""

_DOUBLINGS_MAX = 5
_DIGITS_MAX = 9
_WAITS = 32
"""Different ones that callers are told of at each number of attempts."""


def too_many(calls: int) -> ResourceExhaustedError:
    """Why a call is refused for which there is no room."""
    return ResourceExhaustedError(
        f"the server is full: {calls} calls are being answered or wait",
        reason="TOO_MANY_CALLS",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def refusal(calls: int, metadata: Metadata) -> status.Failure:
    """The status of too_many, one of those that are there."""
    return random.choice(_refusals(calls, _doublings(metadata)))  # noqa: S311  # nosec B311  # no secret comes of it


def status_of(error: ServiceError, metadata: Metadata) -> status.Failure:
    """With a longer wait at each attempt, and some chance in it, so that callers do not all come back at once."""
    if error.retry_after_seconds is not None:
        chance = random.uniform(0.5, 1.5)  # noqa: S311  # nosec B311  # as above
        error.retry_after_seconds *= 2 ** _doublings(metadata) * chance
    return status.of_error(error)


def first_value(metadata: Metadata, key: str) -> str:
    """Of what a caller sent; empty where it sent none."""
    values: Iterable[Any] = (value for name, value in metadata if name == key)
    return str(next(iter(values), ""))


@lru_cache(maxsize=2 * (_DOUBLINGS_MAX + 1))
def _refusals(calls: int, doublings: int) -> tuple[status.Failure, ...]:
    shares = ((place + 0.5) / _WAITS for place in range(_WAITS))
    return tuple(_after(too_many(calls), 2**doublings * (0.5 + share)) for share in shares)


def _after(error: ResourceExhaustedError, times: float) -> status.Failure:
    error.retry_after_seconds = RETRY_AFTER_SECONDS * times
    return status.of_error(error)


def _doublings(metadata: Metadata) -> int:
    attempts = first_value(metadata, "grpc-previous-rpc-attempts")
    if not attempts.isdecimal():
        return 0
    return min(int(attempts[:_DIGITS_MAX]), _DOUBLINGS_MAX)  # Python reads no number of thousands of digits
