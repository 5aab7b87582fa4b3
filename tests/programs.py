"""Debian's programs that some tests ask: from the system, or from where `make prometheus` unpacks them."""

import os
import shutil
from pathlib import Path

import pytest

UNPACKED = Path(__file__).resolve().parents[1] / ".make" / "debian" / "usr" / "bin"


def program(name: str) -> str:
    """The path of a program. Without it the test is left out, or fails where FLEET_TESTS=required, as in CI."""
    found = shutil.which(name, path=f"{UNPACKED}:{os.environ['PATH']}")
    if found is None and os.environ.get("FLEET_TESTS") == "required":
        pytest.fail(f"{name} is not here, and FLEET_TESTS is required")
    if found is None:
        pytest.skip(f"{name} is not here: make prometheus")
    return found
