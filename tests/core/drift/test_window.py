"""States of windows: those of parts add up to that of the whole, and nothing is lost in their arrays."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.drift import (
    WINDOW_ROWS_MAX,
    ColumnValues,
    DriftReference,
    Layout,
    WindowState,
    fit_drift_reference,
)
from assayd_server.core.drift.moments import moments
from assayd_server.core.drift.reduction import fit_reduction
from core.drift.references import columns_of, plain_reference, reference_of, rows_of, window_of

REFERENCE = reference_of(rows_of(2000, seed=0))
NAN = np.nan


def plain(state: WindowState) -> dict[str, list[int]]:
    return {name: array.tolist() for name, array in state.arrays().items()}


@given(cuts=st.lists(st.integers(0, 600), min_size=1, max_size=15), seed=st.integers(0, 99))
@settings(derandomize=True, deadline=None, max_examples=25)
def test_states_of_parts_in_any_order_add_up_to_that_of_the_whole(cuts: list[int], seed: int) -> None:
    rows = rows_of(600, seed=1)
    rows["probabilities"][::40] = NAN
    reduced = REFERENCE.layout.embedding.reduction.reduce(rows["embeddings"])

    def state_of(places: np.ndarray) -> WindowState:
        """Of rows whose embeddings have been reduced already, in one product for all."""
        columns = {name: values[places] for name, values in columns_of(rows).items()}
        state = REFERENCE.layout.count(len(places), columns)
        features = REFERENCE.layout.embedding.features.sums(reduced[places])
        return replace(state, embedding_rows=len(places), features=features, moments=moments(reduced[places]))

    order = np.random.default_rng(seed).permutation(600)
    first, *others = (state_of(places) for places in np.split(order, sorted(cuts)))
    assert plain(sum(others, first)) == plain(state_of(np.arange(600)))


def test_embeddings_in_parts_give_the_same_sums_but_for_rounding() -> None:
    rows = rows_of(500, seed=1)
    whole = window_of(REFERENCE, rows)
    parts = [{name: values[place::3] for name, values in rows.items()} for place in range(3)]
    total = sum((window_of(REFERENCE, part) for part in parts[1:]), window_of(REFERENCE, parts[0]))
    assert (total.rows, total.embedding_rows, total.moments.rows) == (500, 500, 500)
    np.testing.assert_allclose(total.features, whole.features, atol=5)
    np.testing.assert_allclose(total.moments.sums, whole.moments.sums, atol=5)


def test_each_column_counts_each_row_once() -> None:
    rows = rows_of(300, seed=2)
    rows["embeddings"][:7] = NAN
    state = window_of(REFERENCE, rows)
    assert [counts.sum() for counts in REFERENCE.layout.split(state.counts)] == [300] * len(
        REFERENCE.layout.columns
    )
    assert REFERENCE.layout.split(state.counts)[-1][-1] == 7
    assert (state.embedding_rows, state.moments.rows) == (300, 293)


def test_a_column_that_is_not_given_is_not_counted_and_one_unknown_to_the_reference_is_left_out() -> None:
    reference = plain_reference(height=np.arange(100.0), color=np.repeat(["red", "blue"], 50))
    state = reference.layout.count(3, {"color": np.array(["red", "green", ""]), "width": np.ones(3)})
    height, color = reference.layout.split(state.counts)
    assert height.sum() == 0
    assert color.tolist() == [0, 1, 1, 1]


def test_rows_without_embeddings_leave_the_embedding_out() -> None:
    rows = rows_of(100, seed=3)
    state = REFERENCE.layout.count(100, columns_of(rows))
    assert (state.rows, state.embedding_rows, state.moments.rows) == (100, 0, 0)
    assert not state.features.any()
    assert REFERENCE.layout.split(state.counts)[-1].sum() == 0
    both = state + window_of(REFERENCE, rows)
    assert (both.rows, both.embedding_rows) == (200, 100)


def test_a_reference_without_an_embedding_takes_no_notice_of_one() -> None:
    reference = plain_reference(height=np.arange(100.0))
    state = reference.layout.count(2, {"height": np.zeros(2)}, np.ones((2, 5)))
    assert (state.embedding_rows, state.features.shape) == (0, (0,))


def test_windows_of_different_references_are_not_added() -> None:
    other = plain_reference(height=np.arange(100.0))
    with pytest.raises(ValueError, match="different references"):
        window_of(REFERENCE, rows_of(9, seed=0)) + other.layout.count(1, {"height": np.zeros(1)})


def test_a_window_is_not_added_beyond_what_can_be_counted() -> None:
    state = window_of(REFERENCE, rows_of(9, seed=0))
    with pytest.raises(ValueError, match="a window of 536870913 rows is larger than 536870912"):
        state + replace(state, rows=WINDOW_ROWS_MAX - 8)


def test_a_state_is_the_same_from_its_arrays() -> None:
    state = window_of(REFERENCE, rows_of(9, seed=0))
    assert plain(WindowState.from_arrays(state.arrays())) == plain(state)


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": np.array([1, 2])},
        {"counts": np.zeros(3)},
        {"products": np.zeros((2, 3), np.int64)},
        {"features": np.zeros((2, 2), np.int64)},
    ],
)
def test_arrays_that_are_not_of_a_state_are_refused(changed: dict[str, np.ndarray]) -> None:
    arrays = {**window_of(REFERENCE, rows_of(9, seed=0)).arrays(), **changed}
    with pytest.raises(ValueError, match="not those of a window"):
        WindowState.from_arrays(arrays)


@pytest.mark.parametrize("reference", [REFERENCE, plain_reference(color=np.array(["red", "blue"]))])
def test_a_reference_is_the_same_from_a_file_without_pickles(reference: DriftReference) -> None:
    file = io.BytesIO()
    np.savez(file, **reference.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = DriftReference.from_arrays(dict(arrays))
    assert plain(again.state) == plain(reference.state)
    assert [(column.name, column.role) for column in again.layout.columns] == [
        (column.name, column.role) for column in reference.layout.columns
    ]
    assert (again.confusion is None) == (reference.confusion is None)
    if reference is REFERENCE:
        window = rows_of(50, seed=4)
        assert plain(window_of(again, window)) == plain(window_of(reference, window))


def test_counts_that_are_not_of_the_columns_are_refused() -> None:
    arrays = REFERENCE.arrays()
    with pytest.raises(ValueError, match="not those of its columns"):
        DriftReference.from_arrays({**arrays, "state/counts": arrays["state/counts"][:-1]})


def test_a_confusion_that_is_not_of_the_class_column_is_refused() -> None:
    other = plain_reference(color=np.array(["red", "blue"]))
    for arrays in ({**REFERENCE.arrays(), "confusion": np.zeros((2, 2), np.int64)}, other.arrays()):
        with pytest.raises(ValueError, match="not that of its class column"):
            DriftReference.from_arrays({"confusion": np.zeros((2, 2), np.int64), **arrays})


@pytest.mark.parametrize("name", ["component_1", "embedding", "height"])
def test_a_name_that_stands_for_two_things_is_refused(name: str) -> None:
    columns = [ColumnValues(name=one, values=np.arange(50.0)) for one in ("height", name)]
    with pytest.raises(ValueError, match=f"'{name}' is the name of two columns"):
        fit_drift_reference(50, columns, embeddings=np.random.default_rng(0).normal(0, 1, (50, 3)))


@pytest.mark.parametrize("rows", [[0, 1000, 1000], [2000, 0, 0]])
def test_a_reference_without_rows_is_refused(rows: list[int]) -> None:
    with pytest.raises(ValueError, match="the reference has no rows"):
        DriftReference.from_arrays({**REFERENCE.arrays(), "state/rows": np.array(rows)})


def test_the_embeddings_that_are_counted_are_not_those_that_the_components_are_fitted_on() -> None:
    embeddings = rows_of(100, seed=5)["embeddings"]
    halves = np.arange(100) < 50
    reference = fit_drift_reference(100, [], embeddings=embeddings, fitting=halves)
    fitted = fit_reduction(embeddings[:50])
    np.testing.assert_array_equal(reference.layout.embedding.reduction.directions, fitted.directions)
    assert plain(reference.state) == plain(replace(reference.layout.count(100, {}, embeddings[50:]), rows=100))
    assert reference.state.embedding_rows == 50


@pytest.mark.parametrize("fitting", [None, np.array([True])])
def test_components_are_not_fitted_on_all_rows(fitting: np.ndarray | None) -> None:
    with pytest.raises(ValueError, match="leave some to be counted"):
        fit_drift_reference(1, [], embeddings=np.ones((1, 2)), fitting=fitting)


def test_features_that_are_not_of_the_reduced_embedding_are_refused() -> None:
    arrays = REFERENCE.layout.arrays()
    with pytest.raises(ValueError, match="as many coordinates"):
        Layout.from_arrays({**arrays, "features/frequencies": arrays["features/frequencies"][:-1]})


def test_the_same_rows_give_the_same_reference() -> None:
    first, second = (reference_of(rows_of(2000, seed=0)).arrays() for _ in range(2))
    assert {name: array.tobytes() for name, array in first.items()} == {
        name: array.tobytes() for name, array in second.items()
    }
