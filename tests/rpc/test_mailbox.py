"""Messages of a stream while its server stops."""

import threading
from collections.abc import Iterator

import pytest

from assayd_server.errors import UnavailableError
from assayd_server.rpc.mailbox import Mailbox
from waiting import wait_until


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


def test_a_closed_mailbox_gives_the_message_that_has_come_and_receives_no_more() -> None:
    received: list[str] = []

    def messages() -> Iterator[str]:
        for name in ("first", "second", "third"):
            received.append(name)
            yield name

    mailbox, thread = of(messages())
    assert mailbox.take() == "first"
    wait_until(lambda: mailbox._arrived == ["second"])
    mailbox.close()
    thread.join(20)
    assert not thread.is_alive()
    assert mailbox.take() == "second"
    for _ in range(2):
        with pytest.raises(UnavailableError, match="the server is stopping"):
            mailbox.take()
    assert received == ["first", "second"]


def test_who_waits_for_a_message_when_the_mailbox_is_closed_is_told_so() -> None:
    gate = threading.Event()
    mailbox, thread = of(held_back(gate))
    assert mailbox.take() == "first"
    mailbox.close()
    with pytest.raises(UnavailableError, match="the server is stopping"):
        mailbox.take()
    gate.set()
    thread.join(20)
    assert not thread.is_alive()
