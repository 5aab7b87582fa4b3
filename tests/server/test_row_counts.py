"""Counts of scored rows: equal to counting them one by one, and whole when many threads count at once."""

import sys
import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from assayd_server.core.uncertainty import Measure
from assayd_server.row_counts import BUCKET_EDGES, CLASSES_MAX, RowCounts, RowCountsCollector

EDGES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
NO_ROWS = np.zeros(0, np.int64)


def counts_of(class_count: int) -> RowCounts:
    return RowCounts((f"class {number}" for number in range(class_count)), Measure)


def shown(counts: RowCounts) -> dict[tuple[str, ...], float]:
    """The samples as Prometheus reads them: value by name and the label that tells them apart."""
    registry, collector = CollectorRegistry(), RowCountsCollector()
    collector.add_model("m", "1", counts)
    registry.register(collector)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *_tellers(sample.labels)): sample.value for sample in samples}


def _tellers(labels: dict[str, str]) -> list[str]:
    return [labels[label] for label in sorted(labels) if label not in ("model", "version")]


def bucket_of(value: float) -> int:
    """The bucket that a single value is counted in."""
    counts = counts_of(2)
    counts.add(NO_ROWS, {Measure.ENTROPY: np.array([value])})
    return int(np.flatnonzero(counts.bucket_rows[Measure.ENTROPY])[0])


def test_the_edges_are_tenths() -> None:
    assert BUCKET_EDGES.tolist() == EDGES


