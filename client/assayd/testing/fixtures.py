"""A fixture of pytest: pytest_plugins = ["assayd.testing.fixtures"]."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from assayd.testing.server import Server, serving


@pytest.fixture
def assayd_server() -> Iterator[Callable[..., Server]]:
    """Start servers that end with the test: assayd_server(model, **settings), as for assayd.testing.serving."""
    with ExitStack() as stack:

        def start(model: str | Path | bytes | None = None, **settings: Any) -> Server:
            return stack.enter_context(serving(model, **settings))

        yield start
