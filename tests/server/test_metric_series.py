"""Counters and histograms of our own show what the Prometheus client's would, and lose nothing."""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from assayd_server.metrics.counter import Counter, Counters
from assayd_server.metrics.histogram import _WAITING_MAX, Histogram, Histograms

BOUNDS = (0.25, 0.5, 1.0, 2.5, 16.0)
LABELS = ("model", "version")
THREADS, ROUNDS = 8, 5000
ODD_LABEL = 'a"b\n\\c größe'
Observations = Sequence[tuple[float, int]]


def histograms(registry: CollectorRegistry, bounds: Sequence[float] = BOUNDS) -> Histograms:
    return Histograms("assayd_h_seconds", "What \\ it\n takes.", LABELS, buckets=bounds, registry=registry)


def counters(registry: CollectorRegistry) -> Counters:
    return Counters("assayd_c", "What \\ it\n does.", LABELS, registry=registry)


def peer(kind: Any, registry: CollectorRegistry, **arguments: Any) -> Any:
    """The same of the Prometheus client itself."""
    name, text = ("assayd_c", "does") if kind is prometheus_client.Counter else ("assayd_h_seconds", "takes")
    return kind(name, f"What \\ it\n {text}.", LABELS, registry=registry, **arguments)


def shown(registry: CollectorRegistry) -> dict[str, Any]:
    """Families as Prometheus reads them: type, help and samples by name; not when series were made."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        family.name: (family.type, family.documentation, samples_of(family))
        for family in families
        if not family.name.endswith("_created")
    }


def samples_of(family: Any) -> dict[tuple[str, ...], float]:
    """By name and labels."""
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for sample in family.samples
    }


def ours(observations: Observations, bounds: Sequence[float] = BOUNDS) -> dict[str, Any]:
    registry = CollectorRegistry()
    series = histograms(registry, bounds).labels("m", "1")
    for value, times in observations:
        series.observe(value, times)
    return shown(registry)


def theirs(observations: Observations, bounds: Sequence[float] = BOUNDS) -> dict[str, Any]:
    registry = CollectorRegistry()
    series = peer(prometheus_client.Histogram, registry, buckets=bounds).labels("m", "1")
    for value, times in observations:
        for _ in range(times):
            series.observe(value)
    return shown(registry)


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def at_once(work: Callable[[], None]) -> None:
    """Do it in many threads."""
    start = threading.Barrier(THREADS)

    def begin() -> None:
        start.wait(30)
        work()

    with ThreadPoolExecutor(THREADS) as pool:
        for thread in [pool.submit(begin) for _ in range(THREADS)]:
            thread.result(60)


@pytest.mark.parametrize("seed", range(3))
def test_random_values_are_shown_as_the_prometheus_client_shows_them(seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 20 * 64, 500) / 64  # whose sums are exact in any order
    observations = [(value, 1) for value in values.tolist()]
    assert ours(observations) == theirs(observations)


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_value_on_a_bound_and_its_neighbours_are_in_the_buckets_of_the_prometheus_client(bound: float) -> None:
    for value in (bound, float(np.nextafter(bound, 0)), float(np.nextafter(bound, 99))):
        assert ours([(value, 1)]) == theirs([(value, 1)])


@pytest.mark.parametrize("value", [0.0, -1.0, 1e300, float("inf")])
def test_a_value_far_outside_of_the_bounds_is_where_the_prometheus_client_has_it(value: float) -> None:
    assert ours([(value, 1)]) == theirs([(value, 1)])


def test_a_value_that_is_observed_so_many_times_counts_as_often() -> None:
    observations = [(0.5, 3), (0.75, 1), (20.0, 7), (2.5, 2)]
    assert ours(observations) == theirs(observations)


@pytest.mark.parametrize("bounds", [(1, 8, 64), (0.0001, 0.001, 1e6), (1.5e-7, 1e22), (3.0,)])
def test_bounds_are_written_as_the_prometheus_client_writes_them(bounds: tuple[float, ...]) -> None:
    assert ours([(2.0, 1)], bounds) == theirs([(2.0, 1)], bounds)


def test_a_series_without_values_is_shown_as_the_prometheus_client_shows_it() -> None:
    assert ours([]) == theirs([])


@pytest.mark.parametrize("count", [_WAITING_MAX - 1, _WAITING_MAX, _WAITING_MAX + 1, 3 * _WAITING_MAX + 5])
def test_values_that_nobody_looks_at_for_long_are_all_counted(count: int) -> None:
    histogram = Histogram((0.5,))
    for number in range(count):
        histogram.observe(number % 2)
    assert histogram.read() == ([(count + 1) // 2, count], count // 2)


def test_a_read_takes_nothing_away() -> None:
    histogram = Histogram((1.0,))
    histogram.observe(0.5)
    assert histogram.read() == histogram.read() == ([1, 1], 0.5)
    histogram.observe(2.0)
    assert histogram.read() == ([1, 2], 2.5)


@pytest.mark.usefixtures("eager_threads")
def test_threads_that_observe_while_another_reads_lose_nothing() -> None:
    histogram, reads, enough = Histogram((0.5, 1.5)), list[tuple[list[int], float]](), threading.Event()

    def look() -> None:
        while not enough.is_set():
            reads.append(histogram.read())

    def observe() -> None:
        for _ in range(ROUNDS):
            histogram.observe(1.0)
            histogram.observe(0.5, 2)

    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(look)
        try:
            at_once(observe)
        finally:
            enough.set()
        reading.result(30)
    total = THREADS * ROUNDS
    assert histogram.read() == ([2 * total, 3 * total, 3 * total], 2.0 * total)
    assert [counts for counts, _ in reads] == sorted(counts for counts, _ in reads)  # nothing is ever taken back
    # ones and halves: the sum is of the very values that are in the buckets
    assert [read for read in reads if read[1] != (read[0][1] - read[0][0]) + read[0][0] / 2] == []


@pytest.mark.usefixtures("eager_threads")
def test_a_counter_is_whole_after_many_threads() -> None:
    counter = Counter()

    def count() -> None:
        for _ in range(ROUNDS):
            counter.inc()
            counter.inc(3)

    at_once(count)
    assert counter.value == 4 * THREADS * ROUNDS


@pytest.mark.usefixtures("eager_threads")
def test_threads_that_ask_for_the_same_new_series_at_once_get_one() -> None:
    family, found = counters(CollectorRegistry()), set[int]()
    at_once(lambda: found.update(id(family.labels("m", str(number))) for number in range(200)))
    assert len(found) == 200


def test_counters_are_shown_as_the_prometheus_client_shows_them() -> None:
    registries = CollectorRegistry(), CollectorRegistry()
    for family in (counters(registries[0]), peer(prometheus_client.Counter, registries[1])):
        family.labels("m", "1").inc()
        family.labels("m", "1").inc(2.5)
        family.labels("m", "2")
        family.labels(ODD_LABEL, "").inc(0)
    assert shown(registries[0]) == shown(registries[1])


def test_a_family_without_series_shows_its_type_and_its_help_alone() -> None:
    registries = CollectorRegistry(), CollectorRegistry()
    counters(registries[0])
    histograms(registries[0])
    peer(prometheus_client.Counter, registries[1])
    peer(prometheus_client.Histogram, registries[1], buckets=BOUNDS)
    assert shown(registries[0]) == shown(registries[1])
    assert {name: family[0] for name, family in shown(registries[0]).items()} == {
        "assayd_c": "counter",
        "assayd_h_seconds": "histogram",
    }


@pytest.mark.parametrize("family", [counters, histograms])
def test_the_same_labels_give_the_same_series(family: Callable[[CollectorRegistry], Any]) -> None:
    made = family(CollectorRegistry())
    assert made.labels("m", "1") is made.labels("m", "1")
    assert made.labels("m", "1") is not made.labels("m", "2")


def test_series_are_counted_apart() -> None:
    registry = CollectorRegistry()
    family = counters(registry)
    family.labels("m", "1").inc(2)
    family.labels("m", "2").inc(5)
    read = [registry.get_sample_value("assayd_c_total", {"model": "m", "version": one}) for one in "12"]
    assert read == [2, 5]


def test_a_series_that_was_removed_is_shown_no_more_while_its_holder_counts_on() -> None:
    registry = CollectorRegistry()
    family = histograms(registry)
    gone, stays = family.labels("m", "1"), family.labels("m", "2")
    family.remove("m", "1")
    gone.observe(0.5)
    stays.observe(0.5)
    count = "assayd_h_seconds_count"
    read = [registry.get_sample_value(count, {"model": "m", "version": one}) for one in "12"]
    assert read == [None, 1]
    assert gone.read()[0][-1] == 1


def test_a_series_that_comes_again_begins_at_zero() -> None:
    registry = CollectorRegistry()
    family = counters(registry)
    family.labels("m", "1").inc(3)
    family.remove("m", "1")
    family.labels("m", "1")
    assert registry.get_sample_value("assayd_c_total", {"model": "m", "version": "1"}) == 0


@pytest.mark.parametrize("family", [counters, histograms])
def test_a_series_that_is_not_there_can_be_removed(family: Callable[[CollectorRegistry], Any]) -> None:
    registry = CollectorRegistry()
    family(registry).remove("m", "1")
    assert all(not samples for _, _, samples in shown(registry).values())
