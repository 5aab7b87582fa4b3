"""One of three replicas is cut off, its link down, and comes back: calls succeed within their deadline."""

import time
from pathlib import Path

from benchmarks.soak.lines import Line

from live_fleet.load import DEADLINE_SECONDS, calling
from live_fleet.names import Names
from live_fleet.network import Network
from live_fleet.replicas import fleet

PART = "cut off"
REPLICAS = 3


def run(network: Network, names: Names, folder: Path, model: Path, *, short: bool) -> list[Line]:
    """Nobody takes its address away: a node that is gone is believed to be there for most of a minute."""
    with fleet(network, names, folder, model=model) as running:
        cut, *_ = [running.add() for _ in range(REPLICAS)]
        with calling(running.target) as outcome:
            for replica in running.replicas:
                replica.seconds_until_called()
            cut.host.cut_off()
            time.sleep(DEADLINE_SECONDS + (2.0 if short else 20.0))
            cut.host.reconnect()
            cut.wait_until_ready()
            back = cut.seconds_until_called()
    slowest = max(outcome.seconds)
    return [
        Line(
            part=PART,
            what=f"calls that failed, with a deadline of {DEADLINE_SECONDS:.0f} s",
            asked="0",
            reached=outcome.told(),
            met=outcome.failed == 0,
            timed=True,
        ),
        Line(
            part=PART,
            what="the slowest call that succeeded",
            asked=f"<= {DEADLINE_SECONDS:.0f} s",
            reached=f"{slowest:.1f} s",
            met=slowest <= DEADLINE_SECONDS,
            timed=True,
        ),
        Line(
            part=PART,
            what="from the link's return to a call of the replica",
            asked="<= 60 s",
            reached=f"{back:.1f} s",
            met=back <= 60,
        ),
    ]
