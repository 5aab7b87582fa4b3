"""Pages of several processes as one: every family once, every series with the number of its worker."""

import pytest
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.parser import text_string_to_metric_families

from assayd_server.workers.exposition import merged

disable_created_metrics()  # as the server does

ODD = 'a "b" \\ {c="d"}\n# HELP assayd_rows_total e\u2028f \x85'


def page(rows: int, *, odd: str = ODD) -> str:
    """A counter by class, a histogram and a gauge without labels."""
    registry = CollectorRegistry()
    Counter("assayd_rows", f"Rows, {ODD}.", ["class"], registry=registry).labels(odd).inc(rows)
    Histogram("assayd_seconds", "Times.", ["stage"], buckets=[1], registry=registry).labels("x").observe(0.5)
    Gauge("assayd_calls", "Calls.", registry=registry).set(float("inf"))
    return generate_latest(registry).decode()


def own(name: str = "assayd_workers") -> str:
    registry = CollectorRegistry()
    Gauge(name, "A number.", registry=registry).set(7)
    return generate_latest(registry).decode()


def series(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Values by name and labels; there is no series twice."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(found) == len(samples)
    return found


def test_every_series_is_what_it_was_with_the_number_of_its_worker() -> None:
    together = series(merged(own(), {"0": page(3), "1": page(4)}))
    expected = {("assayd_workers", frozenset()): 7.0}
    for worker, rows in (("0", 3), ("1", 4)):
        for (name, labels), value in series(page(rows)).items():
            expected[name, labels | {("worker", worker)}] = value
    assert together == expected


def test_every_family_is_there_once_with_its_type_and_its_text() -> None:
    text = merged(own(), {"0": page(3), "1": page(4)})
    heads = [line for line in text.split("\n") if line.startswith("#")]
    alone = [line for line in page(3).split("\n") if line.startswith("#")]
    assert heads == [*own().split("\n")[:2], *alone]


def test_all_samples_of_a_family_are_together() -> None:
    lines = merged(own(), {"0": page(3), "1": page(4)}).split("\n")
    names = [line.partition("{")[0].partition(" ")[0] for line in lines if line and not line.startswith("#")]
    assert names == [
        "assayd_workers",
        *["assayd_rows_total"] * 2,
        *["assayd_seconds_bucket", "assayd_seconds_bucket", "assayd_seconds_count", "assayd_seconds_sum"] * 2,
        *["assayd_calls"] * 2,
    ]


def test_what_the_parent_has_too_stays_without_a_number() -> None:
    together = series(merged(own("assayd_calls"), {"1": page(3)}))
    assert together["assayd_calls", frozenset()] == 7
    assert together["assayd_calls", frozenset({("worker", "1")})] == float("inf")


@pytest.mark.parametrize("pages", [{}, {"0": ""}])
def test_without_workers_there_is_the_parents_page(pages: dict[str, str]) -> None:
    assert merged(own(), pages) == own()


def test_a_family_that_only_a_later_worker_has_is_shown() -> None:
    assert series(merged("", {"0": own("assayd_a"), "3": own("assayd_b")})) == {
        ("assayd_a", frozenset({("worker", "0")})): 7.0,
        ("assayd_b", frozenset({("worker", "3")})): 7.0,
    }
