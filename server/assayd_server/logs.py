"""Logs: what the server's own loggers are told goes to the standard library's logger "assayd_server".

So a program that starts a server within itself, such as a test, has the say over its lines as over those of any
other library. A server that is a process of its own calls configure: one JSON object a line, on standard error.
"""

import logging
import sys
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

LEVELS = ("debug", "info", "warning", "error")

_OURS = logging.getLogger("assayd_server")
_FIELDS = "assayd_fields"
"""The attribute of a record that holds the values of one of our own events."""
_AS_JSON = (
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(),
)


def get_logger() -> structlog.stdlib.BoundLogger:
    """A logger for a module: log.info("an event", value=1). It does not follow structlog's own configuration."""
    return structlog.wrap_logger(
        _OURS,
        processors=[structlog.stdlib.filter_by_level, _as_record],
        wrapper_class=structlog.stdlib.BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=False,
    )


def configure(level: str, **fields: str) -> None:
    """Send all logs of this process to standard error as JSON, those of libraries too.

    Args:
        level: one of LEVELS; what is below it is dropped.
        **fields: values that every line has.
    """
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[_JsonLines(level.upper(), fields)], level=logging.WARNING, force=True)
    _OURS.setLevel(level.upper())


def _as_record(_logger: WrappedLogger, _method: str, fields: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """What the standard logger is called with: a text for people, and the fields as they are."""
    exc_info = fields.pop("exc_info", None)
    values = "".join(f" {name}={value!r}" for name, value in fields.items() if name != "event")
    return (f"{fields['event']}{values}",), {"exc_info": exc_info, "extra": {_FIELDS: fields}}


class _JsonLines(logging.Handler):
    """Our own events, what libraries log and warnings, all in the same form."""

    def __init__(self, level: str, fields: Mapping[str, str]) -> None:
        super().__init__(level)
        self._of_every_line = fields

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line: Any = {**_fields(record), **self._of_every_line} | {
                "level": _level(record.levelno),
                "exc_info": record.exc_info,
            }
            for process in _AS_JSON:
                line = process(None, "", line)
            sys.stderr.write(f"{line}\n")  # whatever it is when a line is written
            sys.stderr.flush()
        except Exception:  # a record that cannot be written must not fail the code that logs
            self.handleError(record)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    text = {"event": " ".join(record.getMessage().split()), "logger": record.name}
    return getattr(record, _FIELDS, text)


def _level(number: int) -> str:
    numbers = logging.getLevelNamesMapping()
    return next((level for level in reversed(LEVELS) if number >= numbers[level.upper()]), LEVELS[0])
