"""False discovery rates: SciPy's adjusted p-values, and the share of errors among what is called novel."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from assayd_server.core.novelty.conformal import calibrated
from assayd_server.core.novelty.discoveries import discoveries

NAN = np.nan


def test_worked_values() -> None:
    assert discoveries(np.array([0.04, 0.01, 0.5, 0.03]), 0.05).tolist() == [False, True, False, False]


@given(p_values=st.lists(st.one_of(st.floats(0, 1), st.just(NAN)), max_size=40), rate=st.floats(0.01, 0.9))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_discoveries_are_the_rows_whose_adjusted_p_value_of_scipy_is_at_most_the_rate(
    p_values: list[float], rate: float
) -> None:
    values = np.array(p_values, np.float64)
    valid = ~np.isnan(values)
    expected = np.zeros(len(values), np.bool_)
    if valid.any():
        expected[valid] = false_discovery_control(values[valid]) <= rate
    np.testing.assert_array_equal(discoveries(values, rate), expected)


def test_rows_without_a_p_value_are_no_discoveries_and_do_not_count() -> None:
    assert discoveries(np.array([NAN, 0.01]), 0.05).tolist() == [False, True]
    assert discoveries(np.array([NAN]), 0.05).tolist() == [False]
    assert discoveries(np.empty(0), 0.05).shape == (0,)


def test_among_discoveries_with_one_calibration_the_share_of_errors_is_what_was_asked_for() -> None:
    random = np.random.default_rng(0)
    shares = []
    for _ in range(400):
        calibration = calibrated(random.normal(size=1000).astype(np.float32), np.zeros(1000, int))
        scores = np.concatenate([random.normal(size=160), random.normal(4, 1, 40)]).astype(np.float32)
        found = discoveries(calibration.p_values(scores), 0.1)
        shares.append(found[:160].sum() / max(found.sum(), 1))
    assert 0.06 < np.mean(shares) <= 0.1
