"""A rolling update under load, one replica more for a while, as the chart's strategy has it: no call fails."""

from pathlib import Path

from benchmarks.soak.lines import Line

from live_fleet.load import calling
from live_fleet.names import Names
from live_fleet.network import Network
from live_fleet.replicas import fleet

PART = "rolling update"
REPLICAS = 3
SLOWEST_SECONDS_MAX = 3.0
"""As long as a few attempts of the client take, one after another."""


def run(network: Network, names: Names, folder: Path, model: Path, *, short: bool) -> list[Line]:
    """Put a new replica in the place of each old one, round after round, as soon as it is ready.

    Connections live for the chart's five minutes: what tells a client to look for others is the end of a server.
    """
    codes: list[int] = []
    with fleet(network, names, folder, model=model) as running:
        for _ in range(REPLICAS):
            running.add()
        with calling(running.target) as outcome:
            for _ in range(1 if short else 3):
                for old in list(running.replicas):
                    running.add()
                    codes.append(running.remove(old))
            for replica in running.replicas:
                replica.seconds_until_called()
    return [
        Line(
            part=PART,
            what=f"calls that failed while {len(codes)} replicas were replaced",
            asked="0",
            reached=outcome.told(),
            met=outcome.failed == 0 < len(outcome.seconds),
        ),
        Line(
            part=PART,
            what="exit codes of the old ones",
            asked="all 0",
            reached=f"{codes.count(0)} of {len(codes)}",
            met=not any(codes),
        ),
        Line(
            part=PART,
            what="the slowest call",
            asked=f"<= {SLOWEST_SECONDS_MAX:.0f} s",
            reached=f"{max(outcome.seconds):.2f} s",
            met=max(outcome.seconds) <= SLOWEST_SECONDS_MAX,
            timed=True,
        ),
    ]