@pytest.mark.parametrize("seed", range(5))
def test_classes_are_counted_as_one_would_count_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts, naive = counts_of(7), Counter[int]()
    for size in rng.integers(0, 200, 10):
        predictions = rng.integers(0, 7, size)
        counts.add(predictions, {})
        naive.update(predictions.tolist())
    assert counts.class_rows.tolist() == [naive[number] for number in range(7)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("measure", Measure)
def test_uncertainties_are_counted_as_one_would_count_them(measure: Measure, dtype: type) -> None:
    rng = np.random.default_rng(0)
    counts, naive = counts_of(2), Counter[int]()
    for size in rng.integers(0, 200, 10):
        values = rng.choice(np.concatenate([rng.random(50), EDGES, [0.0]]), size).astype(dtype)
        counts.add(NO_ROWS, {measure: values})
        naive.update(bisect_left(EDGES, float(value)) for value in values)
    assert counts.bucket_rows[measure].tolist() == [naive[place] for place in range(len(EDGES))]


@pytest.mark.parametrize(("place", "edge"), list(enumerate(EDGES)))
def test_a_value_on_an_edge_is_counted_below_it(place: int, edge: float) -> None:
    assert bucket_of(edge) == place


@pytest.mark.parametrize(("place", "edge"), list(enumerate(EDGES[:-1])))
def test_a_value_just_above_an_edge_is_counted_in_the_next_bucket(place: int, edge: float) -> None:
    assert bucket_of(float(np.nextafter(edge, 1))) == place + 1


def test_zero_is_counted_in_the_first_bucket() -> None:
    assert bucket_of(0.0) == 0


def test_the_sum_is_the_sum_of_all_values() -> None:
    counts = counts_of(2)
    for values in ([0.25, 0.5], [1.0], []):
        counts.add(NO_ROWS, {Measure.MARGIN: np.array(values)})
    assert counts.sums[Measure.MARGIN] == 1.75


def test_a_measure_that_was_not_given_is_not_counted() -> None:
    counts = counts_of(2)
    counts.add(np.array([0, 1]), {Measure.MARGIN: np.array([0.5, 0.5])})
    assert counts.bucket_rows[Measure.ENTROPY].sum() == 0


def test_no_rows_change_nothing() -> None:
    counts = counts_of(3)
    counts.add(NO_ROWS, {measure: np.zeros(0) for measure in Measure})
    assert set(shown(counts).values()) == {0}


def test_up_to_a_hundred_classes_have_a_series_each() -> None:
    counts = counts_of(CLASSES_MAX)
    counts.add(np.array([0, CLASSES_MAX - 1]), {})
    assert (len(counts.classes), "other" in counts.classes) == (CLASSES_MAX, False)
    assert np.flatnonzero(counts.class_rows).tolist() == [0, CLASSES_MAX - 1]


@pytest.mark.parametrize("class_count", [CLASSES_MAX + 1, 1000])
def test_the_classes_after_the_hundredth_are_counted_together(class_count: int) -> None:
    counts = counts_of(class_count)
    counts.add(np.arange(class_count), {})
    assert counts.classes[-2:] == ["class 99", "other"]
    assert counts.class_rows.tolist() == [1] * CLASSES_MAX + [class_count - CLASSES_MAX]


def test_every_series_is_shown_before_anything_was_counted() -> None:
    samples = shown(counts_of(3))
    assert {("assayd_predicted_rows_total", f"class {number}") for number in range(3)} <= set(samples)
    for measure in Measure:
        for edge in [*map(str, EDGES), "+Inf"]:
            assert samples["assayd_uncertainty_bucket", edge, measure.value] == 0
        assert samples["assayd_uncertainty_sum", measure.value] == 0


def test_buckets_are_shown_cumulated() -> None:
    counts = counts_of(2)
    counts.add(NO_ROWS, {Measure.RATIO: np.array([0.05, 0.15, 0.15, 1.0])})
    samples = shown(counts)
    at = [samples["assayd_uncertainty_bucket", str(edge), "ratio"] for edge in (0.1, 0.2, 0.9, 1.0)]
    assert at == [1, 3, 3, 4]
    assert samples["assayd_uncertainty_bucket", "+Inf", "ratio"] == 4
    assert samples["assayd_uncertainty_count", "ratio"] == 4


def test_counts_of_several_models_are_kept_apart() -> None:
    registry, collector = CollectorRegistry(), RowCountsCollector()
    registry.register(collector)
    for version, rows in (("1", 2), ("2", 5)):
        counts = counts_of(2)
        counts.add(np.zeros(rows, np.int64), {})
        collector.add_model("m", version, counts)
    read = [
        registry.get_sample_value(
            "assayd_predicted_rows_total", {"model": "m", "version": version, "class": "class 0"}
        )
        for version in ("1", "2")
    ]
    assert read == [2, 5]


def test_a_label_with_quotes_and_line_ends_is_shown_whole() -> None:
    counts = RowCounts(['a"b\n\\c', "größe"], Measure)
    assert ("assayd_predicted_rows_total", 'a"b\n\\c') in shown(counts)


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("eager_threads")
def test_threads_that_count_at_once_lose_nothing() -> None:
    counts = counts_of(4)

    def count(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(200):
            counts.add(rng.integers(0, 4, 5), {measure: np.full(5, 0.5) for measure in Measure})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    assert counts.class_rows.sum() == 8 * 200 * 5
    assert {int(rows.sum()) for rows in counts.bucket_rows.values()} == {8 * 200 * 5}
    assert set(counts.sums.values()) == {8 * 200 * 5 * 0.5}


@pytest.mark.usefixtures("eager_threads")
def test_a_scrape_between_two_batches_shows_each_of_them_whole_or_not_at_all() -> None:
    counts, scrapes, enough = counts_of(4), list[dict[tuple[str, ...], float]](), threading.Event()
    halves = {measure: np.full(5, 0.5) for measure in Measure}

    def count() -> None:
        while not enough.is_set():
            counts.add(np.arange(5) % 4, halves)

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(count) for _ in range(2)]
        try:
            scrapes += [collected(counts) for _ in range(1000)]
        finally:
            enough.set()
    assert [thread.exception() for thread in running] == [None, None]
    assert [scrape for scrape in scrapes if not is_whole(scrape)] == []
    assert len(set(map(rows_in, scrapes))) > 1  # they fell between batches


class SlowToSum(np.ndarray):
    """Uncertainties that hold up a batch in its middle: their sum is not there before it may be."""

    begun, may_end = threading.Event(), threading.Event()

    def sum(self, *args: Any, **kwargs: Any) -> Any:
        self.begun.set()
        assert self.may_end.wait(30)
        return super().sum(*args, **kwargs)


def test_a_scrape_in_the_middle_of_a_batch_waits_for_its_end() -> None:
    counts = counts_of(4)
    halves = {measure: np.full(5, 0.5).view(SlowToSum) for measure in Measure}
    with ThreadPoolExecutor(2) as pool:
        batch = pool.submit(counts.add, np.arange(5) % 4, halves)
        assert SlowToSum.begun.wait(30)
        scrape = pool.submit(collected, counts)
        try:
            with pytest.raises(TimeoutError):
                scrape.result(0.1)
        finally:
            SlowToSum.may_end.set()
        batch.result(30)
        assert is_whole(scrape.result(30))
        assert rows_in(scrape.result(30)) == 5


def collected(counts: RowCounts) -> dict[tuple[str, ...], float]:
    """As shown, without the way through the text, so that more scrapes fall into a batch."""
    collector = RowCountsCollector()
    collector.add_model("m", "1", counts)
    samples = [sample for family in collector.collect() for sample in family.samples]
    return {(sample.name, *_tellers(sample.labels)): sample.value for sample in samples}


def rows_in(scrape: dict[tuple[str, ...], float]) -> float:
    return sum(value for (name, *_), value in scrape.items() if name == "assayd_predicted_rows_total")


def is_whole(scrape: dict[tuple[str, ...], float]) -> bool:
    """Whether the rows of all classes, of each measure and in each sum are the same ones."""
    rows = rows_in(scrape)
    return all(
        scrape["assayd_uncertainty_bucket", "+Inf", measure.value] == rows
        and scrape["assayd_uncertainty_bucket", "0.5", measure.value] == rows
        and scrape["assayd_uncertainty_sum", measure.value] == rows / 2
        for measure in Measure
    )


def test_a_snapshot_does_not_change_afterwards() -> None:
    counts = counts_of(2)
    classes, measures = counts.snapshot()
    counts.add(np.array([0, 1]), {Measure.MARGIN: np.array([0.5, 0.5])})
    assert classes == [0, 0]
    assert (measures[Measure.MARGIN][0].sum(), measures[Measure.MARGIN][1]) == (0, 0.0)
