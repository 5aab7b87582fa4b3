"""Metrics as Prometheus reads them: all there from the start, and named as its conventions have it."""

import re

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from assayd_server.bundle import Identity
from assayd_server.core.drift import ColumnValues, Tally, fit_drift_reference
from assayd_server.core.uncertainty import FORMULAS, Measure
from assayd_server.drift_counts import RecordedDrift
from assayd_server.metrics import CODES, MethodMetrics, Metrics, ModelMetrics

MODEL = {"model": "m", "version": "3"}
METHOD = {"grpc_type": "unary", "grpc_service": "assayd.v1.ScoringService", "grpc_method": "Score"}
COUNTERS = {
    "assayd_rows": "model",
    "assayd_invalid_rows": "model",
    "assayd_executions": "model",
    "assayd_abandoned_calls": "model",
    "assayd_predicted_rows": "model",
    "assayd_search_queries": "model",
    "assayd_recall_checked_neighbors": "model",
    "assayd_recall_found_neighbors": "model",
    "assayd_drift_rows": "drift",
    "assayd_drift_uncounted_rows": "drift",
    "assayd_repository_polls": "repository",
    "assayd_credential_reloads": "server",
    "assayd_refused_calls": "server",
    "assayd_stalled_calls": "server",
    "grpc_server_started": "method",
    "grpc_server_handled": "method",
}
HISTOGRAMS = {
    "assayd_stage_seconds": "model",
    "assayd_uncertainty": "model",
    "assayd_batch_rows": "model",
    "grpc_server_handling_seconds": "method",
}
GAUGES = {
    "assayd_pending_rows": "model",
    "assayd_model_info": "model",
    "assayd_pool_info": "model",
    "assayd_pool_rows": "model",
    "assayd_drift_reference_share": "drift",
    "assayd_drift_reference_rows": "drift",
    "assayd_drift_psi_critical": "drift",
    "assayd_failed_models": "server",
    "assayd_threads": "server",
    "assayd_credentials_outdated": "server",
    "assayd_tls_certificate_expiry_timestamp_seconds": "server",
    "assayd_calls": "server",
    "assayd_streams": "server",
    "assayd_pending_request_bytes": "server",
    "assayd_limit": "server",
    "assayd_memory_limit_bytes": "server",
    "assayd_unread_answer_bytes": "server",
    "assayd_anonymous_memory_bytes": "server",
    "assayd_build_info": "server",
}
LABELS = {
    "model": {"model", "version"},
    "drift": {"model", "version", "reference"},
    "method": set(METHOD),
    "repository": {"result"},
    "server": set[str](),
}
OURS = COUNTERS | HISTOGRAMS | GAUGES


class NoRows(RecordedDrift):
    """What is counted of a model whose reference has one column."""

    def __init__(self) -> None:
        column = ColumnValues(name="x", values=np.arange(100.0))
        super().__init__(Tally(fit_drift_reference(100, [column])), labels=(), digest="sha256:0123456789abcdef")

    def read(self) -> tuple[np.ndarray, int]:
        return np.zeros(self.tally.bin_count, np.int64), 0


