"""merge_rankings: the best of all, ties and ends included, or one sentence on what does not fit."""

from typing import Any

import numpy as np
import pytest

from assayd import FailedPreconditionError, InvalidArgumentError, ModelIdentity, Ranking, merge_rankings


def ranking(positions: list[int], scores: list[float], **more: Any) -> Ranking:
    return Ranking(np.array(positions, np.int64), np.array(scores, np.float32), **more)


FIRST = ranking([1, 0], [0.9, 0.5], row_count=10, invalid_count=2, invalid_positions=(3, 7))
SECOND = ranking([12, 11], [0.9, 0.7], row_count=20, invalid_count=1, invalid_positions=(15,))


def test_the_best_of_all_come_first_and_ties_go_to_the_lower_position() -> None:
    merged = merge_rankings([SECOND, FIRST], 3)
    assert merged.positions.tolist() == [1, 12, 11]
    np.testing.assert_array_equal(merged.scores, np.float32([0.9, 0.9, 0.7]))
    assert (merged.row_count, merged.invalid_count, merged.invalid_positions) == (30, 3, (3, 7, 15))


def test_the_least_of_all_come_first_where_it_is_asked() -> None:
    assert merge_rankings([FIRST, SECOND], 2, order="ascending").positions.tolist() == [0, 11]


def test_fewer_come_where_there_are_fewer() -> None:
    assert len(merge_rankings([FIRST], 100)) == 2


def test_draws_are_merged_by_their_keys() -> None:
    drawn = [
        ranking([0], [0.9], keys=np.array([-3.0]), ids=np.array([7])),
        ranking([5], [0.1], keys=np.array([-1.0]), ids=np.array([8])),
    ]
    merged = merge_rankings(drawn, 1)
    assert (merged.positions.tolist(), merged.ids.tolist(), merged.keys.tolist()) == ([5], [8], [-1.0])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "rankings: there are none to merge"),
        (
            [FIRST, ranking([2], [0.1], keys=np.array([1.0]))],
            "rankings: 1 of 2 have keys, allowed are all or none",
        ),
        ([FIRST, ranking([2], [0.1], ids=np.array([1]))], "rankings: 1 of 2 have ids, allowed are all or none"),
    ],
)
def test_what_cannot_be_merged_is_refused(parts: list[Ranking], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        merge_rankings(parts, 5)
    assert caught.value.message == message


@pytest.mark.parametrize(("count", "order"), [(0, "descending"), (1, "upwards")])
def test_a_count_or_an_order_that_is_none_is_refused(count: int, order: str) -> None:
    with pytest.raises(InvalidArgumentError):
        merge_rankings([FIRST], count, order=order)


def test_rankings_of_different_models_are_not_merged() -> None:
    parts = [ranking([0], [0.1], model=ModelIdentity("m", 1, digest)) for digest in ("sha256:a", "sha256:b")]
    with pytest.raises(FailedPreconditionError, match="from different models: sha256:a and sha256:b"):
        merge_rankings(parts, 1)
    assert merge_rankings(parts[:1] * 2, 1).model == parts[0].model


def test_columns_are_those_of_a_table() -> None:
    assert list(FIRST.columns()) == ["position", "score"]
    assert list(ranking([0], [0.1], ids=np.array([5])).columns()) == ["position", "id", "score"]
