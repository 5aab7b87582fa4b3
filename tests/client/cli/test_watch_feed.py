"""How rows go to a server that goes away and comes back."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from assayd import AssaydError, InvalidArgumentError, UnavailableError, WatchReport
from assayd.cli.watch_feed import Feed, Patience, watched
from client.test_watching import found, reports_on, rows
from client.watched import Watcher


class Flaky:
    """A client whose calls fail when it is told so."""

    def __init__(self, *failures: int, error: AssaydError | None = None) -> None:
        self.calls = 0
        self.states: list[bytes] = []
        self._failures = failures
        self._error = error or UnavailableError("stopping")

    def watch_drift(self, batches: Any, **wanted: Any) -> Iterator[WatchReport]:
        self.states.append(wanted.get("state", b""))
        for batch in batches:
            self.calls += 1
            if self.calls in self._failures:
                raise self._error
            for report in reports_on(Watcher(), [batch], **wanted):
                yield report
                wanted["state"] = report.state


class Clock:
    """Says that no time goes by, or a second each time."""

    def __init__(self, step: float = 0.0) -> None:
        self._now, self._step = 0.0, step

    def __call__(self) -> float:
        self._now += self._step
        return self._now


def patience(seconds: float = 10.0, step: float = 0.0) -> Patience:
    return Patience(seconds, threading.Event(), pause_seconds=0, clock=Clock(step))


X = rows(drifted=slice(250, 260))


def watch(client: Any, batches: list[np.ndarray], waiting: Patience | None = None) -> list[WatchReport]:
    feed = Feed(iter(batches), "x", rows_seen=0)
    return list(watched(client, feed, {"window_rows": 100}, waiting or patience()))


@pytest.mark.parametrize("failures", [(), (2,), (2, 3, 4), (2, 4, 7), (5,)])
def test_each_row_is_seen_once_whatever_happens_between(
    failures: tuple[int, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    client = Flaky(*failures)
    reports = watch(client, np.split(X, [30, 130, 310]))
    assert found(reports) == found(reports_on(Watcher(), np.split(X, [30, 130, 310]), every_batch=True))
    assert client.calls == 4 + sum(failure <= client.calls for failure in failures)
    assert (
        capsys.readouterr().err.count("answers again")
        == {(): 0, (2,): 1, (2, 3, 4): 1, (2, 4, 7): 2, (5,): 0}[failures]
    )


def test_what_happens_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    watch(Flaky(2, 3), np.split(X, 4))
    assert capsys.readouterr().err.splitlines() == [
        "assayctl: UNAVAILABLE: stopping; trying again for up to 10 s",
        "assayctl: a server answers again",
    ]


def test_a_server_that_never_answered_is_not_waited_for() -> None:
    client = Flaky(1)
    with pytest.raises(UnavailableError):
        watch(client, [X])
    assert client.calls == 1


def test_patience_has_an_end() -> None:
    client = Flaky(*range(2, 100))
    with pytest.raises(UnavailableError):
        watch(client, np.split(X, 4), patience(10, step=1))
    assert client.calls == 2 + 9


def test_who_has_none_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    client = Flaky(2)
    with pytest.raises(UnavailableError):
        watch(client, np.split(X, 4), patience(0))
    assert (client.calls, capsys.readouterr().err) == (2, "")


def test_patience_begins_anew_with_each_answer() -> None:
    client = Flaky(2, 4, 6)
    watch(client, np.split(X, 4), patience(3, step=1))
    assert client.calls == 7


def test_who_is_told_to_stop_does_not_wait() -> None:
    stopping = threading.Event()
    stopping.set()
    client = Flaky(2)
    with pytest.raises(UnavailableError):
        watch(client, np.split(X, 4), Patience(100, stopping))
    assert client.calls == 2


def test_a_refusal_is_not_tried_again() -> None:
    client = Flaky(2, error=InvalidArgumentError("no"))
    with pytest.raises(InvalidArgumentError):
        watch(client, np.split(X, 4))
    assert client.calls == 2


def test_pauses_grow_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping, pauses = threading.Event(), []
    monkeypatch.setattr(stopping, "wait", pauses.append)
    waiting = Patience(100, stopping, pause_seconds=3, clock=Clock())
    assert all(waiting.waited(UnavailableError("away")) for _ in range(4))
    waiting.rewarded()
    waiting.waited(UnavailableError("away"))
    assert pauses == [3, 6, 10, 10, 3]


def test_batches_without_rows_are_left_out() -> None:
    feed = Feed(iter([X[:0], X[:5], X[:0], X[:2]]), "logits", rows_seen=100)
    assert next(feed)["logits"] is next(feed)["logits"]
    feed.answered(104)
    assert len(next(feed)["logits"]) == 5
    feed.answered(105)
    assert len(next(feed)["logits"]) == 2
    feed.answered(107)
    with pytest.raises(StopIteration):
        next(feed)
    assert list(feed) == []
