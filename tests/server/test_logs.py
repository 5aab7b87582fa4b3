"""Logs: one JSON object a line, on standard error."""

import json
from typing import Any

import pytest
import structlog

from assayd_server import logs

Output = pytest.CaptureFixture[str]


def written(output: Output) -> list[dict[str, Any]]:
    captured = output.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_is_a_json_object_with_the_values_that_were_given(capsys: Output) -> None:
    logs.configure("info")
    structlog.get_logger().info("model loaded", model="m", version=3, inputs=["x"])
    (line,) = written(capsys)
    assert {
        "event": "model loaded",
        "level": "info",
        "model": "m",
        "version": 3,
        "inputs": ["x"],
    }.items() <= line.items()


def test_a_line_has_the_time_in_utc(capsys: Output) -> None:
    logs.configure("info")
    structlog.get_logger().info("an event")
    assert written(capsys)[0]["timestamp"].endswith("Z")


def test_text_with_line_ends_and_quotes_stays_on_one_line(capsys: Output) -> None:
    logs.configure("info")
    structlog.get_logger().info("an event", text='a\nb\r\n"c" größe')
    assert [line["text"] for line in written(capsys)] == ['a\nb\r\n"c" größe']


@pytest.mark.parametrize("level", logs.LEVELS)
def test_what_is_below_the_level_is_dropped(capsys: Output, level: str) -> None:
    logs.configure(level)
    for name in logs.LEVELS:
        getattr(structlog.get_logger(), name)("an event")
    assert [line["level"] for line in written(capsys)] == list(logs.LEVELS[logs.LEVELS.index(level) :])


def test_a_later_level_holds_for_loggers_that_are_there_already(capsys: Output) -> None:
    logger = structlog.get_logger()
    logs.configure("error")
    logger.info("dropped")
    logs.configure("debug")
    logger.debug("written")
    assert [line["event"] for line in written(capsys)] == ["written"]


def test_an_exception_is_written_with_its_text_and_its_place(capsys: Output) -> None:
    logs.configure("info")
    try:
        raise ValueError("the reason")
    except ValueError as error:
        structlog.get_logger().error("bug", exc_info=error)
    (line,) = written(capsys)
    assert "ValueError: the reason" in line["exception"]
    assert "test_logs.py" in line["exception"]


def test_a_value_that_json_does_not_know_is_written_as_text(capsys: Output) -> None:
    logs.configure("info")
    structlog.get_logger().info("an event", value=object)
    assert written(capsys)[0]["value"] == repr(object)
