"""Logs: one JSON object a line, on standard error."""

import json
import logging
import subprocess
import sys
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
    logs.get_logger().info("model loaded", model="m", version=3, inputs=["x"])
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
    logs.get_logger().info("an event")
    assert written(capsys)[0]["timestamp"].endswith("Z")


def test_text_with_line_ends_and_quotes_stays_on_one_line(capsys: Output) -> None:
    logs.configure("info")
    logs.get_logger().info("an event", text='a\nb\r\n"c" größe')
    assert [line["text"] for line in written(capsys)] == ['a\nb\r\n"c" größe']


@pytest.mark.parametrize("level", logs.LEVELS)
def test_what_is_below_the_level_is_dropped(capsys: Output, level: str) -> None:
    logs.configure(level)
    for name in logs.LEVELS:
        getattr(logs.get_logger(), name)("an event")
    assert [line["level"] for line in written(capsys)] == list(logs.LEVELS[logs.LEVELS.index(level) :])


def test_a_later_level_holds_for_loggers_that_are_there_already(capsys: Output) -> None:
    logger = logs.get_logger()
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
        logs.get_logger().error("bug", exc_info=error)
    (line,) = written(capsys)
    assert "ValueError: the reason" in line["exception"]
    assert "test_logs.py" in line["exception"]


def test_what_a_library_logs_is_a_line_of_the_same_form(capsys: Output) -> None:
    logs.configure("info")
    logging.getLogger("some.library").warning("%s of %d\nfailed", "one", 3)
    (line,) = written(capsys)
    assert {key: line[key] for key in ("event", "level", "logger")} == {
        "event": "one of 3 failed",
        "level": "warning",
        "logger": "some.library",
    }


def test_an_exception_that_a_library_logs_is_in_the_same_line(capsys: Output) -> None:
    logs.configure("info")
    try:
        raise ValueError("the reason")
    except ValueError:
        logging.getLogger("some.library").exception("it failed")
    (line,) = written(capsys)
    assert (line["event"], line["level"]) == ("it failed", "error")
    assert "ValueError: the reason" in line["exception"]
    assert "test_logs.py" in line["exception"]


def test_what_a_library_logs_below_a_warning_is_dropped(capsys: Output) -> None:
    logs.configure("debug")
    logging.getLogger("some.library").info("chatter")
    assert written(capsys) == []


def test_what_a_library_logs_below_the_level_is_dropped(capsys: Output) -> None:
    logs.configure("error")
    logging.getLogger("some.library").warning("a warning")
    assert written(capsys) == []


def test_what_a_library_logs_is_written_once_however_often_logs_were_configured(capsys: Output) -> None:
    for _ in range(3):
        logs.configure("info")
    logging.getLogger("some.library").error("once")
    assert [line["event"] for line in written(capsys)] == ["once"]


def test_a_warning_of_python_is_a_line_of_the_same_form() -> None:
    program = (
        "import warnings; from assayd_server import logs; logs.configure('info'); warnings.warn('old\\nways')"
    )
    run = subprocess.run(  # the warnings of this process are pytest's
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60
    )
    (line,) = map(json.loads, run.stderr.splitlines())
    assert (line["level"], line["logger"], run.stdout) == ("warning", "py.warnings", "")
    assert "UserWarning: old ways" in line["event"]


def test_a_value_that_json_does_not_know_is_written_as_text(capsys: Output) -> None:
    logs.configure("info")
    logs.get_logger().info("an event", value=object)
    assert written(capsys)[0]["value"] == repr(object)


def test_a_level_between_two_is_the_lower_one_of_them(capsys: Output) -> None:
    logs.configure("warning")
    logging.getLogger("library").log(35, "between two levels")
    (line,) = written(capsys)
    assert (line["event"], line["level"]) == ("between two levels", "warning")


def test_a_record_that_cannot_be_written_fails_neither_the_code_that_logs_nor_the_next_line(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    logs.configure("warning")
    logging.getLogger("library").error("%d", "a")
    logging.getLogger("library").error("the next one")
    assert [line["event"] for line in written(capsys)] == ["the next one"]


def test_an_event_of_a_server_within_a_program_is_a_record_there(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logs.get_logger().bind(method="Score")
    with caplog.at_level(logging.INFO, "assayd_server"):
        log.debug("dropped")
        log.info("call", code="OK")
        log.error("bug", exc_info=ValueError("the reason"))
    assert caplog.messages == ["call method='Score' code='OK'", "bug method='Score'"]
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
    assert "ValueError: the reason" in caplog.text


def test_loggers_do_not_follow_what_a_program_makes_of_structlog(caplog: pytest.LogCaptureFixture) -> None:
    structlog.configure(processors=[], wrapper_class=structlog.BoundLogger, cache_logger_on_first_use=True)
    try:
        logs.get_logger().error("an event")
    finally:
        structlog.reset_defaults()
    assert caplog.messages == ["an event"]
