"""Holm's correction: worked values, its definition, and the bound that it keeps."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.drift.holm import holm

P_VALUES = st.lists(st.one_of(st.sampled_from([0.0, 0.01, 0.05, 1.0]), st.floats(0, 1)), max_size=8)
modest = settings(derandomize=True, deadline=None, max_examples=80)


def test_holm_by_hand() -> None:
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, 0.02], rtol=1e-14)


def test_no_column_and_one_column() -> None:
    assert holm(np.empty(0)).tolist() == []
    assert holm(np.array([0.2])).tolist() == [0.2]


@given(p_values=P_VALUES, alpha=st.sampled_from([0.01, 0.05, 0.2]))
@modest
def test_it_rejects_what_stepping_down_rejects(p_values: list[float], alpha: float) -> None:
    rejected = set()
    for step, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] * (len(p_values) - step) > alpha:
            break
        rejected.add(int(place))
    assert set(np.flatnonzero(holm(np.array(p_values)) <= alpha)) == rejected


@given(p_values=P_VALUES)
@modest
def test_adjusted_values_are_probabilities_no_smaller_and_in_the_same_order(p_values: list[float]) -> None:
    before, after = np.array(p_values), holm(np.array(p_values))
    assert ((after >= before) & (after <= 1)).all()
    assert (np.diff(after[np.argsort(before, kind="stable")]) >= 0).all()


def test_any_false_alarm_among_many_columns_is_as_rare_as_is_said() -> None:
    draws = np.random.default_rng(1).random((20_000, 12))
    assert abs(np.mean([(holm(row) <= 0.05).any() for row in draws]) - 0.05) < 0.005
