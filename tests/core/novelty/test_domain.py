"""The distance from all rows together, taken by itself and of strange rows alone, is the one taken with others."""

import numpy as np
import pytest

from assayd_server.core.novelty import (
    NoveltyMeasure,
    NoveltyReference,
    Outputs,
    domain_p_values,
    fit_novelty,
    row_novelty,
)

WIDTH = 8
RANDOM = np.random.default_rng(0)


def reference(center: float) -> NoveltyReference:
    """Of two classes about some point, in whose coordinates large numbers are subtracted first."""
    classes = np.arange(400) % 2
    rows = RANDOM.normal(size=(400, WIDTH)) + center + 4 * classes[:, None]
    fit, calibration = (Outputs(embeddings=rows[part].astype(np.float32)) for part in np.split(np.arange(400), 2))
    return fit_novelty(fit, classes[:200], calibration, classes[200:])


REFERENCES = {"near": reference(0.0), "far": reference(1e6)}


def odd_rows(center: float, dtype: type) -> np.ndarray:
    rows = (RANDOM.normal(size=(6, WIDTH)) + center).astype(dtype)
    rows[1], rows[2, 0], rows[3, 1] = 1e36, np.nan, np.inf
    if dtype is np.float64:
        rows[4] = 1e300
    return rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("where", "center"), [("near", 0.0), ("far", 1e6)])
@pytest.mark.parametrize("are_odd", [True, False])
def test_by_itself_it_is_what_it_is_beside_others(where: str, center: float, dtype: type, are_odd: bool) -> None:
    known, rows = REFERENCES[where], odd_rows(center, dtype)
    rows = rows if are_odd else rows[[0, 5]]
    alone = row_novelty(known, Outputs(embeddings=rows), [NoveltyMeasure.DOMAIN])[NoveltyMeasure.DOMAIN]
    beside = row_novelty(known, Outputs(embeddings=rows), [NoveltyMeasure.MAHALANOBIS, NoveltyMeasure.DOMAIN])[
        NoveltyMeasure.DOMAIN
    ]
    np.testing.assert_allclose(alone.scores, beside.scores, rtol=1e-5)
    np.testing.assert_array_equal(alone.p_values, beside.p_values)
    if are_odd:
        assert np.isnan(alone.p_values).tolist() == [False, False, True, True, dtype is np.float64, False]
        assert alone.p_values[1] == known.calibrations[NoveltyMeasure.DOMAIN].p_value_min


def test_of_rows_that_are_not_strange_nothing_is_said() -> None:
    known, rows = REFERENCES["near"], odd_rows(0.0, np.float32)
    whole = row_novelty(known, Outputs(embeddings=rows), [NoveltyMeasure.DOMAIN])[NoveltyMeasure.DOMAIN].p_values
    strange = np.array([False, True, True, False, False, True])
    found = domain_p_values(known, rows, strange)
    np.testing.assert_array_equal(found[strange], whole[strange])
    assert np.isnan(found[~strange]).all()
    assert np.isnan(domain_p_values(known, rows, np.zeros(6, bool))).all()
