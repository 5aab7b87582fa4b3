"""The largest scores, against a full stable sort: with ties, infinities and NaN, in pools small and large."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd_server.core.top_rows import top_rows

INF, NAN = np.inf, np.nan
either_way = pytest.mark.parametrize("descending", [True, False])
FEW = [0.0, -0.0, 0.25, 0.5, 0.5, 1.0, INF, -INF, NAN]


def by_sorting(scores: np.ndarray, count: int, *, descending: bool) -> list[int]:
    order = np.argsort(-scores if descending else scores, kind="stable")
    return order[~np.isnan(scores[order])][:count].tolist()


@st.composite
def scores_with_ties(draw: st.DrawFn) -> np.ndarray:
    """Few distinct values, some of them drawn often."""
    values = draw(st.lists(st.sampled_from(FEW), min_size=1, max_size=5))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return draw(npst.arrays(dtype, st.integers(0, 300), elements=st.sampled_from(values)))


@given(scores=scores_with_ties(), count=st.integers(0, 40), descending=st.booleans())
@settings(derandomize=True, deadline=None, max_examples=400)
def test_scores_with_ties_are_ranked_as_by_a_full_stable_sort(
    scores: np.ndarray, count: int, descending: bool
) -> None:
    assert top_rows(scores, count, descending=descending).tolist() == by_sorting(
        scores, count, descending=descending
    )


@either_way
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 2, 999, 1000, 6250, 60_000, 100_000, 200_000])
@pytest.mark.parametrize("digits", [1, 3, 17])
def test_a_large_pool_is_ranked_as_by_a_full_stable_sort(
    count: int, digits: int, dtype: type[np.floating], descending: bool
) -> None:
    rng = np.random.default_rng(count)
    scores = rng.normal(size=100_003).round(digits).astype(dtype)
    scores[rng.integers(0, len(scores), 5000)] = NAN
    chosen = top_rows(scores, count, descending=descending)
    assert chosen.tolist() == by_sorting(scores, count, descending=descending)


@either_way
def test_sorted_pools_are_ranked_as_any_other(descending: bool) -> None:
    for scores in (np.arange(10_000.0), -np.arange(10_000.0), np.sort(np.arange(10_000) % 7.0)):
        assert top_rows(scores, 50, descending=descending).tolist() == by_sorting(
            scores, 50, descending=descending
        )


@either_way
@pytest.mark.parametrize("row_count", [5, 20_000])
def test_ties_at_the_cut_go_to_the_lower_positions(row_count: int, descending: bool) -> None:
    assert top_rows(np.full(row_count, 0.5), 3, descending=descending).tolist() == [0, 1, 2]


@either_way
def test_among_almost_nothing_but_nan_the_few_scores_are_found(descending: bool) -> None:
    scores = np.full(20_000, NAN)
    scores[[700, 5, 19_999]] = [1, 1, 2]
    expected = [19_999, 5, 700] if descending else [5, 700, 19_999]
    assert top_rows(scores, 10, descending=descending).tolist() == expected


@either_way
@pytest.mark.parametrize("scores", [[], [NAN], [NAN] * 20_000])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_where_nothing_can_be_selected_nothing_is(scores: list[float], count: int, descending: bool) -> None:
    chosen = top_rows(np.array(scores), count, descending=descending)
    assert (chosen.tolist(), chosen.dtype) == ([], np.int64)


def test_infinities_are_scores_like_any_other() -> None:
    scores = np.array([0.0, -INF, INF, NAN, INF])
    assert top_rows(scores, 5).tolist() == [2, 4, 0, 1]
    assert top_rows(scores, 5, descending=False).tolist() == [1, 0, 2, 4]


@either_way
def test_scores_that_are_read_only_are_left_as_they_were(descending: bool) -> None:
    scores = np.random.default_rng(0).random(5000)
    before = scores.copy()
    scores.flags.writeable = False
    top_rows(scores, 7, descending=descending)
    np.testing.assert_array_equal(scores, before)
