"""What a server in this process says of itself."""

from urllib.request import urlopen

from assayd.testing import Server
from exposition import value_in


def metric(app: Server, name: str, **labels: str) -> float:
    """The sum of a metric's samples with these labels, as /metrics has them now."""
    with urlopen(f"http://{app.metrics_address}/metrics", timeout=10) as response:
        return value_in(response.read().decode(), name, labels)
