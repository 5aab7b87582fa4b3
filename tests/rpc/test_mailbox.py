"""Messages of a stream while its server stops."""

import threading
from collections.abc import Iterator

import pytest

from assayd_server.errors import UnavailableError
from assayd_server.rpc.mailbox import Mailbox


def of(messages: Iterator[str]) -> tuple[Mailbox, threading.Thread]:
    """A mailbox, and its thread."""
    before = set(threading.enumerate())
    mailbox = Mailbox(lambda: next(messages))
    (thread,) = set(threading.enumerate()) - before
    return mailbox, thread


def held_back(gate: threading.Event) -> Iterator[str]:
    yield "first"
    gate.wait(20)
    yield "second"


def test_a_stream_whose_messages_were_all_taken_ends_as_ever_when_the_server_stops() -> None:
    gate = threading.Event()
    gate.set()
    mailbox, thread = of(held_back(gate))
    assert [mailbox.take(), mailbox.take()] == ["first", "second"]
    thread.join(20)
    mailbox.close()
    with pytest.raises(StopIteration):
        mailbox.take()


def test_a_closed_mailbox_gives_no_message_and_keeps_no_thread() -> None:
    gate = threading.Event()
    mailbox, thread = of(held_back(gate))
    assert mailbox.take() == "first"
    mailbox.close()
    gate.set()
    with pytest.raises(UnavailableError, match="the server is stopping"):
        mailbox.take()
    thread.join(20)
    assert not thread.is_alive()
    with pytest.raises(UnavailableError):
        mailbox.take()