class Server:
    """The metrics of a server with one model and one method, as they are before the first call."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.metrics.describe(version="1.2.3", threads={"inference": 2, "calls": 64})
        self.metrics.limits.set({"rows_pending_max": 7}, memory_bytes=100)
        self.metrics.failed_models.set(1)
        self.metrics.credentials.reloads("tls")
        self.model: ModelMetrics = self.metrics.model(Identity("m", 3, "sha256:0"), ("a", "b"))
        self.pool = self.metrics.pool(
            Identity("m", 3, "sha256:0"), digest="sha256:1", index_kind="ivf", row_count=7
        )
        self.metrics.drift(Identity("m", 3, "sha256:0"), NoRows())
        self.method: MethodMetrics = self.metrics.method("/assayd.v1.ScoringService/Score")

    def families(self) -> dict[str, Metric]:
        """What a scrape shows, without what the libraries add of themselves."""
        read = text_string_to_metric_families(generate_latest(self.registry).decode())
        return {
            family.name: family
            for family in read
            if family.name.startswith(("assayd_", "grpc_")) and not family.name.endswith("_created")
        }

    def value(self, name: str, labels: dict[str, str]) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def server() -> Server:
    return Server()


def test_a_scrape_shows_all_metrics_and_no_others(server: Server) -> None:
    assert set(server.families()) == set(OURS)


@pytest.mark.parametrize(
    ("names", "kind"),
    [(COUNTERS, "counter"), (HISTOGRAMS, "histogram"), (GAUGES, "gauge")],
    ids=str,
)
def test_every_metric_is_of_its_kind(server: Server, names: dict[str, str], kind: str) -> None:
    assert {name: server.families()[name].type for name in names} == dict.fromkeys(names, kind)


@pytest.mark.parametrize("name", [*COUNTERS, *HISTOGRAMS, "assayd_pending_rows", "assayd_calls"])
def test_every_series_is_there_at_zero_from_the_start(server: Server, name: str) -> None:
    samples = server.families()[name].samples
    assert samples
    assert {sample.value for sample in samples} == {0}


@pytest.mark.parametrize(("name", "about"), OURS.items(), ids=OURS)
def test_every_series_says_what_it_is_about(server: Server, name: str, about: str) -> None:
    assert all(LABELS[about] <= set(sample.labels) for sample in server.families()[name].samples)


@pytest.mark.parametrize("name", OURS)
def test_every_metric_has_a_help_text_that_is_a_sentence(server: Server, name: str) -> None:
    assert re.fullmatch(r"[A-Z1].*\.", server.families()[name].documentation)


@pytest.mark.parametrize("name", OURS)
def test_every_name_follows_the_conventions(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", name)
    assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_created"))
    assert not re.search("_(ms|milliseconds|minutes|kb|mb|percent|counter|gauge|histogram)(_|$)", name)


@pytest.mark.parametrize("name", COUNTERS)
def test_every_counter_ends_on_total(server: Server, name: str) -> None:
    assert {sample.name for sample in server.families()[name].samples} == {f"{name}_total"}


@pytest.mark.parametrize("name", HISTOGRAMS)
def test_every_histogram_has_a_last_bucket_for_all_there_is(server: Server, name: str) -> None:
    buckets = [sample for sample in server.families()[name].samples if sample.name.endswith("_bucket")]
    series = {tuple(sorted((sample.labels | {"le": ""}).items())) for sample in buckets}
    assert len([bucket for bucket in buckets if bucket.labels["le"] == "+Inf"]) == len(series) >= 1


def test_no_series_is_shown_twice(server: Server) -> None:
    samples = [sample for family in server.families().values() for sample in family.samples]
    keys = [(sample.name, *sorted(sample.labels.items())) for sample in samples]
    assert len(keys) == len(set(keys))


def test_what_the_process_itself_needs_is_shown_too(server: Server) -> None:
    text = generate_latest(server.registry).decode()
    assert "python_info{" in text
    assert "python_gc_collections_total{" in text


def test_every_status_has_a_series(server: Server) -> None:
    samples = server.families()["grpc_server_handled"].samples
    assert [sample.labels["grpc_code"] for sample in samples] == list(CODES)


def test_every_stage_has_a_series(server: Server) -> None:
    samples = server.families()["assayd_stage_seconds"].samples
    assert {sample.labels["stage"] for sample in samples} == {"queue", "inference", "search", "total"}


def test_every_class_has_a_series(server: Server) -> None:
    samples = server.families()["assayd_predicted_rows"].samples
    assert [sample.labels["class"] for sample in samples] == ["a", "b"]


def test_every_measure_of_the_task_has_a_series(server: Server) -> None:
    samples = server.families()["assayd_uncertainty"].samples
    assert {sample.labels["measure"] for sample in samples} == {
        measure.value for measure in FORMULAS if measure is not Measure.MAX_ENTROPY
    }


def test_a_loaded_model_is_shown_with_its_digest(server: Server) -> None:
    assert server.value("assayd_model_info", MODEL | {"digest": "sha256:0"}) == 1


def test_what_does_not_change_is_shown(server: Server) -> None:
    assert server.value("assayd_build_info", {"version": "1.2.3"}) == 1
    assert server.value("assayd_failed_models", {}) == 1
    assert server.value("assayd_threads", {"purpose": "calls"}) == 64


def test_a_call_is_counted_when_it_begins_and_when_it_ends(server: Server) -> None:
    server.method.start()
    server.method.start()
    server.method.end("NotFound", 0.25)
    assert server.value("grpc_server_started_total", METHOD) == 2
    assert server.value("grpc_server_handled_total", METHOD | {"grpc_code": "NotFound"}) == 1
    assert server.value("grpc_server_handled_total", METHOD | {"grpc_code": "OK"}) == 0
    assert server.value("grpc_server_handling_seconds_sum", METHOD) == 0.25


def test_rows_are_pending_for_as_long_as_the_body_takes(server: Server) -> None:
    with server.model.pending(5), server.model.pending(2):
        assert server.value("assayd_pending_rows", MODEL) == 7
    assert server.value("assayd_pending_rows", MODEL) == 0


def test_after_an_exception_no_rows_are_pending(server: Server) -> None:
    with pytest.raises(ZeroDivisionError), server.model.pending(5):
        raise ZeroDivisionError
    assert server.value("assayd_pending_rows", MODEL) == 0


def test_versions_of_a_model_are_counted_apart(server: Server) -> None:
    other = server.metrics.model(Identity("m", 4, "sha256:1"), ("a", "b"))
    other.rows.inc(9)
    assert server.value("assayd_rows_total", MODEL) == 0
    assert server.value("assayd_rows_total", MODEL | {"version": "4"}) == 9


def test_servers_in_one_process_share_no_metric() -> None:
    first, second = Server(), Server()
    first.model.rows.inc(3)
    assert (first.value("assayd_rows_total", MODEL), second.value("assayd_rows_total", MODEL)) == (3, 0)
