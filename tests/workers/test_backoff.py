"""The pauses before a worker is started again."""

from assayd_server.workers.backoff import Backoff


def test_pauses_double_up_to_half_a_minute() -> None:
    backoff = Backoff()
    assert [backoff.pause_seconds(1) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_who_has_lived_for_a_minute_begins_anew() -> None:
    backoff = Backoff()
    pauses = [backoff.pause_seconds(lived) for lived in (1, 59.9, 60, 1, 3600, 1)]
    assert pauses == [0.5, 1, 0.5, 1, 0.5, 1]
