"""The wall clock steps back and forth by an hour, under a server that is told so by libfaketime."""

import shutil
import time
from datetime import datetime
from pathlib import Path

from benchmarks.chaos.calling import calling
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.replica import Replica, running
from benchmarks.soak.models import identity, publish

STEPS = ("+3600", "+0", "-3600", "+0")
"""Seconds off the true time, one after another."""
LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", ".make/debian/usr/lib/*/faketime/libfaketimeMT.so.1")


def library() -> Path | None:
    """Where libfaketime is, if anywhere."""
    return next((path for place in LIBRARIES for path in _found(place)), None)


def run(folder: Path, *, short: bool) -> list[Fault]:
    """Calls, the look at the repository and the drain go on as if nothing was; left out without libfaketime."""
    faketime = library()
    if faketime is None:
        return []
    root, content, offset = folder / "models", identity(), folder / "offset"
    publish(root, 1, content, temperature=1.0)
    offset.write_text("+0")
    environment = {
        "LD_PRELOAD": str(faketime),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    flags = [f"--repository={root}", "--repository-poll-seconds=0.5"]
    with running(Replica(folder / "server", *flags, environment=environment)) as (replica,):
        with calling(replica.address) as under_way:
            under_way.wait_for(100)
            for number, step in enumerate(STEPS):
                _write(offset, step)
                publish(root, 2 + number, content, temperature=1.0)
                under_way.wait_for(100)
                time.sleep(1.0 if short else 5.0)
        loaded = replica.metric("assayd_model_info", version=str(1 + len(STEPS)))
        began = time.monotonic()
        code = replica.terminate()
        seconds = time.monotonic() - began
    return [
        Fault(
            name="clock",
            what=f"the clock is {', '.join(STEPS)} s off, in turn",
            tally=under_way.tally,
            worst_seconds_max=2.0,
            holds={
                "its log's times step by an hour": _stepped(replica) >= 3600,
                "versions published meanwhile are loaded": loaded == 1,
                "the drain takes its 5 s and ends with 0": code == 0 and 4.5 < seconds < 15,
            },
        )
    ]


def _stepped(replica: Replica) -> float:
    """How far apart the times are, in seconds, at which versions were loaded within the same minute."""
    times = [datetime.fromisoformat(line["timestamp"]) for line in replica.events("model loaded")]
    return (max(times) - min(times)).total_seconds()


def _write(path: Path, text: str) -> None:
    """At once: somebody may read it any time."""
    (part := path.with_suffix(".part")).write_text(text)
    shutil.move(part, path)


def _found(place: str) -> list[Path]:
    root = Path("/") if place.startswith("/") else Path(__file__).resolve().parents[2]
    return sorted(root.glob(place.removeprefix("/")))
