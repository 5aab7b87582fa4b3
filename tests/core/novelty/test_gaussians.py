"""Mahalanobis distances: against inverted covariances, and references of which a covariance says little."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import EmpiricalCovariance

from assayd_server.core.blocks import BLOCK_ELEMENTS
from assayd_server.core.novelty.gaussian_fit import RIDGE, fit_gaussians
from assayd_server.core.novelty.gaussians import Gaussians, Terms, distance_terms

NAN, INF = np.nan, np.inf


def rows_of(row_count: int, width: int, class_count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Correlated rows of several scales far from 0, and their classes, of names with gaps."""
    random = np.random.default_rng(seed)
    mixing = random.normal(size=(width, width)) * np.geomspace(0.1, 10, width)
    classes = random.integers(class_count, size=row_count)
    rows = random.normal(size=(row_count, width)) @ mixing + random.normal(0, 3, (class_count, width))[classes] + 5
    return rows.astype(np.float32), 7 * classes - 3


def terms_of(gaussians: Gaussians, rows: np.ndarray) -> Terms:
    return distance_terms(gaussians, rows, with_outside=True)


def plain_distances(
    fit: np.ndarray, classes: np.ndarray, rows: np.ndarray, shrinkage: float
) -> dict[str, np.ndarray]:
    """By inverses, in the units of the rows; what is shrunk is shrunk towards the variances of all rows."""
    fit, rows = fit.astype(float), rows.astype(float)
    means = np.stack([fit[classes == one].mean(axis=0) for one in np.unique(classes)])
    own = means[np.searchsorted(np.unique(classes), classes)]
    within, units = np.cov((fit - own).T, bias=True), np.diag(fit.var(axis=0))
    mean_variance = np.mean(np.diag(within) / np.diag(units))
    within = (1 - shrinkage) * within + (shrinkage * mean_variance + RIDGE) * units
    together = within + np.cov(own.T, bias=True)
    mahalanobis = cdist(rows, means, "mahalanobis", VI=np.linalg.inv(within)).min(axis=1) ** 2
    domain = cdist(rows, fit.mean(axis=0)[None], "mahalanobis", VI=np.linalg.inv(together))[:, 0] ** 2
    return {"mahalanobis": mahalanobis, "domain": domain, "relative_mahalanobis": mahalanobis - domain}


@pytest.mark.parametrize(
    ("row_count", "width", "class_count"),
    [(400, 6, 3), (60, 5, 12), (300, 4, 2), (2000, 40, 10), (30, 50, 4), (200, 2, 5)],
)
def test_distances_are_those_by_inverted_covariances(row_count: int, width: int, class_count: int) -> None:
    fit, classes = rows_of(row_count, width, class_count)
    rows = fit[:100] + np.random.default_rng(1).normal(0, 2, (len(fit[:100]), width)).astype(np.float32)
    gaussians = fit_gaussians(fit, classes)
    expected = plain_distances(fit, classes, rows, float(gaussians.shrinkage))
    terms = terms_of(gaussians, rows)
    for name, values in expected.items():
        scale = np.abs(expected["mahalanobis"]).max()
        np.testing.assert_allclose(getattr(terms, name), values, rtol=2e-4, atol=2e-5 * scale, err_msg=name)


def test_with_many_rows_distances_are_those_without_any_shrinking() -> None:
    random = np.random.default_rng(0)
    classes = random.integers(3, size=50_000)
    centers = np.array([[0, 0, 0], [3, 1, 0], [-1, 2, 3]])
    fit = random.normal(size=(50_000, 3)) @ [[1, 0, 0], [0.5, 1, 0], [0.2, -0.4, 2]] + centers[classes]
    means = np.stack([fit[classes == one].mean(axis=0) for one in range(3)])
    covariance = EmpiricalCovariance(assume_centered=True).fit(fit - means[classes])
    expected = np.min([covariance.mahalanobis(fit[:200] - mean) for mean in means], axis=0)
    np.testing.assert_allclose(terms_of(fit_gaussians(fit, classes), fit[:200]).mahalanobis, expected, rtol=0.02)


