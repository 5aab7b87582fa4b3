"""Candidates: how those of several rounds and several calls go together, and what is sent of them."""

from typing import Any

import numpy as np
import pytest

from assayd import Candidates, InvalidArgumentError
from assayd.arrays import decode
from assayd.candidates import candidates_message, checked_candidates, merged_candidates, no_candidates


def candidates(*rows: tuple[Any, Any, float], pool_digest: str = "") -> Candidates:
    ids, sources, similarities = zip(*rows, strict=True)
    kind = object if isinstance(ids[0], str) else np.int64
    return Candidates(
        np.array(ids, kind), np.array(sources, kind), np.array(similarities, np.float32), pool_digest
    )


def rows(found: Candidates) -> list[tuple[Any, Any, float]]:
    return [
        (each, source, round(float(similarity), 3))
        for each, source, similarity in zip(found.ids, found.sources, found.similarities, strict=True)
    ]


OLD = candidates((1, 7, 0.5), (2, 7, 0.9), (3, 8, 0.1))


def test_of_what_is_added_the_more_similar_source_stands() -> None:
    updated = OLD.updated(candidates((3, 9, 0.2), (4, 9, 0.3), (2, 9, 0.8)))
    assert sorted(rows(updated)) == [(1, 7, 0.5), (2, 7, 0.9), (3, 9, 0.2), (4, 9, 0.3)]


def test_at_a_tie_what_was_added_stands() -> None:
    assert sorted(rows(OLD.updated(candidates((1, 9, 0.5))))) == [(1, 9, 0.5), (2, 7, 0.9), (3, 8, 0.1)]


def test_texts_are_candidates_too() -> None:
    updated = candidates(("b", "x", 0.5)).updated(candidates(("a", "y", 0.5), ("b", "y", 0.7)))
    assert sorted(rows(updated)) == [("a", "y", 0.5), ("b", "y", 0.7)]
    assert rows(updated.without({"b"})) == [("a", "y", 0.5)]


def test_nothing_has_no_kind_of_ids() -> None:
    texts = candidates(("b", "x", 0.5))
    assert no_candidates().updated(texts) is texts
    assert texts.updated(no_candidates()) is texts


def test_labelled_rows_are_taken_out() -> None:
    assert rows(OLD.without([2, 5])) == [(1, 7, 0.5), (3, 8, 0.1)]
    assert len(OLD.without(OLD.ids)) == len(no_candidates().without([1])) == 0


def test_the_pool_is_that_of_either() -> None:
    one, other, none = (candidates((5, 1, 0.1), pool_digest=digest) for digest in ("sha256:1", "sha256:2", ""))
    assert one.updated(none).pool_digest == none.updated(one).pool_digest == "sha256:1"
    with pytest.raises(InvalidArgumentError, match="added: are of the pool sha256:2, these of sha256:1"):
        one.updated(other)


def test_candidates_of_another_kind_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="added: are text and these numbers"):
        OLD.updated(candidates(("b", "x", 0.5)))


def test_columns_have_these_names() -> None:
    assert {name: values.tolist() for name, values in candidates((1, 7, 0.5)).columns().items()} == {
        "id": [1],
        "source": [7],
        "similarity": [0.5],
    }


def test_parts_together_keep_the_most_similar_source_and_the_smaller_id_of_a_tie() -> None:
    parts = [
        candidates((5, 30, 0.9), (4, 30, 0.5)),
        no_candidates(),
        candidates((5, 20, 0.9), (4, 20, 0.6), (1, 20, 0.6)),
    ]
    assert rows(merged_candidates(parts)) == [(5, 20, 0.9), (1, 20, 0.6), (4, 20, 0.6)]


def test_parts_together_may_be_texts_or_nothing() -> None:
    parts = [candidates(("b", "x", 0.5)), candidates(("a", "y", 0.5), ("b", "w", 0.5))]
    assert rows(merged_candidates(parts)) == [("a", "y", 0.5), ("b", "w", 0.5)]
    nothing = no_candidates()
    assert merged_candidates([nothing, nothing]) is nothing
    assert merged_candidates([nothing, OLD]) is OLD


def test_a_message_holds_the_three_arrays() -> None:
    message = candidates_message(OLD)
    assert decode(message.ids).tolist() == [1, 2, 3]
    assert decode(message.sources).tolist() == [7, 7, 8]
    assert decode(message.similarities).dtype == np.float32
    assert candidates_message(no_candidates()) is None


def test_lists_will_do() -> None:
    checked = checked_candidates(Candidates([1, 2], (3, 4), [0.5, 0.25]))  # type: ignore[arg-type]
    assert rows(checked) == [(1, 3, 0.5), (2, 4, 0.25)]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            ([1, 2], [3], [0.5, 0.5]),
            "candidates: have 2 ids, 1 sources and similarities of shape [2], which must be as",
        ),
        (
            ([1], [3], [[0.5]]),
            "candidates: have 1 ids, 1 sources and similarities of shape [1, 1], which must be as",
        ),
        (
            ([1], ["a"], [0.5]),
            "candidates.sources: are text and candidates.ids numbers, a pool has ids of one kind",
        ),
        (([0.5], [1], [0.5]), "candidates.ids: has an element of type float"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(arrays: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        checked_candidates(Candidates(*arrays))
    assert caught.value.message.startswith(message)
    assert caught.value.field.startswith("candidates")
