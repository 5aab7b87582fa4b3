"""Which rows can be scored."""

import numpy as np
import pytest

from assayd_server.core.validity import finite, scorable_logits

INF, NAN = np.inf, np.nan


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


@pytest.mark.parametrize(
    ("row", "is_finite"),
    [([0, -3e38], True), ([NAN, 0], False), ([0, INF], False), ([-INF, 0], False), ([], True)],
)
def test_a_row_is_finite_without_nan_and_without_infinities(row: list[float], is_finite: bool) -> None:
    assert finite(np.array([row], np.float64)).tolist() == [is_finite]


@pytest.mark.parametrize("check", [scorable_logits, finite])
def test_each_row_is_judged_by_itself(check) -> None:
    assert check(np.array([[1.0, 2.0], [NAN, 1.0], [0.0, 1.0]])).tolist() == [True, False, True]


@pytest.mark.parametrize("check", [scorable_logits, finite])
def test_no_rows_give_no_verdicts(check) -> None:
    verdicts = check(np.empty((0, 4)))
    assert verdicts.shape == (0,)
    assert verdicts.dtype == np.bool_


@pytest.mark.parametrize("check", [scorable_logits, finite])
def test_values_are_left_as_they_were(check) -> None:
    values = np.array([[1.0, NAN], [INF, 2.0]])
    before = values.copy()
    values.flags.writeable = False
    check(values)
    np.testing.assert_array_equal(values, before)
