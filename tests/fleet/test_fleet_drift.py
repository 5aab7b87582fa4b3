"""Drift over two replicas, for real: counters in Prometheus, under the chart's rules, beside the pooled rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import onnx_models
import prometheus
import promql
import references
from assayd import Client
from processes import ServerProcess, serving
from prometheus import Prometheus, Sample, scraping

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("fleet")]

BATCH_ROWS = 60
SHARE_OF_FIRST = 0.8
RNG = np.random.default_rng(7)
CENTRES = 4 * np.eye(4)


def rows_of(count: int, shares: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)) -> np.ndarray:
    """(count, 4) around four centres: logits of four classes, and an embedding."""
    return (CENTRES[RNG.choice(4, count, p=shares)] + RNG.normal(size=(count, 4))).astype(np.float32)


def shifted(count: int) -> np.ndarray:
    return rows_of(count, (0.5, 0.3, 0.1, 0.1))


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model.onnx and reference.npz."""
    folder = tmp_path_factory.mktemp("fleet")
    references.write_reference(folder, onnx_models.identity(), rows_of(20_000))
    return folder


@contextmanager
def replica(artefacts: Path, log: Path, *arguments: str) -> Iterator[ServerProcess]:
    files = ("--model", str(artefacts / "model.onnx"), "--reference", str(artefacts / "reference.npz"))
    with serving(log, *files, "--drain-delay-seconds", "0", *arguments) as server:
        yield server


def metrics_port(server: ServerProcess) -> int:
    return int(server.wait_for("serving")["metrics_port"])


@dataclass
class Fleet:
    """Two replicas, and what was sent to them."""

    servers: tuple[ServerProcess, ServerProcess]
    prometheus: Prometheus
    sent: list[np.ndarray]

    def score(self, batch: np.ndarray) -> None:
        """Most rows by the first replica, the others by the second."""
        cut = int(len(batch) * SHARE_OF_FIRST)
        for server, part in zip(self.servers, (batch[:cut], batch[cut:]), strict=True):
            score(server, part)
        self.sent.append(batch)


def score(server: ServerProcess, batch: np.ndarray) -> None:
    with Client(f"localhost:{server.port}") as client:
        client.score(batch)


@contextmanager
def fleet(artefacts: Path, folder: Path, rules: dict[str, str], *of_second: str) -> Iterator[Fleet]:
    """Two replicas, the second with these further arguments, whose counters Prometheus has seen at zero."""
    with (
        replica(artefacts, folder / "first") as first,
        replica(artefacts, folder / "second", *of_second) as second,
    ):
        servers = (first, second)
        targets = [f"127.0.0.1:{metrics_port(server)}" for server in servers]
        with scraping(folder, targets, rules) as found:
            found.wait_for("count(count by (instance) (assayd_drift_rows_total)) == 2")
            yield Fleet(servers, found, [])


def pooled_psi(server: ServerProcess, rows: np.ndarray) -> dict[str, float]:
    """By column, from the histograms of all rows in one window."""
    with Client(f"localhost:{server.port}") as client:
        columns = client.test_drift(rows).columns
    binned = [column for column in columns if column.bins]  # which the embedding as a whole is not
    return {column.name: psi(column.reference_counts, column.window_counts) for column in binned}


def psi(reference_counts: Sequence[int], window_counts: Sequence[int]) -> float:
    reference, window = np.array(reference_counts), np.array(window_counts)
    expected = (reference + 0.5) / (reference.sum() + len(reference) / 2)
    actual = (window + 0.5) / (window.sum() + len(window) / 2)
    return float(((actual - expected) * np.log(actual / expected)).sum())


def by_column(samples: list[Sample]) -> dict[str, float]:
    return {sample.labels["column"]: sample.value for sample in samples}


