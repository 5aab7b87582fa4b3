"""Production rows counted for a fleet: as drift tests count them, whatever the batches, at no cost to callers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

import onnx_models
import references
from assayd_server.config import Settings
from assayd_server.drift_counts import DriftCountsCollector
from assayd_server.drift_recording import KEPT_ROWS, DriftRecording
from assayd_server.drift_testing import columns_of, window_of
from assayd_server.forward import COORDINATES, Forward, own_role
from assayd_server.from_settings import load_models
from assayd_server.monitored import watched_scores
from assayd_server.plan import Plan
from assayd_server.reference_rows import watched
from assayd_server.rows import Inputs, inputs_of
from assayd_server.servable import Servable

ROWS = np.random.default_rng(0).normal(size=(3 * KEPT_ROWS + 77, 4)).astype(np.float32)
ROWS[5, 2] = np.nan


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Servable:
    folder = tmp_path_factory.mktemp("reference")
    healthy = np.random.default_rng(1).normal(size=(4000, 4)).astype(np.float32)
    reference = references.write_reference(folder, onnx_models.identity(), healthy, features=("x[2]",))
    (model,) = load_models(Settings(model=folder / "model.onnx", reference=reference), threads=1)[0].all()
    return model


@pytest.fixture
def recording(model: Servable) -> DriftRecording:
    assert model.reference is not None
    return DriftRecording(model, model.reference)


def passed(model: Servable, recording: DriftRecording, rows: np.ndarray) -> tuple[Forward, Inputs]:
    inputs = inputs_of({"x": rows})
    return model.forward(model.match(inputs), row_count=len(rows), roles=recording.roles), inputs


def expected(model: Servable, recording: DriftRecording, rows: np.ndarray) -> list[int]:
    """What a drift test counts of the same rows."""
    assert model.reference is not None
    inputs = inputs_of({"x": rows})
    roles = [role for role in (model.contract.scores_role, "embedding") if role in model.contract.roles]
    forward = model.forward(model.match(inputs), row_count=len(rows), roles=roles)
    scores = watched_scores(forward, Plan(inputs, watched(model, model.reference.manifest.temperature), model))
    window = window_of(columns_of(inputs, scores, forward.embeddings, model.reference), model.reference)
    layout = model.reference.drift.layout
    counts = dict(zip((one.name for one in layout.columns), layout.split(window.counts), strict=True))
    return np.concatenate([counts[one.name] for one in recording.tally.columns]).tolist()


def test_the_columns_are_those_that_decide_and_the_features_that_were_named(recording: DriftRecording) -> None:
    names = [one.name for one in recording.tally.columns]
    scores = ["predicted_class", "top_probability", "entropy", "novelty"]
    assert names == [*scores, "x[2]", *(f"component_{place}" for place in range(1, 5))]


@pytest.mark.parametrize("batch", [1, 7, 256, 5000])
def test_rows_are_counted_as_a_drift_test_counts_them_whatever_the_batches(
    model: Servable, recording: DriftRecording, batch: int
) -> None:
    rows = ROWS[:300] if batch == 1 else ROWS
    for start in range(0, len(rows), batch):
        recording.record(*passed(model, recording, rows[start : start + batch]))
    counts, uncounted = recording.read()
    assert counts.tolist() == expected(model, recording, rows)
    assert uncounted == 0
    again, _ = recording.read()
    assert again.tolist() == counts.tolist()


@pytest.mark.parametrize("class_count", [10, 30])
@pytest.mark.parametrize("graph", [onnx_models.identity, onnx_models.softmax_only])
def test_rows_that_are_alike_lie_in_the_same_bins_one_by_one(
    tmp_path: Path, class_count: int, graph: Callable[[int], bytes]
) -> None:
    rng = np.random.default_rng(class_count)
    rows = 2 * rng.normal(size=(6, class_count)).astype(np.float32)[rng.integers(0, 6, 2000)]
    reference = references.write_reference(tmp_path, graph(class_count), rows)
    (model,) = load_models(Settings(model=tmp_path / "model.onnx", reference=reference), threads=1)[0].all()
    assert model.reference is not None
    recording = DriftRecording(model, model.reference)
    for row in rows[:100]:
        recording.record(*passed(model, recording, row[np.newaxis]))
        recording.read()
    assert recording.read()[0].tolist() == expected(model, recording, rows[:100])


def test_replicas_add_up_to_one_that_saw_all_rows(model: Servable) -> None:
    assert model.reference is not None
    whole = DriftRecording(model, model.reference)
    shards = [DriftRecording(model, model.reference) for _ in range(16)]
    for place, part in enumerate(np.array_split(ROWS, 64)):
        whole.record(*passed(model, whole, part))
        shards[place * 7 % 16].record(*passed(model, shards[0], part))
    total = sum(shard.read()[0] for shard in reversed(shards))
    np.testing.assert_array_equal(total, whole.read()[0])


def test_no_rows_count_as_nothing(model: Servable, recording: DriftRecording) -> None:
    recording.record(*passed(model, recording, ROWS[:0]))
    assert recording.read()[0].sum() == 0


def test_many_threads_lose_no_row(model: Servable, recording: DriftRecording) -> None:
    parts = np.array_split(ROWS, 200)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda part: recording.record(*passed(model, recording, part)), parts))
        list(threads.map(lambda _: recording.read(), range(20)))
    assert recording.read()[0].tolist() == expected(model, recording, ROWS)


def test_a_fault_is_counted_and_logged_and_reaches_no_caller(
    model: Servable, recording: DriftRecording, capsys: pytest.CaptureFixture[str]
) -> None:
    forward, inputs = passed(model, recording, ROWS[:10])
    recording.record(Forward(logits=forward.logits[:, :1], projected=forward.projected), inputs)  # type: ignore[index]
    counts, uncounted = recording.read()
    assert (int(counts.sum()), uncounted) == (0, 10)
    assert "rows could not be counted for drift" in capsys.readouterr().err
    recording.record(forward, inputs)
    counts, uncounted = recording.read()
    assert (int(recording.tally.split(counts)[0].sum()), uncounted) == (10, 10)


def shown(recording: DriftRecording) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The samples as Prometheus reads them, by name."""
    registry, collector = CollectorRegistry(), DriftCountsCollector()
    collector.add_model("m", "1", recording)
    registry.register(collector)
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_every_series_is_there_at_zero_before_the_first_row(recording: DriftRecording) -> None:
    found = shown(recording)
    rows = found["assayd_drift_rows_total"]
    assert len(rows) == recording.tally.bin_count
    assert {value for _, value in rows} == {0}
    assert all(labels["reference"] == recording.reference and len(recording.reference) == 12 for labels, _ in rows)
    assert [value for _, value in found["assayd_drift_uncounted_rows_total"]] == [0]


