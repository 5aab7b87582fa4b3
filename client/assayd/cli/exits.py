"""How a command ends: with an exit code, and with one sentence where it did not go well."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer

from assayd import AssaydError, DeadlineExceededError, ResourceExhaustedError, UnavailableError
from assayd.cli.printing import print_json


class ExitCode(IntEnum):
    """What a script can tell the ends apart by."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNAVAILABLE = 3
    DRIFTED = 4
    INTERRUPTED = 130


MEANINGS = """Exit codes: 0 it is done; 1 it failed (the server refused, bad data, no room on the disk); 2 wrong
usage (flags, paths, columns); 3 no server answers, or it is full: try again later; 4 there is drift; 130
interrupted."""


class CommandError(Exception):
    """Ends a command, with one sentence for a person."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        """The sentence, and how the command ends."""
        super().__init__(message)
        self.code = code


class UsageError(CommandError):
    """The command line asks for what cannot be: another one will do."""

    def __init__(self, message: str) -> None:
        """The sentence; it names the flag."""
        super().__init__(message, ExitCode.USAGE)


_LATER = (UnavailableError, DeadlineExceededError, ResourceExhaustedError)
"""The same command may succeed later."""


@contextmanager
def one_sentence(*, as_json: bool, write: Callable[[Any], None] = print_json) -> Iterator[None]:
    """End the command with a sentence on stderr, and with the same as JSON on stdout where that is asked for.

    Args:
        as_json: whether it is.
        write: prints JSON.
    """
    try:
        yield
    except BrokenPipeError:  # who reads our output has enough
        raise
    except (CommandError, AssaydError, OSError, KeyboardInterrupt) as error:
        sentence = "; ".join([_sentence(error), *getattr(error, "__notes__", [])])
        print(f"assayctl: {sentence}", file=sys.stderr)
        if as_json:
            write({"error": {"message": sentence, "exit_code": _code(error), **_status(error)}})
        raise typer.Exit(_code(error)) from None


def _sentence(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, OSError) and error.errno:  # pyarrow's own wording is longer
        reason = os.strerror(error.errno)
        return f"{error.filename}: {reason}" if error.filename else reason
    return " ".join(str(error).split())


def _code(error: BaseException) -> ExitCode:
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return ExitCode.UNAVAILABLE if isinstance(error, _LATER) else ExitCode.FAILED


def _status(error: BaseException) -> dict[str, str]:
    """What a program can tell the failures of calls apart by."""
    if not isinstance(error, AssaydError):
        return {}
    return {"status": error.status.name, "reason": error.reason, "field": error.field}
