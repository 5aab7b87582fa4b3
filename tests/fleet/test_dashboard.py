"""The dashboard, and the documents: each query has an answer from a real Prometheus that scrapes a real server."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import prometheus
import promql
from assayd import AssaydError, Client
from processes import ServerProcess, serving
from prometheus import Prometheus, scraping

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("fleet")]

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "helm" / "assayd" / "dashboards" / "assayd.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = {
    f"{panel['title']}, {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]
}
"""Each query, by its panel."""
DOCUMENTED = promql.queries(*[page for page in promql.PAGES if page not in promql.OF_FLEETS])
UNANSWERED = {
    "assayd_worker_restarts_total": "one process has no workers",
    "assayd_recall_checked_neighbors_total": "the demo's pool is small, and searched exactly",
    "assayd_tls_certificate_expiry_timestamp_seconds": "without TLS no certificate expires",
}
"""What tells the queries apart that are rightly empty here, and why they are."""
DEMO = ROOT / "server" / "assayd_server" / "demo"
ALL_BUT_COLUMN = {"namespace": ".*", "job": "assayd", "model": "digits"}
CHOSEN = {**ALL_BUT_COLUMN, "column": "predicted_class", "__rate_interval": "10s"}
"""What Grafana puts in place of its variables."""


def filled(expression: str) -> str:
    for name, value in CHOSEN.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression, expression
    return expression


def send(client: Client, rows: np.ndarray) -> None:
    """Calls of each kind that a panel is about: every measure, neighbours, a search, and one that is refused."""
    client.score(rows, uncertainties=["least_confidence", "margin", "ratio", "entropy"], neighbors=3)
    client.search(ids=[1], k=3)
    with pytest.raises(AssaydError):
        client.score(rows[:, :1])


class Watching:
    """Sends a little more before each query, so that what is looked at is never the past."""

    def __init__(self, prometheus: Prometheus, server: ServerProcess, client: Client, rows: np.ndarray) -> None:
        self.server = server
        self._prometheus, self._client, self._rows = prometheus, client, rows

    def answers(self, expression: str) -> list[float]:
        """The values of an expression as soon as one is a number; a quantile of nothing is none."""
        send(self._client, self._rows[:8])
        return [sample.value for sample in self._prometheus.wait_for(f"({expression}) >= -Inf")]

    def has_none(self, expression: str) -> bool:
        """Whether it is understood, and yet has no number after as much traffic."""
        send(self._client, self._rows[:8])
        return not self._prometheus.query(f"({expression}) >= -Inf")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watching]:
    """A Prometheus that has seen some seconds of traffic of the demo's model, which has a pool and a reference."""
    folder = tmp_path_factory.mktemp("dashboard")
    rows = np.load(DEMO / "held_out.npz")["images"]
    arguments = ("--repository", str(DEMO / "models"), "--repository-poll-seconds", "0.5")
    with serving(folder / "log", *arguments, "--drain-delay-seconds", "0") as server:
        address = f"127.0.0.1:{server.wait_for('serving')['metrics_port']}"
        with (
            scraping(folder, [address], prometheus.recorded("30s")) as found,
            Client(f"localhost:{server.port}") as client,
        ):
            found.wait_for("assayd_build_info")
            for scrapes in range(1, 16):
                send(client, rows)
                found.wait_for(f"min(count_over_time(up[5m])) >= {scrapes}")
            found.wait_for("assayd:novel_share:1h and assayd:drift_psi:1h")
            yield Watching(found, server, client, rows)


@pytest.mark.parametrize("expression", TARGETS.values(), ids=TARGETS)
def test_no_panel_is_without_data(watched: Watching, expression: str) -> None:
    assert watched.answers(filled(expression))


@pytest.mark.parametrize("query", DOCUMENTED)
def test_each_query_of_the_documents_has_an_answer_or_a_reason_for_none(watched: Watching, query: str) -> None:
    asked = promql.whether(promql.soon(query))
    reasons = [reason for part, reason in UNANSWERED.items() if part in query]
    if reasons:
        assert watched.has_none(asked), reasons
    else:
        assert watched.answers(asked)


@pytest.mark.parametrize("part", UNANSWERED)
def test_what_has_no_answer_is_a_query_that_there_is(part: str) -> None:
    assert [query for query in DOCUMENTED if part in query]


def test_the_variables_find_what_there_is_to_choose_from(watched: Watching) -> None:
    queries = {one["name"]: one["definition"] for one in DASHBOARD["templating"]["list"] if "definition" in one}
    assert list(queries) == ["namespace", "job", "model", "column"]
    for name, definition in queries.items():
        if name == "namespace":  # which Kubernetes gives to what it has scraped, and nobody here
            continue
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", definition).groups()
        assert watched.answers(filled(f"count by ({label}) ({series})"))


def test_each_panel_says_what_it_shows_and_has_a_place_of_its_own() -> None:
    assert len(PANELS) > 20
    assert [panel["title"] for panel in PANELS if not panel["description"]] == []
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_no_query_leaves_out_whose_traffic_it_is_about() -> None:
    limits = "assayd:score_seconds:limit"
    assert [name for name, text in TARGETS.items() if 'job=~"$job"' not in text and limits not in text] == []