def test_the_relative_distance_is_the_same_without_the_coordinates_that_cancel() -> None:
    fit, classes = rows_of(500, 30, 4)
    gaussians = fit_gaussians(fit, classes)
    assert gaussians.means.shape == (4, 3)
    few = distance_terms(gaussians, fit, with_outside=False).relative_mahalanobis
    whole = terms_of(gaussians, fit)
    np.testing.assert_allclose(few, whole.mahalanobis - whole.domain, atol=1e-4)


def test_distances_do_not_depend_on_the_units_and_the_origin_of_each_dimension() -> None:
    fit, classes = rows_of(400, 6, 3)
    units, origin = np.array([1e-3, 1, 2, 50, 1e3, 1e4]), np.arange(6) * 100.0
    here, there = fit.astype(float), fit.astype(float) * units + origin
    one, other = (terms_of(fit_gaussians(rows, classes), rows[:50]) for rows in (here, there))
    np.testing.assert_allclose(one.mahalanobis, other.mahalanobis, rtol=1e-3)
    np.testing.assert_allclose(one.domain, other.domain, rtol=1e-3)


def test_distances_do_not_depend_on_the_order_of_rows_or_the_names_of_classes() -> None:
    fit, classes = rows_of(300, 5, 4)
    order = np.random.default_rng(3).permutation(300)
    one = terms_of(fit_gaussians(fit, classes), fit[:40])
    other = terms_of(fit_gaussians(fit[order], -classes[order]), fit[:40])
    np.testing.assert_allclose(one.relative_mahalanobis, other.relative_mahalanobis, rtol=1e-3, atol=1e-3)


def test_classes_that_are_all_but_points_keep_their_digits() -> None:
    """As where a network has collapsed its classes: means a thousand deviations apart."""
    random = np.random.default_rng(0)
    classes = np.arange(1000) % 4
    corners = random.normal(size=(4, 8))[classes]
    fit = (corners + 0.003 * random.normal(size=(1000, 8))).astype(np.float32)
    gaussians = fit_gaussians(fit, classes)
    expected = plain_distances(fit, classes, fit[:100], float(gaussians.shrinkage))["mahalanobis"]
    np.testing.assert_allclose(terms_of(gaussians, fit[:100]).mahalanobis, expected, rtol=0.02)


def test_with_one_class_its_distance_is_that_from_all_rows_and_the_relative_one_is_0() -> None:
    fit, classes = rows_of(200, 5, 1)
    terms = terms_of(fit_gaussians(fit, classes), fit)
    np.testing.assert_allclose(terms.mahalanobis, terms.domain, rtol=1e-5)
    np.testing.assert_allclose(terms.relative_mahalanobis, 0, atol=1e-5)


@pytest.mark.parametrize(
    "classes", [np.arange(20), np.zeros(20, int), np.repeat([0, 1, 2], [18, 1, 1])], ids=["own", "one", "single"]
)
@pytest.mark.parametrize("width", [1, 3, 60])
def test_references_that_say_little_give_finite_distances_that_grow(classes: np.ndarray, width: int) -> None:
    fit = np.random.default_rng(0).normal(size=(20, width)).astype(np.float32)
    gaussians = fit_gaussians(fit, classes)
    near, far = (terms_of(gaussians, fit + step) for step in (0, 50))
    for name in ("mahalanobis", "domain"):
        assert np.isfinite(getattr(near, name)).all()
        assert (getattr(far, name) > 10 * getattr(near, name)).all()


@pytest.mark.parametrize("row_count", [1, 9, 5000])
@pytest.mark.parametrize("value", [0.0, 3.3, -1e6])
def test_the_more_identical_rows_there_are_the_farther_is_another(row_count: int, value: float) -> None:
    fit = np.full((row_count, 4), value, np.float32)
    terms = terms_of(fit_gaussians(fit, np.zeros(row_count, int)), np.stack([fit[0], fit[0] + [0, 0, 2, 0]]))
    assert terms.mahalanobis == pytest.approx([0, 4 * row_count], rel=1e-5, abs=1e-9)
    assert terms.domain == pytest.approx([0, 4 * row_count], rel=1e-5, abs=1e-9)