def test_what_prometheus_needs_to_judge_comes_with_the_counts(model: Servable, recording: DriftRecording) -> None:
    recording.record(*passed(model, recording, ROWS))
    found = shown(recording)
    by_bin = {(labels["column"], labels["bin"]): value for labels, value in found["assayd_drift_rows_total"]}
    assert list(by_bin.values()) == expected(model, recording, ROWS)
    shares = {(labels["column"], labels["bin"]): value for labels, value in found["assayd_drift_reference_share"]}
    assert shares.keys() == by_bin.keys()
    for one in recording.tally.columns:
        assert sum(value for (name, _), value in shares.items() if name == one.name) == pytest.approx(1)
    sizes = {labels["column"]: value for labels, value in found["assayd_drift_reference_rows"]}
    assert sizes == {one.name: one.reference_rows for one in recording.tally.columns}
    critical = {labels["column"]: value for labels, value in found["assayd_drift_psi_critical"]}
    assert critical == {
        one.name: one.psi_critical(0.01 / 15 / len(recording.tally.columns)) for one in recording.tally.columns
    }


def test_a_model_of_values_is_counted_too(tmp_path: Path) -> None:
    healthy = np.random.default_rng(1).normal(size=(500, 4)).astype(np.float32)
    reference = references.write_reference(tmp_path, onnx_models.regression(), healthy)
    (model,) = load_models(Settings(model=tmp_path / "model.onnx", reference=reference), threads=1)[0].all()
    assert model.reference is not None
    recording = DriftRecording(model, model.reference)
    recording.record(*passed(model, recording, healthy[:100]))
    assert recording.roles == ("values", COORDINATES)
    assert recording.read()[0].tolist() == expected(model, recording, healthy[:100])


def test_calls_that_ask_for_outputs_of_the_model_are_counted_with_those_that_ask_for_others(
    model: Servable, recording: DriftRecording
) -> None:
    for asked in ([], ["logits"], ["logits", "embedding"], ["embedding"]):
        inputs = inputs_of({"x": ROWS[:30]})
        roles = [*recording.roles, *map(own_role, asked)]
        recording.record(model.forward(model.match(inputs), row_count=30, roles=roles), inputs)
    counts, uncounted = recording.read()
    assert (counts.tolist(), uncounted) == ((4 * np.array(expected(model, recording, ROWS[:30]))).tolist(), 0)


def test_a_pass_that_cannot_be_recorded_is_counted_as_such_and_reaches_no_caller(
    recording: DriftRecording, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.record(Forward(), inputs_of({"x": ROWS[:100]}))
    assert recording.read()[1] == 100
    assert "rows could not be counted for drift" in capsys.readouterr().err
