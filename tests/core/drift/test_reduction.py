"""The reduced embedding: scikit-learn's principal components, and rows that are out of the ordinary."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from assayd_server.core.drift.reduction import COORDINATE_MAX, COORDINATE_SCALE, Reduction, fit_reduction

NAN, INF = np.nan, np.inf
ROUNDING = 0.5001 / COORDINATE_SCALE


def embeddings_of(row_count: int, width: int = 12, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return 3 + rng.normal(0, 1, (row_count, width)) @ rng.normal(0, 1, (width, width))


def test_coordinates_are_the_whitened_principal_components() -> None:
    rows = embeddings_of(500)
    expected = PCA(5, whiten=True, svd_solver="full").fit_transform(rows)
    reduced = fit_reduction(rows, 5).reduce(rows)
    np.testing.assert_allclose(np.abs(reduced[:, :5]), np.abs(expected) * np.sqrt(500 / 499), atol=ROUNDING)


def test_the_last_coordinate_is_the_standardised_distance_from_their_plane() -> None:
    rows = embeddings_of(500)
    plane = PCA(5, svd_solver="full").fit(rows)
    distances = np.linalg.norm(rows - plane.inverse_transform(plane.transform(rows)), axis=1)
    reduction = fit_reduction(rows, 5)
    expected = (distances - distances.mean()) / distances.std()
    np.testing.assert_allclose(reduction.reduce(rows)[:, -1], expected, atol=ROUNDING)
    assert (reduction.component_count, reduction.width) == (5, 6)


def test_components_that_span_all_dimensions_leave_no_residual() -> None:
    reduction = fit_reduction(embeddings_of(500, 4))
    assert (reduction.component_count, reduction.width) == (4, 4)


def test_a_dimension_that_the_reference_never_uses_is_seen_by_the_residual() -> None:
    rows = embeddings_of(300, 4)
    rows[:, 2] = 7
    reduction = fit_reduction(rows)
    assert (reduction.component_count, reduction.width) == (3, 4)
    assert np.abs(reduction.reduce(rows)[:, -1]).max() < 1e-3
    rows[0, 2] += 1
    assert reduction.reduce(rows)[0, -1] == COORDINATE_MAX


def test_fewer_rows_than_dimensions_have_components_too() -> None:
    reduction = fit_reduction(embeddings_of(6, 40))
    assert (reduction.component_count, reduction.width) == (5, 6)
    assert np.isfinite(reduction.reduce(embeddings_of(9, 40, seed=1))).all()


@pytest.mark.parametrize("value", [0.0, 5.0, -1e30])
def test_rows_that_are_all_the_same_have_no_component_and_another_row_is_far(value: float) -> None:
    rows = np.full((10, 3), value, np.float32)
    reduction = fit_reduction(rows)
    assert reduction.component_count == 0
    assert np.abs(reduction.reduce(rows)).max() < 1e-3
    assert np.abs(reduction.reduce(rows + np.float32(abs(value) / 100 or 1))).min() > 20


def test_what_arithmetic_leaves_of_a_constant_is_no_component() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-7, (100, 4))
    assert fit_reduction((1 + noise).astype(np.float32)).component_count == 0


def test_a_row_that_is_not_finite_has_no_coordinates_and_leaves_the_others_alone() -> None:
    rows = embeddings_of(50)
    reduction = fit_reduction(rows)
    expected = reduction.reduce(rows)
    for place, bad in enumerate((NAN, INF, -INF)):
        rows[place, place] = bad
    found = reduction.reduce(rows)
    assert np.isnan(found[:3]).all()
    np.testing.assert_array_equal(found[3:], expected[3:])
    fitted = fit_reduction(rows)
    np.testing.assert_allclose(fitted.reduce(rows[3:]), fit_reduction(rows[3:]).reduce(rows[3:]), rtol=1e-9)


def test_what_is_far_off_counts_as_so_many_deviations() -> None:
    reduction = fit_reduction(embeddings_of(50))
    assert np.abs(reduction.reduce(np.full((1, 12), 1e308))).max() == COORDINATE_MAX
    assert np.isfinite(reduction.reduce(np.full((1, 12), -1e308))).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_the_unit_of_the_embedding_does_not_matter(scale: float) -> None:
    rows = embeddings_of(50)
    expected = fit_reduction(rows).reduce(rows)
    np.testing.assert_allclose(fit_reduction(scale * rows).reduce(scale * rows), expected, rtol=1e-6, atol=1e-9)


def test_without_a_finite_row_there_is_no_reduction() -> None:
    with pytest.raises(ValueError, match="no row without NaN"):
        fit_reduction(np.full((4, 2), NAN))
    with pytest.raises(ValueError, match="no row without NaN"):
        fit_reduction(np.empty((0, 2)))


def test_a_window_may_be_empty_and_an_embedding_of_single_precision() -> None:
    rows = embeddings_of(50)
    reduction = fit_reduction(rows)
    assert reduction.reduce(np.empty((0, 12))).shape == (0, 12)
    np.testing.assert_allclose(reduction.reduce(rows.astype(np.float32)), reduction.reduce(rows), atol=1e-4)


def test_a_reduction_is_the_same_from_its_arrays() -> None:
    rows = embeddings_of(50)
    reduction = fit_reduction(rows, 3)
    again = Reduction.from_arrays(reduction.arrays())
    np.testing.assert_array_equal(again.reduce(rows), reduction.reduce(rows))
    assert not any(array.dtype.hasobject for array in reduction.arrays().values())


@pytest.mark.parametrize("name", ["mean", "directions", "deviations", "residual"])
def test_arrays_that_do_not_fit_each_other_are_refused(name: str) -> None:
    arrays = fit_reduction(embeddings_of(50), 3).arrays()
    with pytest.raises(ValueError, match="do not fit"):
        Reduction.from_arrays({**arrays, name: arrays[name][:-1]})


def test_nothing_that_is_given_is_changed() -> None:
    rows = embeddings_of(20)
    rows[0, 0] = NAN
    rows.flags.writeable = False
    fit_reduction(rows).reduce(rows)


@pytest.mark.parametrize("width", [8, 768])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_row_has_the_same_coordinates_whatever_rows_come_with_it(width: int, size: int) -> None:
    rows = np.random.default_rng(0).normal(size=(300, width)).astype(np.float32)
    reduction = fit_reduction(rows)
    parts = [reduction.reduce(rows[start : start + size]) for start in range(0, 300, size)]
    np.testing.assert_array_equal(np.concatenate(parts), reduction.reduce(rows))
    np.testing.assert_array_equal(reduction.components(rows, 3), reduction.reduce(rows)[:, :3])
