"""Traffic of two replicas shifts: Prometheus, with the chart's rules, and Alertmanager tell a webhook."""

from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.soak.lines import Line

import onnx_models
import prometheus
import references
from alertmanagers import alertmanager
from assayd import Client
from client.cli.receiving import Receiver, receiving
from live_fleet.names import Names
from live_fleet.network import Network
from live_fleet.replicas import METRICS_PORT, fleet
from live_fleet.waiting import seconds_until

PART = "drift alert"
ALERT = "AssaydDrift"
WINDOW, WAIT = "10s", "1s"
"""Of the rules, which have an hour and 15 minutes."""
HEALTHY_BATCHES = 40
RNG = np.random.default_rng(7)
CENTRES = 4 * np.eye(4)
SHIFTED = (0.5, 0.3, 0.1, 0.1)
"""Of the centres, which healthy rows have a quarter of each."""


def run(network: Network, names: Names, folder: Path, model: Path, *, short: bool) -> list[Line]:
    """Send healthy rows, then others, until the webhook has been told."""
    references.write_reference(folder, onnx_models.identity(), _rows(20_000))
    artefacts = {"model": folder / "model.onnx", "reference": folder / "reference.npz"}
    rules = {"drift": prometheus.hastened(WINDOW, drift_after=WAIT, missing_after="5m")}
    with fleet(network, names, folder, **artefacts) as running, receiving() as webhook:
        targets = [f"{running.add().host.address}:{METRICS_PORT}" for _ in range(2)]
        with (
            alertmanager(folder, _telling(webhook)) as manager,
            prometheus.scraping(folder, targets, rules, alertmanagers=[manager]) as scraped,
            Client(running.target) as client,
        ):
            for number in range(1, HEALTHY_BATCHES + 1):
                client.score(_rows(60))
                scraped.wait_for(f"min(count_over_time(up[5m])) >= {number}")
            quiet = not webhook.documents

            def told() -> bool:
                client.score(_rows(60, SHIFTED))
                return any(ALERT in _firing(document) for document in webhook.documents)

            seconds = seconds_until(told, what="the webhook is told")
    return [
        Line(
            part=PART,
            what="alerts of healthy traffic",
            asked="none",
            reached="none" if quiet else "some",
            met=quiet,
        ),
        Line(
            part=PART,
            what=f"from the shift to the webhook, at a window of {WINDOW}",
            asked="told",
            reached=f"{seconds:.1f} s",
            met=True,
        ),
    ]


def _rows(count: int, shares: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)) -> np.ndarray:
    return (CENTRES[RNG.choice(4, count, p=shares)] + RNG.normal(size=(count, 4))).astype(np.float32)


def _firing(document: Any) -> set[str]:
    """The names of the alerts that a document of Alertmanager's says fire."""
    return {alert["labels"]["alertname"] for alert in document["alerts"] if alert["status"] == "firing"}


def _telling(webhook: Receiver) -> dict[str, Any]:
    """An Alertmanager that groups as docs/fleet_drift.md says, and tells at once."""
    groups = ["alertname", "namespace", "job", "model"]
    route = {"receiver": "webhook", "group_by": groups, "group_wait": "0s"}
    return {"route": route, "receivers": [{"name": "webhook", "webhook_configs": [{"url": webhook.address}]}]}
