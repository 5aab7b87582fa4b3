"""Everything is killed at once (SIGKILL), and started again where it was, with what was left behind."""

import os
import signal
from pathlib import Path

from benchmarks.chaos.calling import Tally, calling
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.replica import Replica, running, wait_until
from benchmarks.soak.models import identity, publish

WORKERS = 2


def run(folder: Path, *, short: bool) -> list[Fault]:
    """A parent with its workers, and a server with a Unix socket; the clients stay."""
    times = 1 if short else 5
    root = folder / "models"
    publish(root, 1, identity(), temperature=1.0)
    repository = f"--repository={root}"
    path = folder / "socket"
    return [
        _killed(
            Replica(folder / "workers", repository, f"--workers={WORKERS}"),
            times,
            name="workers_killed",
            what=f"a parent and its {WORKERS} workers are killed and started again, {times} times",
        ),
        _killed(
            Replica(folder / "alone", repository, f"--uds={path}"),
            times,
            name="socket_left_behind",
            what=f"a server is killed, its Unix socket stays, and it is started again, {times} times",
            address=f"unix:{path}",
        ),
    ]


def _killed(replica: Replica, times: int, *, name: str, what: str, address: str = "") -> Fault:
    """Kill in turn the whole group and the parent alone; call before and after, not while nobody is there."""
    total = Tally()
    with running(replica):
        for number in range(times + 1):
            with calling(address or replica.address) as under_way:
                under_way.wait_for(100)
            total.add(under_way.tally)
            if number == times:
                break
            _kill(replica, parent_alone=bool(number % 2))
            replica.start()
    return Fault(
        name=name,
        what=what,
        tally=total,
        worst_seconds_max=2.0,
    )


def _kill(replica: Replica, *, parent_alone: bool) -> None:
    """Workers end by themselves where the parent is gone."""
    processes = [replica.pid, *replica.children()]
    for process in processes[: 1 if parent_alone else None]:
        os.kill(process, signal.SIGKILL)
    replica.ended()
    wait_until(lambda: not any(map(_runs, processes)), what="the end of the workers")


def _runs(process: int) -> bool:
    return Path(f"/proc/{process}").exists()
