"""How hard an index searches: the least that does."""

import pytest

from assayd_server.index_effort import Effort, effort_of, least_effort
from assayd_server.index_kind import Kind


def test_the_narrowest_search_that_reaches_the_target_is_taken_and_then_the_fewest_proposals() -> None:
    tried = []

    def recall_of(effort: Effort) -> float:
        tried.append((effort.width, effort.fetch))
        return 0.99 if effort.width >= 5 and effort.fetch >= 3 else 0.9

    assert least_effort(Kind.LSH, width_max=100, recall_of=recall_of) == Effort(Kind.LSH, 6, 3.0)
    assert tried[:5] == [(1, 16.0), (2, 16.0), (3, 16.0), (4, 16.0), (6, 16.0)]
    assert tried[5:] == [(6, 1.0), (6, 1.25), (6, 1.5), (6, 2.0), (6, 3.0)]


def test_where_codes_are_too_rough_no_more_is_searched_than_they_are_worth() -> None:
    def recall_of(effort: Effort) -> float:
        return min(0.7 + 0.01 * effort.fetch, 0.5 + 0.05 * effort.width)

    assert least_effort(Kind.LSH, width_max=100, recall_of=recall_of) == Effort(Kind.LSH, 8, 16.0)
    assert least_effort(Kind.LSH, width_max=3, recall_of=recall_of) == Effort(Kind.LSH, 3, 1.0)
    assert least_effort(Kind.HNSW, width_max=37, recall_of=lambda _: 0.5) == Effort(Kind.HNSW, 37, 1.0)


def test_a_graph_of_enough_rows_is_never_walked_with_few_in_sight() -> None:
    assert least_effort(Kind.HNSW, width_max=1000, recall_of=lambda _: 1.0) == Effort(Kind.HNSW, 64, 1.0)


def test_more_neighbours_than_were_measured_take_a_wider_search() -> None:
    assert [Effort(Kind.IVF, 8, 1.5).width_for(count) for count in (1, 101, 102, 1010)] == [8, 8, 9, 80]


def test_of_rough_codes_a_few_neighbours_take_as_many_proposals_as_forty() -> None:
    assert [Effort(Kind.LSH, 8, 1.5).proposals_for(count) for count in (1, 40, 101)] == [60, 60, 152]


def test_of_codes_of_a_byte_a_number_neighbours_take_proposals_for_twelve_more() -> None:
    assert [Effort(Kind.HNSW, 64, 1.5).proposals_for(count) for count in (1, 10, 101)] == [20, 33, 170]


@pytest.mark.parametrize("kind", [Kind.LSH, Kind.HNSW, Kind.IVF, Kind.IVFPQ])
def test_an_effort_is_what_its_parameters_say(kind: Kind) -> None:
    effort = Effort(kind, 12, 1.25)
    assert effort_of(kind, effort.parameters) == effort
    with pytest.raises(ValueError, match="out of range"):
        effort_of(kind, effort.parameters | {"fetch": "0.5"})
