"""Debian's programs that some tests ask: from the system, or from where `make prometheus` unpacks them."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

TEMPLATES = Path("/usr/share/prometheus/alertmanager/default.tmpl")
UNPACKED = Path(__file__).resolve().parents[1] / ".make" / "debian" / "usr" / "bin"


def program(name: str) -> str:
    """The path of a program. Without it the test is left out, or fails where FLEET_TESTS=required, as in CI."""
    found = shutil.which(name, path=f"{UNPACKED}:{os.environ['PATH']}")
    if found is None:
        leave_out(f"{name} is not here: make prometheus")
    return found


def alertmanager() -> str:
    """The path of Debian's Alertmanager, as of program; unpacked it does not find its templates."""
    found = program("prometheus-alertmanager")
    if not TEMPLATES.exists():
        leave_out(f"{TEMPLATES} is not here, where Debian's Alertmanager looks for it: see .ci/run")
    return found


def leave_out(why: str) -> NoReturn:
    """Leave the test out and say why; it fails where FLEET_TESTS=required."""
    if os.environ.get("FLEET_TESTS") == "required":
        pytest.fail(f"{why}, and FLEET_TESTS is required")
    pytest.skip(why)
