"""From one replica to three under load: the client finds the new ones by itself, and the load spreads."""

import time
from pathlib import Path

from benchmarks.soak.lines import Line

from live_fleet.load import calling
from live_fleet.names import Names
from live_fleet.network import Network
from live_fleet.replicas import fleet

PART = "scale 1 to 3"
CONNECTION_AGE_SECONDS = 3
"""By when a client asks for addresses anew; the chart leaves it at 300."""
FOUND_SECONDS_MAX = 2.0 * CONNECTION_AGE_SECONDS + 2.0
"""A connection comes of age, with gRPC's jitter and grace, and the address is looked up, at most once a second."""
SHARE_MIN, SHARE_MAX = 0.25, 0.42


def run(network: Network, names: Names, folder: Path, model: Path, *, short: bool) -> list[Line]:
    """Add two replicas, one after another, and then watch where calls go for a while."""
    with fleet(network, names, folder, model=model, connection_age_max_seconds=CONNECTION_AGE_SECONDS) as running:
        first = running.add()
        with calling(running.target) as outcome:
            first.seconds_until_called()
            found = []
            for _ in range(2):
                new = running.add()
                found.append(new.seconds_until_called())
            before = [replica.calls() for replica in running.replicas]
            time.sleep(2.0 if short else 15.0)
            after = [replica.calls() for replica in running.replicas]
    counts = [now - then for now, then in zip(after, before, strict=True)]
    shares = [count / sum(counts) for count in counts]
    return [
        Line(part=PART, what="calls that failed", asked="0", reached=outcome.told(), met=outcome.failed == 0),
        Line(
            part=PART,
            what=f"until a new replica is called (connections live {CONNECTION_AGE_SECONDS} s)",
            asked=f"<= {FOUND_SECONDS_MAX:.0f} s",
            reached=" and ".join(f"{seconds:.1f} s" for seconds in found),
            met=max(found) <= FOUND_SECONDS_MAX,
            timed=True,
        ),
        Line(
            part=PART,
            what="share of each of the three",
            asked=f"{SHARE_MIN:.0%} to {SHARE_MAX:.0%}",
            reached=", ".join(f"{share:.0%}" for share in shares),
            met=all(SHARE_MIN <= share <= SHARE_MAX for share in shares),
        ),
    ]
