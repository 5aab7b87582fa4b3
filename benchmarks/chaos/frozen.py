"""One of two replicas is frozen (SIGSTOP): its kernel still takes connections and bytes, and nobody answers."""

import signal
import time
from pathlib import Path

from benchmarks.chaos.calling import calling
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.replica import Replica, fleet, running
from benchmarks.soak.models import identity

FROZEN_SECONDS = 30.0


def run(folder: Path, *, short: bool) -> list[Fault]:
    """Clients with the default deadline, and others with a short one."""
    return [
        _frozen(folder, deadline_seconds=seconds, short=short) for seconds in ((2.0,) if short else (10.0, 2.0))
    ]


def _frozen(folder: Path, *, deadline_seconds: float, short: bool) -> Fault:
    model = folder / "m.onnx"
    model.write_bytes(identity())
    with (
        running(*(Replica(folder / name, f"--model={model}") for name in "ab")) as replicas,
        calling(fleet(*replicas), deadline_seconds=deadline_seconds) as under_way,
    ):
        under_way.wait_for(100)
        replicas[0].signal(signal.SIGSTOP)
        time.sleep(5.0 if short else FROZEN_SECONDS)
        before = under_way.answers
        replicas[0].signal(signal.SIGCONT)
        under_way.wait_for(100)
    return Fault(
        name=f"frozen_{deadline_seconds:g}",
        what=f"one of two replicas is frozen; the deadline is {deadline_seconds:g} s",
        tally=under_way.tally,
        worst_seconds_max=deadline_seconds,
        seen={"answers_while_frozen": before},
    )
