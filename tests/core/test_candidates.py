"""The candidates of SEALS against sets and dictionaries."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assayd_server.core.candidates import NONE, Candidates, each_once, merged, neighbors_of

REACHED = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 5), st.sampled_from([0.25, 0.5, 0.75])), max_size=40
)


def candidates(triples: list[tuple[int, int, float]]) -> Candidates:
    rows, sources, similarities = (np.array([t[i] for t in triples]) for i in range(3))
    return each_once(rows.astype(np.int64), sources.astype(np.int64), similarities.astype(np.float32))


def by_row(found: Candidates) -> dict[int, tuple[int, float]]:
    return {
        row: (source, similarity)
        for row, source, similarity in zip(
            found.rows.tolist(), found.sources.tolist(), found.similarities.tolist(), strict=True
        )
    }


def best(triples: list[tuple[int, int, float]]) -> dict[int, tuple[int, float]]:
    """By another road: the best of all that reach a row."""
    reached: dict[int, list[tuple[float, int]]] = {}
    for row, source, similarity in triples:
        reached.setdefault(row, []).append((-similarity, source))
    return {row: (min(ways)[1], -min(ways)[0]) for row, ways in reached.items()}


def test_the_neighbours_of_two_rows_by_hand() -> None:
    neighbors = np.array([[3, 4, 0], [4, 5, 0]])
    similarities = np.array([[0.9, 0.8, np.nan], [0.85, 0.7, np.nan]], np.float32)
    found = neighbors_of(np.array([1, 2]), neighbors, similarities)
    assert found.rows.tolist() == [3, 4, 5]
    assert found.sources.tolist() == [1, 2, 2]
    np.testing.assert_array_equal(found.similarities, np.array([0.9, 0.85, 0.7], np.float32))


@given(REACHED)
def test_a_row_keeps_its_most_similar_source_and_of_those_the_lowest(triples: list) -> None:
    found = candidates(triples)
    assert by_row(found) == best(triples)
    assert (np.diff(found.rows) > 0).all()


@given(REACHED, st.randoms())
def test_the_order_in_which_rows_are_reached_does_not_matter(triples: list, random: object) -> None:
    shuffled = list(triples)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert by_row(candidates(shuffled)) == by_row(candidates(triples))


@given(REACHED, REACHED)
def test_rounds_one_after_the_other_come_to_what_all_at_once_would(first: list, second: list) -> None:
    union, added = merged(candidates(first), candidates(second))
    assert by_row(union) == best(first + second)
    before = best(first)
    assert by_row(added) == {row: way for row, way in best(first + second).items() if before.get(row) != way}


def test_labelled_rows_are_left_out() -> None:
    found = candidates([(1, 0, 0.5), (2, 0, 0.5), (3, 0, 0.5)]).without(np.array([2]))
    assert found.rows.tolist() == [1, 3]


def test_the_most_similar_come_first_and_ties_by_row() -> None:
    found = candidates([(9, 0, 0.75), (1, 0, 0.5), (2, 0, 0.75)]).most_similar_first()
    assert found.rows.tolist() == [2, 9, 1]


def test_no_candidates_at_all() -> None:
    union, added = merged(NONE, NONE)
    assert (len(union), len(added), len(NONE.most_similar_first())) == (0, 0, 0)
