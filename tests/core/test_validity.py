"""Which rows can be scored."""

import numpy as np
import pytest

from assayd_server.core.validity import finite, scorable_logits, scorable_probabilities

INF, NAN = np.inf, np.nan
every_check = pytest.mark.parametrize("check", [scorable_logits, scorable_probabilities, finite])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("row", "scorable"),
    [
        ([0, 0], True),
        ([-INF, 0], True),
        ([3e38, -3e38], True),
        ([-3e38, -INF], True),
        ([NAN, 0], False),
        ([0, NAN], False),
        ([NAN, -INF], False),
        ([INF, 0], False),
        ([INF, -INF], False),
        ([INF, NAN], False),
        ([-INF, -INF], False),
    ],
)
def test_a_row_of_logits_is_scorable_where_its_softmax_is_defined(
    row: list[float], scorable: bool, dtype: type[np.floating]
) -> None:
    assert scorable_logits(np.array([row], dtype)).tolist() == [scorable]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("row", "scorable"),
    [
        ([0.5, 0.5], True),
        ([0, 1], True),
        ([0.5, 0.509], True),
        ([0.5, 0.491], True),
        ([0.5, 0.511], False),
        ([0.5, 0.489], False),
        ([0, 0], False),
        ([1.5, -0.5], False),
        ([1, -1e-6], False),
        ([1, -0.0], True),
        ([NAN, 1], False),
        ([INF, 0], False),
        ([INF, -INF], False),
        ([3e38, 3e38], False),
        ([-3e38, -3e38], False),
    ],
)
def test_a_row_of_probabilities_is_scorable_where_none_is_negative_and_their_sum_is_one(
    row: list[float], scorable: bool, dtype: type[np.floating]
) -> None:
    assert scorable_probabilities(np.array([row], dtype)).tolist() == [scorable]


@pytest.mark.parametrize(
    ("row", "is_finite"),
    [([0, -3e38], True), ([NAN, 0], False), ([0, INF], False), ([-INF, 0], False), ([], True)],
)
def test_a_row_is_finite_without_nan_and_without_infinities(row: list[float], is_finite: bool) -> None:
    assert finite(np.array([row], np.float64)).tolist() == [is_finite]


@every_check
def test_each_row_is_judged_by_itself(check) -> None:
    assert check(np.array([[0.25, 0.75], [NAN, 1.0], [0.0, 1.0]])).tolist() == [True, False, True]


@every_check
def test_no_rows_give_no_verdicts(check) -> None:
    verdicts = check(np.empty((0, 4)))
    assert verdicts.shape == (0,)
    assert verdicts.dtype == np.bool_


@every_check
def test_values_are_left_as_they_were(check) -> None:
    values = np.array([[1.0, NAN], [INF, 2.0]])
    before = values.copy()
    values.flags.writeable = False
    check(values)
    np.testing.assert_array_equal(values, before)
