"""Two replicas behind round_robin are restarted, one after the other, while clients call."""

from pathlib import Path

from benchmarks.chaos.calling import calling
from benchmarks.chaos.faults import Fault
from benchmarks.chaos.replica import Replica, fleet, running
from benchmarks.soak.models import identity


def run(folder: Path, *, short: bool) -> list[Fault]:
    """Each is told to stop by SIGTERM, drains, and is started again on its port."""
    model = folder / "m.onnx"
    model.write_bytes(identity())
    delay = ["--drain-delay-seconds=0.5"] if short else []
    rounds = 1 if short else 3
    with (
        running(*(Replica(folder / name, f"--model={model}", *delay) for name in "ab")) as replicas,
        calling(fleet(*replicas)) as under_way,
    ):
        codes = []
        for replica in replicas * rounds:
            under_way.wait_for(100)
            codes.append(replica.terminate())
            replica.start()
        under_way.wait_for(100)
    return [
        Fault(
            name="rolling_restart",
            what=f"two replicas are restarted in turn, {len(codes)} times",
            tally=under_way.tally,
            worst_seconds_max=2.0,
            holds={"each ends with exit code 0": set(codes) == {0}},
        )
    ]
