"""Writes the chart's schema, docs/settings.md and docs/metrics.md from the code, so that none lags: make docs."""

from pathlib import Path

import chart_schema
import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from assayd_server.bundle import Identity
from assayd_server.config import Settings
from assayd_server.configuring import PREFIX
from assayd_server.core.drift import ColumnValues, Tally, fit_drift_reference
from assayd_server.drift_counts import RecordedDrift
from assayd_server.metrics import Metrics
from assayd_server.workers.metrics import WorkersMetrics

FOLDER = Path(__file__).parent


class _NoRows(RecordedDrift):
    """Of a reference of one column."""

    def __init__(self) -> None:
        column = ColumnValues(name="x", values=np.arange(100.0))
        super().__init__(Tally(fit_drift_reference(100, [column])), labels=(), digest="sha256:")

    def read(self) -> tuple[np.ndarray, int]:
        """No rows."""
        return np.zeros(self.tally.bin_count, np.int64), 0


_SETTINGS = """# Settings

`assayd serve` takes each setting as a flag, as a variable or as a line of a TOML file (`--config FILE` or
`ASSAYD_CONFIG`). A flag wins over a variable, a variable over the file; an empty variable counts as not set.
A setting that is unknown or malformed stops the start with one sentence that names it.

In Kubernetes, a Service called `assayd` would set variables such as `ASSAYD_PORT=tcp://...`: the chart
switches that off with `enableServiceLinks: false`.

This page is written by `make docs`.

| setting | flag | variable | default | what it is |
|---|---|---|---|---|
"""
_METRICS = """# Metrics

At `/metrics` on the metrics port, for Prometheus. Rates, and what is summed over a fleet, come from the `_total`
counters and the histograms' `_bucket`, `_sum` and `_count`. The `process_` and `python_` metrics of the Prometheus
client are there too. `assayd_pending_rows` is what to scale on.

Where there are several [workers](operations.md#workers), their series have the label `worker` too, from `"0"` on,
and the metrics whose names begin with `assayd_worker` are there.

This page is written by `make docs`.

| metric | type | labels | what it is |
|---|---|---|---|
"""


def settings_page() -> str:
    """Every setting, in the order of the code."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{str(field.default).lower()}`"
        flag = f"`--{name.replace('_', '-')}`"
        rows.append(
            f"| `{name}` | {flag} | `{PREFIX}{name.upper()}` | {default} | {_one_line(field.description)} |"
        )
    return _SETTINGS + "\n".join(rows) + "\n"


def _one_line(text: str | None) -> str:
    """As a cell of a table has it."""
    return " ".join((text or "").split())


def metrics_page() -> str:
    """Every metric of ours, as a server with one model shows them."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    identity = Identity("m", 1, "sha256:")
    metrics.model(identity, ("a", "b"))
    metrics.pool(identity, digest="sha256:", index_kind="flat", row_count=1)
    metrics.drift(identity, _NoRows())
    metrics.method("/assayd.v1.ScoringService/Score")
    metrics.describe(version="0", threads={"inference": 1})
    metrics.credentials.reloads("tls")
    metrics.credentials.expire({"tls_certificate": 0})
    metrics.limits.set({"rows_pending_max": 1}, memory_bytes=1)
    parents = CollectorRegistry()
    WorkersMetrics(parents, 2)
    return f"{_METRICS}{_rows(registry)}{_rows(parents)}"


def _rows(registry: CollectorRegistry) -> str:
    """The rows of the table."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    rows = [
        f"| `{_full_name(family.name, family.type)}` | {family.type} | {_labels(family.samples)} "
        f"| {family.documentation} |"
        for family in families
        if family.name.startswith(("assayd_", "grpc_")) and not family.name.endswith("_created")
    ]
    return "\n".join(rows) + "\n"


def _full_name(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name


def _labels(samples: list) -> str:
    names = dict.fromkeys(label for sample in samples for label in sample.labels if label != "le")
    return ", ".join(f"`{name}`" for name in names)


PAGES = {
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "../helm/assayd/values.schema.json": chart_schema.written,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())
