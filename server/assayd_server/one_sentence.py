"""How a command ends that cannot do what it was asked."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from assayd_server.errors import StartError


@contextmanager
def one_sentence() -> Iterator[None]:
    """What stops a start is said in one sentence, with exit code 1."""
    try:
        yield
    except StartError as error:
        print(f"assayd: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
