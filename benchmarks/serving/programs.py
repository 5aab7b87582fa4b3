"""Programs that serve: pinned to cores, with what they use of processor and memory. Linux only."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS_MAX = 10.0


class Program:
    """A process, and those that it started."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """Programs are made by running."""
        self._process = process
        self._log = log

    def check_alive(self) -> None:
        """Raise RuntimeError, with the end of what it wrote, where it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"a server ended: {self._log.read_text()[-2000:]}")

    def processor_seconds(self) -> float:
        """All that they have used so far."""
        return sum(_processor_seconds(process_id) for process_id in self._process_ids())

    def memory_mib(self) -> float:
        """What they hold now: of each what is its own, and of what is shared as much as one of them has."""
        own, shared = zip(*(_memory_mib(process_id) for process_id in self._process_ids()), strict=True)
        return sum(own) + max(shared)

    def end(self) -> None:
        """As an operator would; what is left after some seconds is killed."""
        process_ids = self._process_ids()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for process_id in process_ids[1:]:
            if Path(f"/proc/{process_id}").exists():
                os.kill(process_id, signal.SIGKILL)

    def _process_ids(self) -> list[int]:
        """The first is its own."""
        children: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            if fields := _fields(path):
                children.setdefault(int(fields[1]), []).append(int(path.parent.name))
        found = [self._process.pid]
        for process_id in found:  # which grows on the way
            found += children.get(process_id, [])
        return found


def _fields(stat: Path) -> list[str]:
    """What follows the name, which may have spaces; nothing where the process has just ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _processor_seconds(process_id: int) -> float:
    fields = _fields(Path(f"/proc/{process_id}/stat"))
    return (int(fields[11]) + int(fields[12])) / _TICKS if fields else 0.0


def _memory_mib(process_id: int) -> tuple[float, float]:
    """What is its own, and what it shares with others, of whatever program."""
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return 0.0, 0.0
    mib = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
    return mib["Private_Clean"] + mib["Private_Dirty"], mib["Shared_Clean"] + mib["Shared_Dirty"]


@contextmanager
def running(
    command: Sequence[str], *, log: Path, cores: Collection[int], environment: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """A program on these cores until the block ends, or this process, however it ends.

    Args:
        command: what to run.
        log: takes what it writes.
        cores: those it may use, as it can see from the start: servers count them to choose their threads.
        environment: on top of this process's own, without what sets up assayd.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("ASSAYD_")}
    pinned = ["setpriv", "--pdeathsig", "TERM", "taskset", "--cpu-list", ",".join(map(str, sorted(cores)))]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*pinned, *command],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=own | dict(environment or {}),
        )  # fmt: skip
    program = Program(process, log)
    try:
        yield program
    finally:
        program.end()


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def until_listening(port: int, program: Program, *, timeout_seconds: float) -> None:
    """Wait for someone to listen there.

    Raises:
        RuntimeError: the program has ended.
        TimeoutError: nobody does in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        program.check_alive()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise TimeoutError(f"nobody listens on port {port} after {timeout_seconds} s")
