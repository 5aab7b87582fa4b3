"""More connections than there are file descriptors for."""

import socket
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

from benchmarks.chaos import frames
from benchmarks.chaos.calling import calling
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.replica import Replica, running, wait_until
from benchmarks.soak.models import identity, publish

DESCRIPTORS_MAX = 256
CONNECTIONS = 2 * DESCRIPTORS_MAX
FULL_SECONDS = 15.0
POLL_SECONDS = 0.5


def run(folder: Path, *, short: bool) -> list[Fault]:
    """Meanwhile the connections that there are go on, the metrics answer and a new version is loaded."""
    root, content = folder / "models", identity()
    publish(root, 1, content, temperature=1.0)
    flags = [f"--repository={root}", f"--repository-poll-seconds={POLL_SECONDS}"]
    with (
        running(Replica(folder / "server", *flags, descriptors_max=DESCRIPTORS_MAX)) as (replica,),
        calling(replica.address) as under_way,
    ):
        under_way.wait_for(100)
        before = replica.resources()
        with ExitStack() as stack:
            for _ in range(CONNECTIONS):
                _open(stack, replica.port)
            publish(root, 2, content, temperature=2.0)
            under_way.wait_for(100)
            cpu = _cpu_seconds(replica)
            time.sleep(1.0 if short else FULL_SECONDS)
            worst = replica.resources()
            busy = _cpu_seconds(replica) - cpu
            says_so = bool(replica.events("connections are refused"))
            loaded = _version_is_there(replica, 2)
            answers = _metrics_answer(replica)
        wait_until(lambda: replica.resources().descriptors <= before.descriptors + 2, what="descriptors")
        after = replica.resources()
        with calling(replica.address) as anew:
            anew.wait_for(50)
        under_way.wait_for(100)
    under_way.tally.add(anew.tally)
    return [
        Fault(
            name="descriptors",
            what=f"{CONNECTIONS} connections to a server with {DESCRIPTORS_MAX} file descriptors",
            tally=under_way.tally,
            worst_seconds_max=3.0,
            holds={
                "its log says so": says_so,
                "a version published meanwhile is loaded": loaded,
                "/metrics answers": answers,
                f"descriptors {before.descriptors} to {after.descriptors}": True,
            },
            seen={"before": before, "full": worst, "after": after, "cpu_seconds_while_full": busy},
        )
    ]


def _open(stack: ExitStack, port: int) -> None:
    try:
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=1.0))
        connection.sendall(frames.hello())
    except OSError:  # hung up on, as some of them are to be
        return


def _cpu_seconds(replica: Replica) -> float:
    fields = Path(f"/proc/{replica.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _version_is_there(replica: Replica, version: int) -> bool:
    try:
        wait_until(
            lambda: replica.metric("assayd_model_info", version=str(version)) > 0, what="a version", seconds=20
        )
    except (TimeoutError, OSError):
        return False
    return True


def _metrics_answer(replica: Replica) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{replica.metrics_port}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
