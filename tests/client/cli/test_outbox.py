"""How what is found is delivered: beside the watch, which nothing holds up."""

import time
from dataclasses import dataclass, field
from typing import Any

from assayd import WatchReport
from assayd.cli import outbox
from assayd.cli.outbox import Outboxes
from assayd.cli.posting import Endpoint
from assayd.v1 import monitoring_pb2
from assayd.watch_report import watched
from client.cli.receiving import receiving

PLENTY_SECONDS = 20.0


def report(rows_seen: int, *, alert: bool = True) -> WatchReport:
    found = monitoring_pb2.WatchReport(rows_seen=rows_seen, alert=alert)
    return watched(monitoring_pb2.WatchDriftResponse(reports=[found])).reports[0]


@dataclass
class RowsSeen:
    """Posts how many rows there were by an alert."""

    endpoint: Endpoint
    kind: str = "--test"

    def document(self, found: WatchReport) -> Any:
        return found.rows_seen if found.alert else None


@dataclass
class Told:
    sentences: list[str] = field(default_factory=list)

    def __call__(self, sentence: str) -> None:
        self.sentences.append(sentence)


def to(url: str, **limits: Any) -> RowsSeen:
    return RowsSeen(Endpoint(url=url, **{"pause_seconds": 0.0} | limits))


def test_what_is_of_interest_is_delivered_in_order_to_everybody() -> None:
    with receiving() as one, receiving(503) as other:
        outboxes = Outboxes([to(one.address), to(other.address)], Told())
        for rows in range(5):
            outboxes.add(report(rows, alert=rows != 3))
        outboxes.close(PLENTY_SECONDS)
    assert one.documents == [0, 1, 2, 4]
    assert other.documents == [0, 0, 1, 2, 4]


def test_a_receiver_that_fails_is_told_and_the_next_alert_is_tried_anew() -> None:
    told = Told()
    with receiving(404, 200) as receiver:
        outboxes = Outboxes([to(receiver.address)], told)
        outboxes.add(report(1))
        outboxes.add(report(2))
        outboxes.close(PLENTY_SECONDS)
    assert receiver.documents == [1, 2]
    assert told.sentences == [f"--test: {receiver.address} did not take it: HTTP 404 Not Found"]


def test_a_slow_receiver_holds_nobody_up_and_what_is_too_much_is_told() -> None:
    told = Told()
    with receiving(released=False) as receiver:
        outboxes = Outboxes([to(receiver.address, timeout_seconds=PLENTY_SECONDS)], told)
        outboxes.add(report(0))
        receiver.wait_for(1)
        for rows in range(outbox.WAITING_MAX + 2):
            outboxes.add(report(rows))
        assert told.sentences == [f"--test: {receiver.address} is too slow, an alert is lost"] * 2
        outboxes.close(0.05)
        assert told.sentences[2:] == [f"--test: {receiver.address} did not take the last alerts in time"]


def test_at_the_end_nothing_pauses() -> None:
    """The pause between two attempts is longer than the test may take."""
    told = Told()
    with receiving(503, 503) as receiver:
        outboxes = Outboxes([to(receiver.address, pause_seconds=10 * PLENTY_SECONDS)], told)
        outboxes.add(report(1))
        receiver.wait_for(1)
        outboxes.close(PLENTY_SECONDS)
    assert receiver.documents == [1, 1, 1]
    assert told.sentences == []


def test_a_receiver_that_hangs_at_the_end_takes_no_time_from_the_others() -> None:
    told = Told()
    with receiving(released=False) as slow, receiving(503) as quick:
        slow_one = to(slow.address, timeout_seconds=PLENTY_SECONDS)
        outboxes = Outboxes([slow_one, to(quick.address, pause_seconds=10 * PLENTY_SECONDS)], told)
        outboxes.add(report(1))
        slow.wait_for(1)
        quick.wait_for(1)
        outboxes.close(3.0)
        assert quick.documents == [1, 1]
        assert told.sentences == [f"--test: {slow.address} did not take the last alerts in time"]


def test_nobody_to_tell_takes_no_time() -> None:
    began = time.monotonic()
    Outboxes([], Told()).close()
    assert time.monotonic() - began < outbox.CLOSE_SECONDS_MAX