def test_a_row_that_differs_where_the_reference_is_constant_is_far_away() -> None:
    fit, classes = rows_of(500, 4, 3)
    usual = terms_of(fit_gaussians(fit, classes), fit)
    fit = np.column_stack([fit, np.full(500, 0.3, np.float32), np.zeros(500, np.float32)])
    gaussians = fit_gaussians(fit, classes)
    np.testing.assert_allclose(terms_of(gaussians, fit).mahalanobis, usual.mahalanobis, rtol=1e-3)
    for dimension in (4, 5):
        fired = fit.copy()
        fired[:, dimension] += np.float32(np.median(fit[:, :4].std(axis=0)))
        np.testing.assert_allclose(terms_of(gaussians, fired).mahalanobis - usual.mahalanobis, 500, rtol=0.01)
        np.testing.assert_allclose(terms_of(gaussians, fired).domain - usual.domain, 500, rtol=0.01)
    jitter = fit[:20] * np.float32(1 + 1e-7)
    np.testing.assert_allclose(terms_of(gaussians, jitter).mahalanobis, usual.mahalanobis[:20], rtol=0.01)


@pytest.mark.parametrize("scale", [1e-44, 1e-33, 1e-20, 1e30])
def test_rows_of_extreme_sizes_have_finite_distances(scale: float) -> None:
    fit = np.random.default_rng(0).normal(size=(200, 4)) * scale
    terms = terms_of(fit_gaussians(fit.astype(np.float32), np.arange(200) % 2), fit.astype(np.float32))
    assert np.isfinite(terms.mahalanobis).all()
    assert np.isfinite(terms.relative_mahalanobis).all()


def test_dimensions_that_add_up_to_a_constant_are_no_trouble() -> None:
    random = np.random.default_rng(0)
    fit = random.dirichlet(np.ones(5), 800).astype(np.float32)
    classes = fit.argmax(axis=1)
    terms = terms_of(fit_gaussians(fit, classes), random.dirichlet(np.ones(5), 800).astype(np.float32))
    assert terms.mahalanobis.max() < 200


def test_rows_that_are_not_finite_are_left_out_of_the_fit() -> None:
    fit, classes = rows_of(300, 5, 3)
    bad = fit[:30].astype(float)
    bad[:10, 0], bad[10:20, 1], bad[20:, 2] = NAN, -INF, 1e200
    both = np.concatenate([fit.astype(float), bad])
    found = fit_gaussians(both, np.concatenate([classes, classes[:30]]))
    for name, array in fit_gaussians(fit.astype(float), classes).arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], array)


def test_no_row_that_is_finite_is_no_reference() -> None:
    with pytest.raises(ValueError, match="no row that is finite"):
        fit_gaussians(np.full((3, 2), NAN), np.zeros(3, int))


@pytest.mark.parametrize("class_count", [1, 3])
@pytest.mark.parametrize("with_outside", [False, True])
def test_a_row_that_is_not_finite_has_no_finite_distance_and_spoils_no_other(
    class_count: int, with_outside: bool
) -> None:
    fit, classes = rows_of(300, 5, class_count)
    gaussians = fit_gaussians(fit, classes)
    rows = fit[:4].copy()
    rows[1, 2], rows[2, 0] = NAN, INF
    with np.errstate(all="raise"):
        terms = distance_terms(gaussians, rows, with_outside=with_outside)
        distances = (terms.mahalanobis, terms.domain, terms.relative_mahalanobis)
    for distance in distances:
        assert np.isfinite(distance).tolist() == [True, False, False, True]


def test_the_boundaries_of_blocks_do_not_matter() -> None:
    fit, classes = rows_of(300, 16, 3)
    gaussians = fit_gaussians(fit, classes)
    rows = rows_of(2 * BLOCK_ELEMENTS // 16 + 3, 16, 3)[0]
    whole = terms_of(gaussians, rows).relative_mahalanobis
    parts = np.concatenate([terms_of(gaussians, part).relative_mahalanobis for part in np.array_split(rows, 7)])
    np.testing.assert_allclose(whole, parts, rtol=1e-4, atol=1e-4)


def test_rows_are_left_as_they_were_and_there_may_be_none() -> None:
    fit, classes = rows_of(50, 4, 2)
    before = fit.copy()
    fit.flags.writeable = False
    terms = terms_of(fit_gaussians(fit, classes), fit)
    np.testing.assert_array_equal(fit, before)
    assert terms.mahalanobis.dtype == terms.relative_mahalanobis.dtype == np.float32
    assert terms_of(fit_gaussians(fit, classes), fit[:0]).domain.shape == (0,)
