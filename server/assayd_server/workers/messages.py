"""What a parent and its worker say to each other, over a pipe of theirs.

The parent sends the settings first, and orders later; its end means that the parent is gone. The worker sends one
report, when it serves or cannot.
"""

from multiprocessing.connection import Connection

from pydantic import BaseModel, TypeAdapter

DRAIN = b"drain"
"""Finish, as on SIGTERM. A second one skips the drain delay."""


class Serving(BaseModel, frozen=True):
    """The worker takes calls."""

    metrics_port: int
    """On this machine's own address."""


class CannotStart(BaseModel, frozen=True):
    """The worker cannot start, and ends."""

    sentence: str
    """Why, for people."""


Report = Serving | CannotStart
_REPORT: TypeAdapter[Report] = TypeAdapter(Report)


def send(pipe: Connection, message: BaseModel | bytes) -> bool:
    """Say something; False where nobody is there to hear it."""
    try:
        pipe.send_bytes(message if isinstance(message, bytes) else message.model_dump_json().encode())
    except OSError:
        return False
    return True


def receive(pipe: Connection) -> bytes | None:
    """What the other side says next, as soon as it does; None where it is gone."""
    try:
        return pipe.recv_bytes()
    except (EOFError, OSError):
        return None


def report_of(received: bytes) -> Report:
    """A report as it was sent."""
    return _REPORT.validate_json(received)
