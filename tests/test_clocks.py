"""Durations are told by clocks that nobody sets: the wall clock may step by an hour at any time."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OF_TIME = ("time", "time_ns", "localtime", "gmtime", "ctime")
OF_DATES = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
WALL = {f"time.{name}" for name in OF_TIME} | {*OF_DATES} | {f"datetime.{name}" for name in OF_DATES}
USERS = {
    "server/assayd_server/rpc/direct/core_calls.py": "gRPC's core says times so, and goes by a clock of its own",
    "server/assayd_server/rpc/tracing.py": "spans are dated by it, and measured by the other",
    "server/assayd_server/watched_files.py": "files are dated by it",
    "client/assayd/cli/alertmanager.py": "an alert says when it began",
}
"""Who may ask what time it is, and why."""


def wall_clock(text: str) -> Iterator[str]:
    """What a module asks the wall clock by, and what it imports of it under a name of its own."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in WALL:
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"time.{alias.name}" for alias in node.names if f"time.{alias.name}" in WALL)


def test_only_those_who_have_to_ask_the_wall_clock() -> None:
    paths = [path for source in ("server", "client") for path in sorted((ROOT / source).rglob("*.py"))]
    asking = {str(path.relative_to(ROOT)) for path in paths if set(wall_clock(path.read_text(encoding="utf-8")))}
    assert asking == set(USERS)


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "from time import time",
        "from datetime import datetime\nlambda: datetime.now()",
        "import datetime\nx = datetime.date.today",
    ],
)
def test_the_wall_clock_is_seen_under_each_of_its_names(text: str) -> None:
    assert list(wall_clock(text))


def test_clocks_that_nobody_sets_may_be_asked() -> None:
    assert list(wall_clock("import time\ntime.monotonic(), time.perf_counter(), time.sleep(1)")) == []
