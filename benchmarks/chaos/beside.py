"""One server, clients that call it, and somebody beside them who means harm."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from benchmarks.chaos.calling import Calling, calling
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.replica import Replica, Resources, running, wait_until
from benchmarks.soak.models import identity

RETURN_SECONDS_MAX = 90.0
"""By then a server has given back what it gives back at all; memory within a minute."""
THREADS_MORE, MIB_MORE = 8, 64.0
"""That a server may keep: threads that it has begun, and memory that its heap has not given back yet."""
WORST_SECONDS_MAX = 3.0


def beside(
    folder: Path,
    harm: Callable[[Replica, Calling], None],
    *flags: str,
    name: str,
    what: str,
    holds: Mapping[str, Callable[[Replica], bool]] | None = None,
) -> Fault:
    """Calls while harm is done, and what the server holds before, at its worst and after.

    Args:
        folder: for the server.
        harm: is done once calls are answered.
        *flags: of the server.
        name: of the fault.
        what: it is.
        holds: what else is asked at the end.
    """
    model = folder / "m.onnx"
    model.write_bytes(identity())
    with (
        running(Replica(folder / name, f"--model={model}", *flags)) as (replica,),
        calling(replica.address) as under_way,
    ):
        under_way.wait_for(500)
        before = replica.resources()
        harm(replica, under_way)
        worst = replica.resources()
        after = _given_back(replica, before)
        under_way.wait_for(100)
        asked = {sentence: condition(replica) for sentence, condition in (holds or {}).items()}
    return Fault(
        name=name,
        what=what,
        tally=under_way.tally,
        worst_seconds_max=WORST_SECONDS_MAX,
        holds={_kept(before, after): _is_back(before, after), **asked},
        seen={"before": before, "at the end of it": worst, "after": after},
    )


def _given_back(replica: Replica, before: Resources) -> Resources:
    """What it holds as soon as that is as before, or in the end."""
    with suppress(TimeoutError):  # which the fault will show
        wait_until(lambda: _is_back(before, replica.resources()), what="resources", seconds=RETURN_SECONDS_MAX)
    return replica.resources()


def _is_back(before: Resources, after: Resources) -> bool:
    return (
        after.descriptors <= before.descriptors
        and after.threads <= before.threads + THREADS_MORE
        and after.mib <= before.mib + MIB_MORE
    )


def _kept(before: Resources, after: Resources) -> str:
    return (
        f"descriptors {before.descriptors} to {after.descriptors}, threads {before.threads} to {after.threads}, "
        f"memory {before.mib:.0f} to {after.mib:.0f} MiB"
    )
