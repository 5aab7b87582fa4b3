"""How the false alarms that are put up with are shared out, and what cannot be watched."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from assayd_server.core.drift.watch import WatchSettings, plan
from assayd_server.core.drift.watch.planning import ALLOWANCE, _on_grid, _sums
from assayd_server.core.stream import SettingError
from core.drift.references import plain_reference, reference_of, rows_of

REFERENCE = reference_of(rows_of(20_000, seed=0))
NUMBERS = ("top_probability", "entropy", *(f"component_{place}" for place in range(1, 9)))
RNG = np.random.default_rng(5)


def test_every_statistic_has_the_same_share_of_the_alarms() -> None:
    planned = plan(REFERENCE, WatchSettings(window_rows=500, expected_run_rows=200_000))
    # 10 columns of numbers with two sums each, and tests of these, of the predicted class and of the embedding.
    assert tuple(column.name for column in planned.columns) == NUMBERS
    assert planned.test_count == 12
    assert planned.sum_run_rows == 200_000 * 32
    assert planned.judging.alpha == pytest.approx(500 * 12 / (200_000 * 32))
    alarms_a_row = planned.judging.alpha / 500 + 20 / planned.sum_run_rows
    assert alarms_a_row == pytest.approx(1 / 200_000)


def test_only_the_columns_that_are_chosen_count() -> None:
    planned = plan(REFERENCE, WatchSettings(columns=("entropy", "embedding", "probability_1")))
    assert [column.name for column in planned.columns] == ["entropy"]
    assert planned.test_count == 2
    assert planned.sum_run_rows == 4e6
    assert planned.limits.shape == (1, 2)
    categories = plan(REFERENCE, WatchSettings(columns=("predicted_class",)))
    assert categories.limits.shape == (0, 2)
    assert categories.judging.alpha == pytest.approx(1e-3)


def test_delta_is_what_windows_are_judged_by() -> None:
    for delta, cramers_v in ((0.2, 0.2), (5, 1.0)):
        judging = plan(REFERENCE, WatchSettings(delta=delta)).judging
        assert (judging.psi_min, judging.cramers_v_min) == (delta, cramers_v)


def test_limits_rise_with_the_run_and_fall_with_the_rows_of_the_reference() -> None:
    def limit(rows: int, run: int) -> int:
        reference = plain_reference(height=np.arange(float(rows)))
        return plan(reference, WatchSettings(expected_run_rows=run)).columns[0].limits[0]

    assert limit(20_000, 100_000) < limit(20_000, 1_000_000) < limit(20_000, 10**12)
    assert limit(20_000, 10**6) < limit(1000, 10**6) < limit(20, 10**6)


def test_the_limits_are_those_that_siegmund_gives_for_normal_data() -> None:
    planned = plan(plain_reference(height=np.arange(4e6)), WatchSettings(expected_run_rows=10**6))
    # Siegmund 1985: ARL = (exp(2 k b) - 2 k b - 1) / (2 k^2) with b = h + 1.166, of each side, here of 3 million.
    allowance, limit = ALLOWANCE, planned.columns[0].limits[0] / 64
    b = limit + 1.166
    found = (np.exp(2 * allowance * b) - 2 * allowance * b - 1) / (2 * allowance**2)
    assert 1 < found / 3e6 < 2.5  # more, as the mean of the reference is one of a sample


@pytest.mark.parametrize(
    ("delta", "rows", "allowance"),
    [
        (0.1, 50_000, 16),
        (0.4, 50_000, 32),
        (0.025, 50_000, 8),
        (1e-6, 50_000, 6),
        (100, 50_000, 64),
        (0.1, 25, 27),
    ],
)
def test_small_effects_are_found_where_small_effects_matter(delta: float, rows: int, allowance: int) -> None:
    reference = plain_reference(height=np.arange(float(rows)))
    assert plan(reference, WatchSettings(delta=delta)).allowances.tolist() == [[allowance]]


def test_skewed_columns_have_the_limits_of_normal_ones() -> None:
    reference = plain_reference(
        normal=RNG.normal(0, 1, 10_000), skewed=RNG.lognormal(0, 3, 10_000), mirrored=-RNG.exponential(1, 10_000)
    )
    limits = plan(reference, WatchSettings()).limits
    assert np.ptp(limits) <= 1


@pytest.mark.parametrize(
    "values",
    [
        np.full(10_000, 3.0),
        np.full(10_000, np.nan),
        np.repeat([0.0, 1.0], [9990, 10]),
        np.zeros(1),
        np.arange(40.0),
    ],
    ids=["constant", "missing", "mostly one", "one row", "few rows"],
)
def test_a_column_that_hardly_varies_has_limits_too(values: np.ndarray) -> None:
    limits = plan(plain_reference(odd=values), WatchSettings(expected_run_rows=10**12)).limits
    assert (limits >= 0).all()
    assert (limits < 1000 * 64).all()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"window_rows": 49}, "window_rows is 49, allowed are whole numbers from 50 to 1000000"),
        ({"window_rows": 1000.0}, "window_rows is 1000.0, allowed are whole numbers"),
        ({"window_rows": True}, "window_rows is True, allowed are whole numbers"),
        ({"expected_run_rows": 9999}, "from 10000 to 1000000000000, 10 windows at least"),
        ({"expected_run_rows": 10**12 + 1}, "expected_run_rows is 1000000000001, allowed"),
        ({"delta": 0}, "delta is 0, allowed are numbers above 0 and up to 100"),
        ({"delta": float("nan")}, "delta is nan, allowed"),
        ({"delta": "0.1"}, "delta is '0.1', allowed"),
        ({"delta": True}, "delta is True, allowed"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        WatchSettings(**wrong)


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            ("entropy", "age"),
            "columns has 'age', allowed are those of the reference: predicted_class, .*, embedding",
        ),
        (("probability_1",), "columns is probability_1, of which none decides on a window"),
    ],
)
def test_columns_that_cannot_be_watched_are_refused(columns: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        plan(REFERENCE, WatchSettings(columns=columns))


def test_a_reference_without_an_embedding_knows_none() -> None:
    with pytest.raises(
        SettingError, match=r"columns has 'embedding', allowed are those of the reference: height$"
    ):
        plan(plain_reference(height=np.arange(50.0)), WatchSettings(columns=("embedding",)))


def test_a_window_that_is_too_small_for_its_level_is_refused_with_what_would_do() -> None:
    small = WatchSettings(window_rows=119)
    with pytest.raises(
        SettingError, match=r"window_rows is 119, at least 120 are needed .* level of 3.7e-06 then"
    ):
        plan(REFERENCE, small)
    assert plan(REFERENCE, WatchSettings(window_rows=120)).judging.alpha < 1e-3
    assert plan(REFERENCE, WatchSettings(window_rows=50, expected_run_rows=500)).judging.alpha > 1e-2


def test_streams_that_declare_nearly_the_same_run_share_their_limits_which_are_of_no_shorter_one() -> None:
    reference = plain_reference(width=RNG.normal(size=4003))
    plan(reference, WatchSettings(expected_run_rows=1_000_000))
    before = _sums.cache_info().misses
    settings = (WatchSettings(expected_run_rows=rows) for rows in (1_000_000, 1_000_001))
    limits = {tuple(plan(reference, each).limits.flat) for each in settings}
    assert (len(limits), _sums.cache_info().misses) == (1, before)
    for rows in (1.0, 999.0, 1024.0, 1e6, 3.3e13):
        assert rows <= _on_grid(rows) < 1.19 * rows


def test_streams_that_begin_together_compute_each_limit_once() -> None:
    reference = plain_reference(height=RNG.normal(size=4001), mass=np.maximum(RNG.normal(size=4001), 0))
    before = _sums.cache_info().misses
    settings = WatchSettings(expected_run_rows=10**11)
    with ThreadPoolExecutor(4) as threads:
        plans = list(threads.map(lambda _: plan(reference, settings), range(4)))
    assert _sums.cache_info().misses - before == 2
    assert len({tuple(planned.limits.flat) for planned in plans}) == 1
