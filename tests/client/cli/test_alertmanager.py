"""Alerts as Alertmanager takes them: when they begin, go on and end, and that it takes them, for real."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import urlopen

import pytest
import typer

import alertmanagers
from assayd import WatchReport
from assayd.cli.alertmanager import PATH, Alertmanager, check_labels, labels_of
from assayd.cli.posting import Endpoint
from assayd.v1 import monitoring_pb2
from assayd.watch_report import watched
from client.monitored import IDENTITY, columns
from client.watched import change, window_drift

DIGEST = "sha256:0123456789abcdef"
BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
WAIT_SECONDS_MAX = 60.0


class Clock:
    """Is a minute later each time that it is asked."""

    def __init__(self) -> None:
        self.now = BEGAN - timedelta(minutes=1)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def alertmanager(url: str = "http://localhost", *, link: str | None = None, **labels: str) -> Alertmanager:
    return Alertmanager(Endpoint(url=url), labels=labels, link=link, hold_seconds=3600, now=Clock())


def report(number: int | None = None, *, drifted: str = "", changed: str = "") -> WatchReport:
    """Of window so and so of 100 rows, or of changes alone, 50 rows after window 0."""
    changes = [change(120)] if changed else []
    for each in changes:
        each.column = changed
    found = monitoring_pb2.WatchReport(rows_seen=150, alert=bool(drifted or changed), changes=changes)
    if number is not None:
        found.rows_seen = 100 * (number + 1)
        found.window.CopyFrom(window_drift(number, 100, drifted=bool(drifted)))
        if drifted:
            found.window.columns[0].name = drifted
    response = monitoring_pb2.WatchDriftResponse(model=IDENTITY, reference_digest=DIGEST, reports=[found])
    return watched(response).reports[0]


def times(documents: list[dict[str, Any]] | None) -> dict[str, tuple[float, float]]:
    """By column, how many minutes after the beginning the alert begins and ends."""
    return {
        alert["labels"]["column"]: tuple(
            (datetime.fromisoformat(alert[name]) - BEGAN).total_seconds() / 60 for name in ("startsAt", "endsAt")
        )
        for alert in documents or []
    }


def test_a_column_that_has_drifted_is_an_alert() -> None:
    (alert,) = alertmanager(stream="orders", severity="page", link="http://example.org").document(
        report(2, drifted="entropy")
    )
    assert alert == {
        "labels": {
            "alertname": "AssaydStreamDrift",
            "severity": "page",
            "model": "m",
            "version": "3",
            "reference": "0123456789ab",
            "column": "entropy",
            "stream": "orders",
        },
        "annotations": {
            "summary": "entropy has drifted in rows 200 to 299 (psi 0.5, needed 0.1)",
            "description": "alert after 300 rows: window 2 (rows 200 to 299) has drifted: entropy (psi 0.5)",
        },
        "startsAt": "2026-11-20T12:00:00+00:00",
        "endsAt": "2026-11-20T13:00:00+00:00",
        "generatorURL": "http://example.org",
    }


def test_without_a_link_there_is_none_and_it_is_a_warning() -> None:
    (alert,) = alertmanager().document(report(0, drifted="entropy"))
    assert "generatorURL" not in alert
    assert alert["labels"]["severity"] == "warning"


def test_nothing_found_is_nothing_to_send() -> None:
    assert alertmanager().document(report(0)) is None


def test_an_alert_goes_on_from_when_it_began_and_ends_with_the_first_window_without_it() -> None:
    manager = alertmanager()
    assert times(manager.document(report(0, drifted="entropy"))) == {"entropy": (0, 60)}
    assert times(manager.document(report(1, drifted="entropy"))) == {"entropy": (0, 61)}
    assert times(manager.document(report(2, drifted="class"))) == {"class": (2, 62), "entropy": (0, 2)}
    assert times(manager.document(report(3))) == {"class": (2, 3)}
    assert manager.document(report(4)) is None
    assert times(manager.document(report(5, drifted="entropy"))) == {"entropy": (5, 65)}


def test_a_change_is_an_alert_until_a_whole_window_is_without_one() -> None:
    manager = alertmanager()
    assert times(manager.document(report(changed="entropy"))) == {"entropy": (0, 60)}
    assert manager.document(report(changed="")) is None  # nothing new in the window that is open
    assert manager.document(report(1)) is None  # it has ended, but the change was in it
    assert times(manager.document(report(2))) == {"entropy": (0, 3)}


def test_a_change_in_the_last_row_of_a_window_is_in_that_window() -> None:
    manager = alertmanager()
    assert times(manager.document(report(0, changed="entropy"))) == {"entropy": (0, 60)}
    assert times(manager.document(report(1))) == {"entropy": (0, 1)}


def test_of_a_change_and_a_drift_the_window_is_told() -> None:
    (alert,) = alertmanager().document(report(0, drifted="entropy", changed="entropy"))
    assert alert["annotations"]["summary"].startswith("entropy has drifted in rows 0 to 99")
    (alert,) = alertmanager().document(report(changed="entropy"))
    assert alert["annotations"]["summary"].startswith("entropy has risen since about row 115")


@pytest.mark.parametrize("label", ["stream", "=orders", "1st=a", "a-b=c", ""])
def test_what_is_no_label_is_a_wrong_flag(label: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no label, allowed are NAME=VALUE"):
        check_labels([label])


@pytest.mark.parametrize("name", ["model", "version", "reference", "column"])
def test_what_alerts_are_told_apart_by_stays_as_it_is(name: str) -> None:
    with pytest.raises(typer.BadParameter, match="is told by the watch itself"):
        check_labels([f"{name}=a"])


def test_labels_pass_with_whatever_value() -> None:
    assert check_labels(None) is None
    labels = ["stream=a=b", "severity=critical", "empty="]
    assert check_labels(labels) == labels
    assert labels_of(labels) == {"stream": "a=b", "severity": "critical", "empty": ""}


@pytest.fixture(scope="module")
def real_alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real one."""
    config = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    with alertmanagers.alertmanager(tmp_path_factory.mktemp("alertmanager"), config) as address:
        yield f"http://{address}"


def active(address: str) -> set[tuple[str, str]]:
    """What fires there now: the column and the stream of each alert."""
    with urlopen(f"{address}{PATH}?active=true", timeout=10) as response:
        return {(alert["labels"]["column"], alert["labels"]["stream"]) for alert in json.load(response)}


def test_a_real_alertmanager_takes_alerts_and_their_end(real_alertmanager: str) -> None:
    endpoint = Endpoint(url=real_alertmanager + PATH)
    manager = Alertmanager(endpoint, labels={"stream": "s"}, link="http://example.org/a", hold_seconds=3600)
    assert columns()[0].name == "entropy"
    endpoint.post(manager.document(report(0, drifted="entropy", changed="class")))
    assert active(real_alertmanager) == {("entropy", "s"), ("class", "s")}
    endpoint.post(manager.document(report(1, drifted="class")))
    assert active(real_alertmanager) == {("class", "s")}
    endpoint.post(manager.document(report(2)))
    assert active(real_alertmanager) == set()


def test_an_alert_that_nobody_ends_ends_by_itself(real_alertmanager: str) -> None:
    endpoint = Endpoint(url=real_alertmanager + PATH)
    manager = Alertmanager(endpoint, labels={"stream": "t"}, link=None, hold_seconds=3)
    endpoint.post(manager.document(report(0, drifted="entropy")))
    assert ("entropy", "t") in active(real_alertmanager)
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while ("entropy", "t") in active(real_alertmanager):
        assert time.monotonic() < deadline
