"""The connection that the flags describe."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from assayd import Client, DeadlineExceededError, UnavailableError
from assayd.cli.interrupting import interruptible


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
    client = Client(address, deadline_seconds=deadline_seconds)

    def stop() -> None:
        on_interrupt()
        client.close()

    with explained(address, deadline_seconds), client, interruptible(stop):
        yield client


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
