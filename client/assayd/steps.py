"""What the client asks of the world, as values: how a job is done is one thing, and who waits for it another.

A job is a generator of effects. A driver carries each out, in a thread (blocking) or in an event loop, and sends
back what came of it, or throws in what it raised.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, TypeVar

Returned = TypeVar("Returned")


class Pending(Protocol):
    """A call under way, of either kind."""

    def done(self) -> bool:
        """Whether it has ended, well or not."""
        ...

    def cancel(self) -> bool:
        """Give the call up."""
        ...


@dataclass(frozen=True, slots=True)
class Take:
    """Take the caller's next batch: it comes back, or END."""


@dataclass(frozen=True, slots=True)
class Send:
    """Begin a call: it comes back, as Pending."""

    method: str
    request: Any
    seconds: float
    """What the call may take."""
    metadata: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a call: its response comes back; or grpc.RpcError, grpc.FutureCancelledError if cancelled here."""

    call: Any


@dataclass(frozen=True, slots=True)
class Emit:
    """Give a result to the caller, never None; nothing comes back."""

    result: Any


END: Final = object()
"""Comes back in place of a batch where there are no more."""

Effect: TypeAlias = Take | Send | Wait
Step: TypeAlias = Effect | Emit
Steps: TypeAlias = Generator[Step, Any, Returned]


def resume(steps: Steps[None], outcome: object = None, error: BaseException | None = None) -> Step | None:
    """Send back what came of the last step, or throw in what it raised; the next step, None at the end."""
    try:
        return steps.send(outcome) if error is None else steps.throw(error)
    except StopIteration:
        return None