@pytest.mark.long
def test_psi_of_the_fleet_is_that_of_all_rows_pooled(artefacts: Path, tmp_path: Path) -> None:
    rules = {
        "increase": prometheus.hastened("5m", drift_after="5m", missing_after="5m"),
        "totals": prometheus.of_totals(),
    }
    with fleet(artefacts, tmp_path, rules, "--workers", "2") as running:
        found = running.prometheus
        for scrapes in range(1, 71):
            running.score(np.concatenate([rows_of(BATCH_ROWS // 2), shifted(BATCH_ROWS // 2)]))
            found.wait_for(f"min(count_over_time(up[5m])) >= {scrapes}")
        sent = np.concatenate(running.sent)
        assert len(found.query("sum by (instance, worker) (assayd_drift_rows_total) > 0")) == 3
        expected = pooled_psi(running.servers[0], sent)
        assert len(expected) >= 8
        # a scrape that came too late takes a replica out of the totals until the next one
        counted = f"and on (column) (min_over_time(assayd:drift_rows:total[1s]) == {len(sent)})"
        of_totals = found.wait_for(f"assayd:drift_psi:total {counted}")
        assert by_column(of_totals) == pytest.approx(expected, abs=1e-6)
        found.wait_for("min(count_over_time(assayd_drift_rows_total[5m])) >= 60")
        assert by_column(found.wait_for("assayd:drift_psi:1h")) == pytest.approx(expected, rel=0.05)
        rows = by_column(found.wait_for("assayd:drift_rows:increase1h"))
        assert rows == pytest.approx(dict.fromkeys(expected, len(sent)), rel=0.05)


def test_the_alert_is_silent_until_traffic_shifts_and_then_raised(artefacts: Path, tmp_path: Path) -> None:
    rules = {"drift": prometheus.hastened("10s", drift_after="1s", missing_after="5m")}
    with fleet(artefacts, tmp_path, rules) as running:
        found = running.prometheus
        for scrapes in range(1, 41):
            running.score(rows_of(BATCH_ROWS))
            found.wait_for(f"min(count_over_time(up[5m])) >= {scrapes}")
        found.wait_for("min(count_over_time(assayd:drift_psi:1h[5m])) >= 20")
        found.wait_for("min(assayd:drift_rows:increase1h) > 1000")
        assert found.query('max_over_time(ALERTS{alertname="AssaydDrift"}[5m])') == []
        raised = 'ALERTS{alertname="AssaydDrift", alertstate="firing", column="predicted_class"}'
        while not found.query(raised):
            running.score(shifted(BATCH_ROWS))
            found.wait_for(f"min(count_over_time(up[5m])) >= {len(running.sent)}")
            assert len(running.sent) < 250, found.query("assayd:drift_psi:1h")
        (alert,) = found.query(raised)
        assert alert.labels.items() >= {"job": "assayd", "model": "model", "severity": "warning"}.items()


@pytest.mark.long
def test_a_replica_that_is_killed_and_restarted_raises_nothing(artefacts: Path, tmp_path: Path) -> None:
    rules = {"drift": prometheus.hastened("5m", drift_after="200ms", missing_after="1m")}
    with fleet(artefacts, tmp_path, rules) as running:
        found, (first, second) = running.prometheus, running.servers
        ports = (str(first.port), str(metrics_port(first)))
        for scrapes in range(1, 16):
            running.score(rows_of(BATCH_ROWS))
            found.wait_for(f"min(count_over_time(up[5m])) >= {scrapes}")
        first.process.kill()
        found.wait_for("up == 0")
        score(second, rows_of(BATCH_ROWS))
        again = ("--port", ports[0], "--metrics-port", ports[1])
        with replica(artefacts, tmp_path / "again", *again) as restarted:
            running.servers = (restarted, second)
            found.wait_for("count(up == 1) == 2")
            for scrapes in range(1, 16):
                running.score(rows_of(BATCH_ROWS))
                found.wait_for(f"min(count_over_time(up[5m])) >= {15 + scrapes}")
            found.wait_for("sum(resets(assayd_drift_rows_total[5m])) > 0")
            found.wait_for("max_over_time(ALERTS{alertname='AssaydDriftCountsMissing', alertstate='pending'}[5m])")
            assert found.query("max_over_time(ALERTS{alertname='AssaydDrift'}[5m])") == []
            assert found.query("max_over_time(ALERTS{alertstate='firing'}[5m])") == []


def test_the_queries_of_the_documents_have_answers(artefacts: Path, tmp_path: Path) -> None:
    rules = prometheus.recorded("5m")
    with fleet(artefacts, tmp_path, rules) as running:
        running.score(rows_of(BATCH_ROWS))
        running.prometheus.wait_for("assayd:drift_psi:1h")
        queries = promql.queries(*promql.OF_FLEETS)
        assert len(queries) >= 8
        for query in queries:
            assert running.prometheus.wait_for(query), query
