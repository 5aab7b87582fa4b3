"""Logs: one JSON object a line, on standard error."""

import logging
import sys

import structlog

LEVELS = ("debug", "info", "warning", "error")


def configure(level: str) -> None:
    """Send all logs to standard error as JSON.

    Args:
        level: one of LEVELS; what is below it is dropped.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=lambda: structlog.PrintLogger(sys.stderr),  # whatever it is when a line is written
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[_AsJson()], level=logging.WARNING, force=True)


class _AsJson(logging.Handler):
    """What libraries log, and warnings, in the form of our own lines."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = "error" if record.levelno >= logging.ERROR else "warning"
            log = getattr(structlog.get_logger(), level)
            log(" ".join(record.getMessage().split()), logger=record.name, exc_info=record.exc_info)
        except Exception:  # a record that cannot be written must not fail the code that logs
            self.handleError(record)
