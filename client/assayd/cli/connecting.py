"""The connection that the flags describe."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc

from assayd import Client, DeadlineExceededError, InvalidArgumentError, UnavailableError
from assayd.cli.exits import UsageError
from assayd.cli.interrupting import interruptible
from assayd.cli.securing import security
from assayd.connection import Connection


@contextmanager
def connected(
    address: str, deadline_seconds: float, *, on_interrupt: Callable[[], None] = lambda: None
) -> Iterator[Client]:
    """A client; its errors say where no server answers, as below, and SIGINT ends what it does.

    Args:
        address: of the server.
        deadline_seconds: for each call.
        on_interrupt: ends what else may be waited for; called in another thread.
    """
    with _usage():
        client = Client(address, deadline_seconds=deadline_seconds, **security())

    def stop() -> None:
        on_interrupt()
        client.close()

    with explained(address, deadline_seconds), client, interruptible(stop):
        yield client


def channel(address: str, *, deadline_seconds: float) -> grpc.Channel:
    """A channel for calls that need no token."""
    with _usage():
        secure = {**security(), "token": None}  # nosec B105  # no token at all
        connection = Connection(
            address, deadline_seconds=deadline_seconds, settings=None, metadata=None, credentials=None, **secure
        )
    return connection.open(grpc)


@contextmanager
def _usage() -> Iterator[None]:
    """Flags that no connection can be made by."""
    try:
        yield
    except InvalidArgumentError as error:
        raise UsageError(error.message) from None


@contextmanager
def explained(address: str, deadline_seconds: float) -> Iterator[None]:
    """Name the address that is asked.

    Raises:
        UnavailableError: nobody listens there.
        DeadlineExceededError: nobody answers there in time.
    """
    try:
        yield
    except UnavailableError as error:
        raise UnavailableError(f"no server answers at {address}: {error.message}") from None
    except DeadlineExceededError as error:
        raise DeadlineExceededError(
            f"no answer from {address} within {deadline_seconds:g} s (--deadline-seconds): {error.message}"
        ) from None
