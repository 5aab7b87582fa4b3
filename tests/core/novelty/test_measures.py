"""Which measure needs what."""

import pytest

from assayd_server.core.novelty.measures import (
    COSTLY,
    NEEDS,
    Need,
    NoveltyMeasure,
    available,
    combined_measures,
    missing,
)

M = NoveltyMeasure
ALL = frozenset(Need)


def test_every_measure_says_what_it_needs() -> None:
    assert NEEDS.keys() == {*M} - {M.COMBINED}
    assert available(ALL) == tuple(M)


@pytest.mark.parametrize(
    ("given", "measures"),
    [
        ({Need.PROBABILITIES}, {M.MSP, M.GEN, M.COMBINED}),
        ({Need.LOGITS}, {M.MSP, M.MAX_LOGIT, M.ENERGY, M.GEN, M.COMBINED}),
        ({Need.EMBEDDING}, {M.KNN, M.MAHALANOBIS, M.DOMAIN, M.COMBINED}),
        (
            {Need.EMBEDDING, Need.CLASSES},
            {M.KNN, M.MAHALANOBIS, M.RELATIVE_MAHALANOBIS, M.DOMAIN, M.COMBINED},
        ),
        (set(), set()),
    ],
)
def test_measures_are_available_where_what_they_need_is(given: set[Need], measures: set[M]) -> None:
    assert {*available(given)} == measures


def test_what_is_missing_is_named() -> None:
    assert missing(M.VIM, {Need.PROBABILITIES}) == {Need.LOGITS, Need.EMBEDDING}
    assert missing(M.GEN, {Need.LOGITS}) == set()
    assert missing(M.COMBINED, {Need.CLASSES}) == {Need.PROBABILITIES, Need.EMBEDDING}
    assert missing(M.COMBINED, {Need.EMBEDDING}) == set()


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (ALL, (M.RELATIVE_MAHALANOBIS, M.GEN)),
        ({Need.PROBABILITIES, Need.EMBEDDING}, (M.MAHALANOBIS, M.GEN)),
        ({Need.CLASSES, Need.EMBEDDING}, (M.RELATIVE_MAHALANOBIS,)),
        ({Need.EMBEDDING}, (M.MAHALANOBIS,)),
        ({Need.LOGITS}, (M.GEN,)),
        (set(), ()),
    ],
)
def test_the_best_measures_that_there_are_are_combined(given: set[Need], parts: tuple[M, ...]) -> None:
    assert combined_measures(available(given)) == parts
    assert not {*parts} & COSTLY
