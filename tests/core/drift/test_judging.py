"""Verdicts: what drifts is found and named, what does not is left in peace, and nothing is out of the question."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.drift import (
    Caution,
    ColumnVerdict,
    DriftReference,
    DriftSettings,
    DriftTest,
    NothingToTestError,
    WindowVerdict,
    judge,
)
from assayd_server.core.stream import SettingError
from core.drift.references import columns_of, plain_reference, reference_of, rows_of, window_of

NAN, INF = np.nan, np.inf
REFERENCE = reference_of(rows_of(20_000, seed=0))


def judged(reference: DriftReference, **columns: np.ndarray) -> WindowVerdict:
    rows = len(next(iter(columns.values())))
    return judge(reference, reference.layout.count(rows, columns))


def only(verdict: WindowVerdict) -> ColumnVerdict:
    assert len(verdict.columns) == 1
    return verdict.columns[0]


def normal(count: int, *, seed: int = 1, mean: float = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, count)


def test_windows_like_the_reference_raise_alarms_no_more_often_than_is_said() -> None:
    verdicts = [judge(REFERENCE, window_of(REFERENCE, rows_of(500, seed=100 + seed))) for seed in range(200)]
    assert np.mean([verdict.drifted for verdict in verdicts]) <= 0.05
    p_values = np.array([column.deciding.p_value for verdict in verdicts for column in verdict.columns])
    assert 0.035 < (p_values <= 0.05).mean() < 0.065


def test_all_columns_are_tested_each_by_its_own_test() -> None:
    verdict = judge(REFERENCE, window_of(REFERENCE, rows_of(500, seed=1)))
    tests = {column.name: column.deciding.test for column in verdict.columns}
    assert tests == {
        "predicted_class": DriftTest.CHI_SQUARED,
        "top_probability": DriftTest.PSI,
        "entropy": DriftTest.PSI,
        **{f"component_{place}": DriftTest.PSI for place in range(1, 9)},
        "embedding": DriftTest.MMD,
    }
    informing = {column.name: [one.test for one in column.informing] for column in verdict.columns}
    assert informing["entropy"] == [DriftTest.KOLMOGOROV_SMIRNOV]
    assert informing["predicted_class"] == [DriftTest.PSI]
    assert informing["embedding"] == [DriftTest.HOTELLING]
    assert verdict.untested == ()
    assert verdict.cautions == ()


def test_other_class_shares_are_found_and_told() -> None:
    verdict = judge(REFERENCE, window_of(REFERENCE, rows_of(1000, seed=1, shares=[0.1, 0.2, 0.3, 0.4])))
    assert verdict.drifted
    assert {column.name for column in verdict.columns if column.drifted} >= {"predicted_class", "embedding"}
    assert verdict.class_priors is not None
    np.testing.assert_allclose(verdict.class_priors.window[:4], [0.1, 0.2, 0.3, 0.4], atol=0.05)
    assert verdict.class_shift is not None
    assert verdict.class_shift.columns == tuple(f"probability_{place}" for place in range(4))
    assert (verdict.class_shift.adjusted_p_values[[0, 3]] < 1e-6).all()


def test_a_shifted_embedding_is_found_by_the_embedding() -> None:
    rows = rows_of(1000, seed=1)
    rows["embeddings"] = rows["embeddings"] + 0.8
    verdict = judge(REFERENCE, window_of(REFERENCE, rows))
    found = {column.name: column for column in verdict.columns}
    assert found["embedding"].drifted
    assert found["embedding"].deciding.p_value < 1e-6
    assert found["embedding"].informing[0].p_value < 1e-6
    assert found["embedding"].informing[0].effect > 0.5
    assert not found["entropy"].drifted


def test_the_most_shifted_column_comes_first() -> None:
    reference = plain_reference(**{name: normal(20_000, seed=seed) for seed, name in enumerate("abcd")})
    shifts = {"a": 0.0, "b": 0.4, "c": 2.0, "d": 0.8}
    verdict = judged(reference, **{name: normal(500, seed=9, mean=shift) for name, shift in shifts.items()})
    assert [column.name for column in verdict.columns] == ["c", "d", "b", "a"]
    assert [column.drifted for column in verdict.columns] == [True, True, True, False]


def test_an_effect_without_evidence_is_no_alarm_and_evidence_without_an_effect_is_none() -> None:
    reference = plain_reference(height=normal(2_000_000, seed=0))
    small = only(judged(reference, height=normal(60, seed=3)))
    assert small.deciding.effect > 0.1
    assert not small.drifted
    large = only(judged(reference, height=normal(90_000, seed=3, mean=0.05)))
    assert large.deciding.p_value < 1e-6
    assert not large.drifted


def test_a_verdict_shows_both_histograms() -> None:
    reference = plain_reference(color=np.repeat(["red", "blue"], [600, 400]))
    column = only(judged(reference, color=np.repeat(["red", "green", ""], [60, 30, 10])))
    assert reference.layout.columns[0].bins.labels() == ("blue", "red", "other", "missing")
    assert column.reference_counts.tolist() == [400, 600, 0, 0]
    assert column.window_counts.tolist() == [0, 60, 30, 10]


@pytest.mark.parametrize(
    ("reference", "window"),
    [
        (normal(10_000), np.full(200, NAN)),
        (normal(10_000), np.concatenate([normal(160), np.full(40, NAN)])),
        (np.full(10_000, 3.0), np.full(200, NAN)),
        (np.full(10_000, 3.0), np.concatenate([np.full(190, 3.0), np.full(10, NAN)])),
        (np.full(10_000, 3.0), np.full(200, 3.5)),
        (np.full(10_000, 3.0), np.concatenate([np.full(180, 3.0), np.full(20, -INF)])),
        (np.full(10_000, NAN), np.full(200, 1.0)),
        (np.repeat([0.0, 1.0], 5000), np.full(200, 0.5)),
        (normal(10_000), np.full(200, 0.1)),
        (normal(10_000), np.full(200, INF)),
        (np.repeat([5, 6], 5000), np.repeat([5, 7], [170, 30])),
        (np.repeat(["a", "b"], 5000), np.full(200, "")),
    ],
    ids=[
        "all missing", "a fifth missing", "a constant missing", "a twentieth of a constant missing",
        "another constant", "a constant with some minus infinity", "values where none were", "in the gap",
        "a sensor that is stuck", "infinity", "an unseen category", "missing categories",
    ],
)  # fmt: skip
def test_a_broken_column_raises_the_alarm(reference: np.ndarray, window: np.ndarray) -> None:
    column = only(judged(plain_reference(sensor=reference), sensor=window))
    assert column.drifted
    assert column.deciding.p_value < 1e-3
    assert np.isfinite([column.deciding.effect, column.deciding.statistic]).all()


@pytest.mark.parametrize(
    ("reference", "window"),
    [
        (np.full(10_000, 3.0), np.full(200, 3.0)),
        (np.full(10_000, NAN), np.full(200, NAN)),
        (np.concatenate([normal(10_000), np.full(5000, NAN)]), np.concatenate([normal(200), np.full(100, NAN)])),
        (np.full(10_000, "a"), np.full(200, "a")),
        (np.repeat([0, 1, 2], [9989, 10, 1]), np.repeat([0, 1], [199, 1])),
        (np.arange(10_000), np.random.default_rng(0).choice(10_000, 200)),
    ],
    ids=["constant", "all missing", "a third missing", "one category", "rare categories", "all categories rare"],
)  # fmt: skip
def test_a_column_that_is_as_odd_as_the_reference_raises_none(reference: np.ndarray, window: np.ndarray) -> None:
    column = only(judged(plain_reference(sensor=reference), sensor=window))
    assert not column.drifted
    assert column.deciding.p_value > 0.01


def test_one_row_of_a_category_that_is_new_is_no_alarm() -> None:
    reference = plain_reference(color=np.repeat(["red", "blue"], 5000))
    assert not judged(reference, color=np.array(["red"] * 100 + ["blue"] * 99 + ["green"])).drifted


def test_rare_classes_raise_no_more_alarms_than_is_said() -> None:
    rng = np.random.default_rng(3)
    shares = 0.5 ** np.arange(1, 31)
    shares /= shares.sum()
    found = []
    for _ in range(200):
        reference = plain_reference(kind=rng.choice(30, 10_000, p=shares))
        found += [only(judged(reference, kind=rng.choice(30, 200, p=shares))).deciding.p_value for _ in range(5)]
    assert 0.03 < np.mean(np.array(found) <= 0.05) < 0.07


def test_an_embedding_that_is_all_missing_raises_the_alarm() -> None:
    rows = rows_of(300, seed=1)
    rows["embeddings"][:] = NAN
    verdict = judge(REFERENCE, window_of(REFERENCE, rows))
    found = {column.name: column for column in verdict.columns}
    assert found["embedding"].drifted
    assert found["component_1"].drifted
    assert found["embedding"].informing == ()


def test_a_column_that_did_not_come_is_said_to_be_untested() -> None:
    rows = rows_of(300, seed=1)
    columns = columns_of(rows)
    del columns["entropy"]
    del columns["predicted_class"]
    columns = {name: values for name, values in columns.items() if not name.startswith("probability")}
    verdict = judge(REFERENCE, REFERENCE.layout.count(300, columns))
    assert [column.name for column in verdict.columns] == ["top_probability"]
    assert verdict.untested[:2] == ("predicted_class", "entropy")
    assert verdict.untested[-2:] == ("component_8", "embedding")
    assert verdict.class_priors is None
    assert verdict.class_shift is None


def test_a_reference_without_labels_tells_no_class_shares() -> None:
    reference = plain_reference(predicted_class=np.repeat([0, 1], 500))
    assert judged(reference, predicted_class=np.repeat([0, 1], 50)).class_priors is None


def test_a_window_that_is_large_for_its_reference_gets_a_caution() -> None:
    reference = plain_reference(height=normal(2000))
    assert judged(reference, height=normal(100)).cautions == ()
    assert judged(reference, height=normal(101)).cautions == (Caution.LARGE_WINDOW,)


@pytest.mark.parametrize("rows", [0, 1, 49])
def test_a_window_of_too_few_rows_is_refused(rows: int) -> None:
    reference = plain_reference(height=normal(2000))
    with pytest.raises(NothingToTestError, match=f"the window has {rows} rows, at least 50 are needed"):
        judged(reference, height=normal(rows))


def test_a_window_without_a_column_that_decides_is_refused() -> None:
    reference = plain_reference(height=normal(2000))
    with pytest.raises(NothingToTestError, match="none of the columns"):
        judged(reference, width=normal(200))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("alpha", 0), ("alpha", 0.6), ("alpha", NAN), ("alpha", True), ("psi_min", -1), ("psi_min", INF),
        ("cramers_v_min", 2), ("mmd_min", "0.1"), ("window_rows_min", 19), ("window_rows_min", 50.5),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(SettingError, match=f"{field} is .*allowed are (whole )?numbers from"):
        DriftSettings(**{field: value})


def test_settings_move_the_limits() -> None:
    reference = plain_reference(height=normal(100_000, seed=0))
    window = reference.layout.count(200, {"height": normal(200, mean=0.5)})
    assert judge(reference, window).drifted
    assert not judge(reference, window, DriftSettings(psi_min=1)).drifted
    p_value = judge(reference, window).columns[0].adjusted_p_value
    assert 1e-12 < p_value < 1e-3
    assert not judge(reference, window, DriftSettings(alpha=1e-12)).drifted
    with pytest.raises(NothingToTestError):
        judge(reference, window, DriftSettings(window_rows_min=201))


COLUMN = st.lists(st.one_of(st.sampled_from([NAN, INF, -INF, 0.0, 1.0, 1.0]), st.floats(-5, 5)), min_size=1)


@given(reference=COLUMN, window=COLUMN, repeats=st.integers(20, 60), alpha=st.sampled_from([0.05, 1e-6]))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_whatever_comes_there_is_a_finite_answer(
    reference: list[float], window: list[float], repeats: int, alpha: float
) -> None:
    fitted = plain_reference(
        number=np.repeat(reference, repeats),
        kind=np.nan_to_num(np.repeat(reference, repeats), posinf=9, neginf=-9).astype(int),
    )
    rows = {
        "number": np.repeat(window, 60),
        "kind": np.nan_to_num(np.repeat(window, 60), posinf=8, neginf=-9).astype(int),
    }
    verdict = judge(fitted, fitted.layout.count(60 * len(window), rows), DriftSettings(alpha=alpha))
    for column in verdict.columns:
        for found in (column.deciding, *column.informing):
            assert np.isfinite(dataclasses.astuple(found)[1:]).all()
            assert found.effect >= 0
            assert 1e-300 <= found.p_value <= 1
        assert 0 <= column.adjusted_p_value <= 1
