"""`make fleet` in its short form: replicas on a network of their own, and a client that finds its way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from live_fleet.network import why_not
from programs import alertmanager, leave_out, program

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("fleet")]

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("scaling", "rolling", "cutting", "alerting")


@pytest.fixture(scope="module")
def _possible() -> None:
    """Root, network namespaces, Prometheus and Alertmanager.

    Nobody can install the first two: where they cannot be had, FLEET_NETWORK=none says that they are not
    required, which .ci/run tells first and last.
    """
    if (reason := why_not()) and os.environ.get("FLEET_NETWORK") == "none":
        pytest.skip(reason)
    if reason:
        leave_out(reason)
    program("prometheus")
    alertmanager()


@pytest.mark.usefixtures("_possible")
@pytest.mark.parametrize(
    "part", ["cutting", *(pytest.param(part, marks=pytest.mark.long) for part in PARTS if part != "cutting")]
)
def test_a_fleet_does_what_is_asked_of_it(part: str) -> None:
    environment = os.environ | {"PYTHONPATH": "tests:."}
    command = [sys.executable, "-m", "live_fleet", "--short", part]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "| met |" in run.stdout


@pytest.mark.usefixtures("_possible")
def test_nothing_of_a_fleet_is_left_behind() -> None:
    from live_fleet.network import network

    with network() as made:
        host = made.host()
        assert host.link in interfaces()
    assert host.link not in interfaces()
    assert host.link.partition("-")[0] not in interfaces()


def interfaces() -> str:
    return subprocess.run(["ip", "link"], check=True, capture_output=True, text=True).stdout
