"""What a parent and its worker say to each other, over a pipe of theirs.

The parent sends the settings first, and orders later; its end means that the parent is gone. The worker sends one
report, when it serves or cannot. Both run the same program, so objects are sent as they are.
"""

from dataclasses import dataclass
from multiprocessing.connection import Connection

from assayd_server.config import Settings

DRAIN = "drain"
"""Finish, as on SIGTERM. A second one skips the drain delay."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The worker takes calls."""

    metrics_port: int
    """On this machine's own address."""


@dataclass(frozen=True, slots=True)
class CannotStart:
    """The worker cannot start, and ends."""

    sentence: str
    """Why, for people."""


Report = Serving | CannotStart
Message = Settings | str | Report


def send(pipe: Connection, message: Message) -> None:
    """Say something; where nobody is there to hear it, nothing happens."""
    try:
        pipe.send(message)
    except OSError:
        return


def receive(pipe: Connection) -> Message | None:
    """What the other side says next, as soon as it does; None where it is gone."""
    try:
        message: Message = pipe.recv()
    except (EOFError, OSError):
        return None
    return message
