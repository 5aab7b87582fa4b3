"""What every measure of uncertainty promises. Runs on each entry of FORMULAS, on new ones by themselves."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd_server.core.arrays import Floats
from assayd_server.core.uncertainty import FORMULAS, Measure

Formula = Callable[[Floats], Floats]

every_formula = pytest.mark.parametrize("formula", FORMULAS.values(), ids=[measure.value for measure in FORMULAS])
SCALED = {measure: formula for measure, formula in FORMULAS.items() if measure is not Measure.MAX_ENTROPY}
every_scaled_formula = pytest.mark.parametrize(
    "formula", SCALED.values(), ids=[measure.value for measure in SCALED]
)
modest = settings(derandomize=True, deadline=None, max_examples=60)


@st.composite
def probability_rows(draw: st.DrawFn) -> Floats:
    """Rows that sum to 1, with zeros and ties among them."""
    shape = draw(st.tuples(st.integers(0, 6), st.integers(2, 9)))
    weights = draw(npst.arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.0, 1.0, 1.0, 2.5, 1e-12, 1e6])))
    weights[:, draw(st.integers(0, shape[1] - 1))] += 1e-3  # so that no row sums to zero
    return read_only(weights / weights.sum(axis=1, keepdims=True))


def read_only(array: Floats) -> Floats:
    array.flags.writeable = False
    return array


@every_scaled_formula
@given(rows=probability_rows())
@modest
def test_values_lie_between_zero_and_one(formula: Formula, rows: Floats) -> None:
    values = formula(rows)
    assert ((values >= 0) & (values <= 1)).all()


@every_formula
@given(rows=probability_rows())
@modest
def test_there_is_one_value_for_each_row(formula: Formula, rows: Floats) -> None:
    assert formula(rows).shape == (len(rows),)


@every_formula
@given(rows=probability_rows(), seed=st.integers(0, 2**32 - 1))
@modest
def test_permuted_rows_give_permuted_values(formula: Formula, rows: Floats, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(rows))
    np.testing.assert_allclose(formula(rows[order]), formula(rows)[order], rtol=1e-12, atol=1e-15)


@every_formula
@given(rows=probability_rows(), seed=st.integers(0, 2**32 - 1))
@modest
def test_the_order_of_classes_does_not_matter(formula: Formula, rows: Floats, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(rows.shape[1])
    np.testing.assert_allclose(formula(rows[:, order]), formula(rows), rtol=1e-12, atol=1e-15)


@every_formula
@given(rows=probability_rows())
@modest
def test_a_row_scores_the_same_alone_as_among_others(formula: Formula, rows: Floats) -> None:
    alone = [formula(rows[index : index + 1])[0] for index in range(len(rows))]
    np.testing.assert_allclose(formula(rows), alone, rtol=1e-12, atol=1e-15)


@every_formula
@pytest.mark.parametrize("class_count", [2, 3, 7, 1000, 50_257])
def test_a_certain_row_gives_zero(formula: Formula, class_count: int) -> None:
    np.testing.assert_allclose(formula(np.eye(2, class_count)), [0, 0], rtol=0, atol=1e-12)


@every_scaled_formula
@pytest.mark.parametrize("class_count", [2, 3, 7, 1000, 50_257])
def test_a_uniform_row_gives_one(formula: Formula, class_count: int) -> None:
    uniform = np.full((1, class_count), 1 / class_count)
    np.testing.assert_allclose(formula(uniform), [1], rtol=0, atol=1e-12)


@every_scaled_formula
@pytest.mark.parametrize("class_count", [3, 7, 1000])
def test_float32_rows_whose_rounding_would_leave_the_interval_stay_in_it(
    formula: Formula, class_count: int
) -> None:
    uniform = np.full((1, class_count), np.float32(1) / np.float32(class_count), np.float32)
    nudged = np.nextafter(uniform, np.float32(1))
    values = formula(np.concatenate([uniform, nudged, np.nextafter(uniform, np.float32(0))]))
    assert ((values >= 0) & (values <= 1)).all()


@every_formula
def test_the_rows_are_left_as_they_were(formula: Formula) -> None:
    rows = np.random.default_rng(4).dirichlet(np.ones(5), size=8)
    before = rows.copy()
    formula(read_only(rows))
    np.testing.assert_array_equal(rows, before)


@every_formula
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_have_the_dtype_of_the_probabilities(formula: Formula, dtype: type[np.floating]) -> None:
    assert formula(np.full((2, 4), 0.25, dtype)).dtype == dtype


@every_formula
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_layout_in_memory_does_not_matter(formula: Formula, order: str) -> None:
    rows = np.random.default_rng(5).dirichlet(np.ones(6), size=9)
    np.testing.assert_allclose(formula(rows.copy(order=order)), formula(rows), rtol=1e-12)


@every_formula
def test_no_rows_give_no_values(formula: Formula) -> None:
    assert formula(np.empty((0, 3))).shape == (0,)


@every_formula
def test_a_row_with_nan_gives_nan_and_leaves_its_neighbours_alone(formula: Formula) -> None:
    good = np.array([0.2, 0.5, 0.3])
    rows = np.array([good, [np.nan, 0.5, 0.5], [np.nan] * 3, good])
    expected = formula(good[None])[0]
    np.testing.assert_array_equal(formula(rows), [expected, np.nan, np.nan, expected])


@every_formula
def test_moving_a_row_towards_uniform_never_lowers_its_value(formula: Formula) -> None:
    rows = np.random.default_rng(6).dirichlet(np.full(5, 0.5), size=40)
    paths = np.array([formula(rows + step * (0.2 - rows)) for step in np.linspace(0, 1, 11)])
    assert (np.diff(paths, axis=0) >= -1e-12).all()
