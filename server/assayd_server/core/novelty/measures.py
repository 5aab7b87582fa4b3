"""Measures of novelty: how strange a row is beside the rows of a reference. More is always stranger."""

from collections.abc import Collection
from enum import StrEnum


class Need(StrEnum):
    """What a measure is made from."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"
    """Logits do as well."""
    EMBEDDING = "embedding"
    CLASSES = "classes"
    """Rows of two classes or more in the reference."""


class NoveltyMeasure(StrEnum):
    """A measure of novelty, by the name that callers use."""

    MSP = "msp"
    """1 - p1, how far the most probable class is from certain."""
    MAX_LOGIT = "max_logit"
    ENERGY = "energy"
    GEN = "gen"
    """A generalized entropy, which sees the smallest probabilities too."""
    KNN = "knn"
    """The distance to the k-th nearest row of the reference."""
    MAHALANOBIS = "mahalanobis"
    """From the nearest class."""
    RELATIVE_MAHALANOBIS = "relative_mahalanobis"
    """From the nearest class, less that from all rows together."""
    VIM = "vim"
    """What of the embedding lies outside of its principal components, and energy."""
    DOMAIN = "domain"
    """The Mahalanobis distance from all rows together: large where a row has nothing to do with them."""
    COMBINED = "combined"
    """Of several measures, the mean of -ln p: see combination.py."""


NEEDS: dict[NoveltyMeasure, frozenset[Need]] = {
    NoveltyMeasure.MSP: frozenset({Need.PROBABILITIES}),
    NoveltyMeasure.MAX_LOGIT: frozenset({Need.LOGITS}),
    NoveltyMeasure.ENERGY: frozenset({Need.LOGITS}),
    NoveltyMeasure.GEN: frozenset({Need.PROBABILITIES}),
    NoveltyMeasure.KNN: frozenset({Need.EMBEDDING}),
    NoveltyMeasure.MAHALANOBIS: frozenset({Need.EMBEDDING}),
    NoveltyMeasure.RELATIVE_MAHALANOBIS: frozenset({Need.EMBEDDING, Need.CLASSES}),
    NoveltyMeasure.VIM: frozenset({Need.LOGITS, Need.EMBEDDING}),
    NoveltyMeasure.DOMAIN: frozenset({Need.EMBEDDING}),
}
"""Of every measure but the combined one, which is made of others."""

COSTLY = frozenset({NoveltyMeasure.KNN, NoveltyMeasure.VIM})
"""What is measured only where a caller asks for it."""

_COMBINATIONS = (
    (NoveltyMeasure.RELATIVE_MAHALANOBIS, NoveltyMeasure.GEN),
    (NoveltyMeasure.RELATIVE_MAHALANOBIS,),
    (NoveltyMeasure.MAHALANOBIS, NoveltyMeasure.GEN),
    (NoveltyMeasure.MAHALANOBIS,),
    (NoveltyMeasure.GEN,),
)
"""What is combined, the best first; in a reference of one class every relative distance is 0."""


def missing(measure: NoveltyMeasure, given: Collection[Need]) -> frozenset[Need]:
    """What a measure needs beyond what is given; nothing where it can be taken.

    Args:
        measure: any; a combination needs probabilities or an embedding, and names both where it has neither.
        given: what there is; logits stand for probabilities too.
    """
    has = {*given} | ({Need.PROBABILITIES} if Need.LOGITS in given else set())
    if measure is NoveltyMeasure.COMBINED:
        either = frozenset({Need.PROBABILITIES, Need.EMBEDDING})
        return frozenset() if either & has else either
    return NEEDS[measure] - has


def available(given: Collection[Need]) -> tuple[NoveltyMeasure, ...]:
    """The measures that can be taken of what is given, in the order of their declaration."""
    return tuple(measure for measure in NoveltyMeasure if not missing(measure, given))


def combined_measures(measures: Collection[NoveltyMeasure]) -> tuple[NoveltyMeasure, ...]:
    """Which of these measures the combined one is made of; none where there is nothing to combine."""
    return next((parts for parts in _COMBINATIONS if set(parts) <= set(measures)), ())
