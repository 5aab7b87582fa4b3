"""All that the client can ask, in random order, while versions come and workers are killed: see surface/."""

import secrets
from pathlib import Path

from benchmarks.chaos.calling import Tally
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.surface.running import run as run_surface

SECONDS, SHORT_SECONDS = 180.0, 10.0


def run(folder: Path, *, short: bool) -> list[Fault]:
    """From a seed that is printed; whatever comes out wrong raises, and says by what steps."""
    seed = secrets.randbelow(2**31)
    counts = run_surface(folder, seed=seed, seconds=SHORT_SECONDS if short else SECONDS)
    return [
        Fault(
            name="everything",
            what="steps in random order, every call of the client against NumPy, faults between",
            tally=Tally(calls=counts.total(), worst_seconds=counts.worst_seconds),
            worst_seconds_max=10.0,
            holds={f"{counts['swap']} versions, {counts['kill']} workers killed": True},
            seen={"seed": seed, "steps": dict(counts)},
        )
    ]
