"""Streams: what is found in them, when, and that it does not matter how they are cut."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.drift import fit_drift_reference, judge
from assayd_server.core.drift.watch import (
    ROWS_MAX,
    Change,
    Direction,
    Event,
    WatchPlan,
    WatchRows,
    WatchSettings,
    WatchState,
    WindowEnd,
    advance,
    begin,
    check,
    plan,
)
from assayd_server.core.drift.window import WindowState
from core.drift.references import columns_of, plain_reference, reference_of, rows_of, window_of

NAN = np.nan
LARGEST = np.iinfo(np.int64).max
RNG = np.random.default_rng(17)
REFERENCE = reference_of(rows_of(20_000, seed=0))
PLAN = plan(REFERENCE, WatchSettings(window_rows=200, expected_run_rows=50_000))
HEIGHTS = plain_reference(height=RNG.normal(0, 1, 100_000), mass=RNG.exponential(1, 100_000))
BY_HEIGHT = plan(HEIGHTS, WatchSettings(window_rows=300, expected_run_rows=100_000))


def stream(rows: dict[str, Any]) -> WatchRows:
    return len(rows["labels"]), columns_of(rows), rows["embeddings"]


def heights(*parts: np.ndarray, **more: np.ndarray) -> WatchRows:
    height = np.concatenate(parts)
    return len(height), {"height": height, **more}, None


def normal(count: int, *, mean: float = 0, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, count)


def watched(rows: WatchRows, by: WatchPlan = BY_HEIGHT) -> tuple[WatchState, list[Event]]:
    state, events = advance(begin(by), rows, by)
    check(state, by)
    return state, events


def changes(events: list[Event]) -> list[Change]:
    return [event for event in events if isinstance(event, Change)]


def ends(events: list[Event]) -> list[WindowEnd]:
    return [event for event in events if isinstance(event, WindowEnd)]


def plain(state: WatchState) -> dict[str, Any]:
    window = {name: array.tolist() for name, array in state.window.arrays().items()}
    return {
        "rows": state.rows, "windows": state.windows, "sums": state.sums.tolist(), "since": state.since.tolist(),
        **window,
    }  # fmt: skip


def told(events: list[Event]) -> list[object]:
    """All that events say, in values that can be compared."""
    return [
        event
        if isinstance(event, Change)
        else (event.number, event.first_row, plain(event.state), [
            (column.name, column.deciding, column.adjusted_p_value, column.drifted)
            for column in event.verdict.columns
        ])
        for event in events
    ]  # fmt: skip


def cut(rows: WatchRows, places: list[int]) -> list[WatchRows]:
    count, values, embeddings = rows
    edges = [0, *sorted(places), count]
    return [
        (
            after - before,
            {name: column[before:after] for name, column in values.items()},
            None if embeddings is None else embeddings[before:after],
        )
        for before, after in pairwise(edges)
    ]


def one_after_the_other(parts: list[WatchRows], by: WatchPlan) -> tuple[WatchState, list[Event]]:
    state, events = begin(by), []
    for part in parts:
        state, found = advance(state, part, by)
        check(state, by)
        events += found
    return state, events


def drifting_rows() -> dict[str, Any]:
    rows = rows_of(1100, seed=5)
    rows["embeddings"][500:] += 0.7
    rows["probabilities"][700:, 0] = NAN
    return rows


@given(places=st.lists(st.integers(0, 1100), max_size=12))
@settings(derandomize=True, deadline=None, max_examples=15)
def test_however_a_stream_is_cut_its_events_are_the_same(places: list[int]) -> None:
    rows = stream(drifting_rows())
    state, events = advance(begin(PLAN), rows, PLAN)
    other, others = one_after_the_other(cut(rows, places), PLAN)
    assert len(ends(events)) == 5
    assert changes(events)
    assert told(events) == told(others)
    assert plain(state) == plain(other)


def test_a_stream_of_single_rows_has_the_same_events() -> None:
    rows = heights(normal(450), normal(450, mean=1), mass=np.random.default_rng(2).exponential(1, 900))
    state, events = watched(rows)
    other, others = one_after_the_other(cut(rows, list(range(1, 900))), BY_HEIGHT)
    assert len(changes(events)) >= 2
    assert told(events) == told(others)
    assert plain(state) == plain(other)


def test_rows_beyond_one_block_have_the_same_events() -> None:
    by = plan(HEIGHTS, WatchSettings(window_rows=20_000, expected_run_rows=200_000))
    rows = heights(normal(15_000), normal(10_000, mean=0.3))
    _, events = watched(rows, by)
    _, others = one_after_the_other(cut(rows, [1, 7000, 7001, 16_000]), by)
    assert told(events) == told(others)
    assert changes(events)[0].since_row > 14_000


def test_a_window_is_judged_as_if_it_were_alone() -> None:
    rows = rows_of(410, seed=3)
    state, events = advance(begin(PLAN), stream(rows), PLAN)
    assert [(end.number, end.first_row, end.state.rows) for end in ends(events)] == [(0, 0, 200), (1, 200, 400)]
    assert state.window.rows == 10
    part = {name: values[200:400] for name, values in rows.items()}
    expected = judge(REFERENCE, window_of(REFERENCE, part), PLAN.judging)
    found = ends(events)[1].verdict
    assert [(column.name, column.deciding) for column in found.columns] == [
        (column.name, column.deciding) for column in expected.columns
    ]


def test_nothing_is_said_of_rows_like_the_reference() -> None:
    _, events = watched(heights(normal(6000), mass=np.random.default_rng(4).exponential(1, 6000)))
    assert len(ends(events)) == len(events) == 20
    assert not any(end.verdict.drifted for end in ends(events))


@pytest.mark.parametrize(("shift", "direction"), [(0.5, Direction.UP), (-0.5, Direction.DOWN)])
def test_a_shift_of_the_mean_is_found_between_the_ends_of_windows(shift: float, direction: Direction) -> None:
    by = plan(HEIGHTS, WatchSettings(window_rows=1000, expected_run_rows=1_000_000))
    _, events = watched(heights(normal(700), normal(300, mean=shift, seed=2)), by)
    [change] = changes(events)
    assert (change.column, change.direction) == ("height", direction)
    assert 750 < change.row < 900
    assert abs(change.since_row - 700) < 80
    assert change.limit < change.statistic < change.limit + 2
    assert events.index(change) == 0


def test_a_sum_is_the_one_that_a_loop_over_rows_comes_to() -> None:
    rows = heights(normal(250), normal(100, mean=1.5))
    column = BY_HEIGHT.columns[0]
    total, since, alarms = 0, 0, []
    for row, score in enumerate(column.scores[column.bins.assign(rows[1]["height"])].tolist()):
        if row == 300:
            total, since = 0, 300
        elif total < 0:
            continue
        total = max(0, total + score - 16)
        since = row + 1 if total == 0 else since
        if total > column.limits[0]:
            alarms.append((row, since, total / 64))
            total, since = -1, row + 1
    state, events = watched(rows)
    up = [one for one in changes(events) if one.column == "height" and one.direction is Direction.UP]
    assert [(one.row, one.since_row, one.statistic) for one in up] == alarms
    assert len(alarms) == 2
    assert (state.sums[0, 0], state.since[0, 0]) == (total, since)


def test_what_has_changed_for_good_is_said_once_a_window() -> None:
    _, events = watched(heights(normal(1500, mean=2)))
    rows = [change.row for change in changes(events)]
    assert [row // 300 for row in rows] == [0, 1, 2, 3, 4]
    assert changes(events)[1].since_row == 300


def test_changes_in_the_last_row_of_a_window_come_before_its_end() -> None:
    by = plan(HEIGHTS, WatchSettings(window_rows=300, expected_run_rows=100_000, columns=("height",)))
    (first, *_), order = changes(watched(heights(np.full(1000, 9.0)), by)[1]), []
    shifted = heights(np.full(299 - first.row, -0.03), np.full(first.row + 1, 9.0))
    for event in watched(shifted, by)[1]:
        order.append((type(event), event.row if isinstance(event, Change) else event.state.rows))
    assert order == [(Change, 299), (WindowEnd, 300)]


def test_events_of_several_columns_come_in_the_order_of_rows() -> None:
    _, events = watched(heights(normal(250, mean=-1), mass=np.full(250, 50.0)))
    rows = [change.row for change in changes(events)]
    assert {change.column for change in changes(events)} == {"height", "mass"}
    assert rows == sorted(rows)


@pytest.mark.parametrize("broken", [NAN, 0.1, np.inf, -np.inf], ids=str)
def test_a_broken_sensor_drifts_in_its_first_window(broken: float) -> None:
    _, events = watched(heights(normal(300), np.full(300, broken)))
    assert [end.verdict.drifted for end in ends(events)] == [False, True]


def test_missing_values_move_no_sum_up() -> None:
    state, events = watched(heights(normal(100, mean=0.3), np.full(190, NAN)))
    assert changes(events) == []
    assert (state.sums[0] == 0).all()


def test_rows_without_a_column_leave_its_sum_as_it_was() -> None:
    before, _ = advance(begin(BY_HEIGHT), heights(normal(100, mean=0.4), mass=np.full(100, 0.7)), BY_HEIGHT)
    after, _ = advance(before, (50, {"mass": np.full(50, 0.7)}, None), BY_HEIGHT)
    assert before.sums[0, 0] > 0
    assert (after.sums[0].tolist(), after.since[0].tolist()) == (before.sums[0].tolist(), before.since[0].tolist())


def test_a_window_of_none_of_the_columns_has_a_verdict_on_none() -> None:
    by = plan(HEIGHTS, WatchSettings(window_rows=300, expected_run_rows=100_000))
    _, events = watched((300, {"width": np.zeros(300)}, None), by)
    [end] = ends(events)
    assert not end.verdict.drifted
    assert end.verdict.columns == ()
    assert end.verdict.untested == ("height", "mass")


def test_only_chosen_columns_are_looked_at() -> None:
    by = plan(REFERENCE, replace(PLAN.settings, columns=("entropy", "component_2")))
    rows = rows_of(250, seed=7)
    state, events = watched(stream(rows), by)
    assert {column.name for column in ends(events)[0].verdict.columns} == {"entropy", "component_2"}
    assert state.sums.shape == (2, 2)
    _, whole = watched(stream(rows), PLAN)
    of_all = {column.name: column.deciding for column in ends(whole)[0].verdict.columns}
    assert all(of_all[column.name].effect == column.deciding.effect for column in ends(events)[0].verdict.columns)


def test_no_rows_leave_the_state_as_it_is() -> None:
    state, _ = watched(heights(normal(100)))
    for nothing in ((0, {}, None), (0, {"height": np.empty(0)}, None)):
        after, events = advance(state, nothing, BY_HEIGHT)
        assert events == []
        assert plain(after) == plain(state)


def test_strings_for_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="values are <U1, the reference's are float64"):
        advance(begin(BY_HEIGHT), (1, {"height": np.array(["a"])}, None), BY_HEIGHT)


def test_a_stream_without_end_is_refused() -> None:
    state = replace(begin(BY_HEIGHT), rows=ROWS_MAX)
    with pytest.raises(ValueError, match="a stream of 9007199254740993 rows is longer than 9007199254740992"):
        advance(state, heights(np.zeros(1)), BY_HEIGHT)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"rows": -300, "windows": -1}, "rows"),
        ({"rows": ROWS_MAX + 1}, "rows"),
        ({"rows": 401}, "windows"),
        ({"windows": 0}, "windows"),
        ({"sums": np.full((2, 2), -2)}, "sums"),
        ({"sums": BY_HEIGHT.limits + 1}, "sums"),
        ({"sums": np.zeros((1, 2), np.int64)}, "sums"),
        ({"since": np.full((2, 2), 401)}, "beginnings"),
        ({"since": np.full((2, 2), -1)}, "beginnings"),
        ({"since": np.zeros((2, 3), np.int64)}, "sums"),
    ],
)
def test_a_state_that_no_stream_leads_to_is_refused(wrong: dict[str, Any], name: str) -> None:
    state, _ = watched(heights(normal(400)))
    with pytest.raises(ValueError, match=f"its {name} cannot come from a stream under these settings"):
        check(replace(state, **wrong), BY_HEIGHT)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"counts": np.full(len(HEIGHTS.state.counts), -1)}, "counts"),
        ({"counts": np.full(len(HEIGHTS.state.counts), 99)}, "counts"),
        ({"counts": LARGEST * (np.arange(len(HEIGHTS.state.counts)) < 2)}, "counts"),
        ({"embedding_rows": 101}, "embeddings"),
    ],
)
def test_a_window_that_no_stream_leads_to_is_refused(wrong: dict[str, Any], name: str) -> None:
    state, _ = watched(heights(normal(400)))
    with pytest.raises(ValueError, match=f"its {name} cannot come from a stream under these settings"):
        check(replace(state, window=replace(state.window, **wrong)), BY_HEIGHT)


def made_up_features(window: WindowState) -> WindowState:
    return replace(window, features=np.full_like(window.features, LARGEST))


def made_up_sums(window: WindowState) -> WindowState:
    return replace(window, moments=replace(window.moments, sums=np.full_like(window.moments.sums, LARGEST)))


def made_up_products(window: WindowState) -> WindowState:
    return replace(window, moments=replace(window.moments, products=window.moments.products - LARGEST))


def lopsided_products(window: WindowState) -> WindowState:
    return replace(window, moments=replace(window.moments, products=np.tril(window.moments.products)))


def negative_variances(window: WindowState) -> WindowState:
    return replace(window, moments=replace(window.moments, products=-window.moments.products))


def more_coordinates_than_embeddings(window: WindowState) -> WindowState:
    return replace(window, embedding_rows=window.embedding_rows - 1)


@pytest.mark.parametrize(
    "made_up",
    [
        made_up_features, made_up_sums, made_up_products, lopsided_products, negative_variances,
        more_coordinates_than_embeddings,
    ],
)  # fmt: skip
def test_sums_of_embeddings_that_no_rows_have_are_refused(made_up: Callable[[WindowState], WindowState]) -> None:
    state, _ = watched(stream(rows_of(150, seed=3)), PLAN)
    with pytest.raises(ValueError, match="its embeddings cannot come from a stream under these settings"):
        check(replace(state, window=made_up(state.window)), PLAN)


def test_embeddings_that_all_lie_at_the_edge_are_possible() -> None:
    rows = rows_of(150, seed=3)
    rows["embeddings"][:] = 1e9
    state, _ = watched(stream(rows), PLAN)  # which checks it
    assert state.window.embedding_rows == 150


@pytest.mark.parametrize("width", [32, 768])
def test_embeddings_of_a_few_kinds_are_healthy_one_by_one_as_in_batches(width: int) -> None:
    kinds = np.random.default_rng(0).normal(size=(6, width)).astype(np.float32)
    drawn = kinds[RNG.integers(0, 6, 5000)]
    reference = fit_drift_reference(len(drawn), [], embeddings=drawn)
    by = plan(reference, WatchSettings(window_rows=200, expected_run_rows=100_000))
    rows = (400, {}, kinds[RNG.integers(0, 6, 400)])
    together = advance(begin(by), rows, by)
    state, events = begin(by), list[Event]()
    for row in range(400):
        state, found = advance(state, (1, {}, rows[2][row : row + 1]), by)
        events += found
    assert [end.verdict.drifted for end in ends(events)] == [False, False]
    assert (told(events), plain(state)) == (told(together[1]), plain(together[0]))
