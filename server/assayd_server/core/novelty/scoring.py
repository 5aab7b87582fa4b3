"""The scores of rows by many measures, of which those of the embedding share one projection."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.novelty.gaussians import Gaussians, Terms, distance_terms, domain_distance
from assayd_server.core.novelty.knn_distance import Neighbors, knn_distance
from assayd_server.core.novelty.logit_novelty import (
    energy,
    gen_of_logits,
    gen_of_probabilities,
    max_logit,
    msp_of_logits,
    msp_of_probabilities,
)
from assayd_server.core.novelty.measures import Need, NoveltyMeasure
from assayd_server.core.novelty.usable import LARGEST, bounded, clipped
from assayd_server.core.novelty.vim import Vim, vim
from assayd_server.core.validity import scorable_probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What a forward pass says of n rows, as far as there is it."""

    logits: Floats | None = None
    """(n, c), c >= 2."""
    probabilities: Floats | None = None
    """(n, c), c >= 2; not looked at where there are logits."""
    embeddings: Floats | None = None
    """(n, d), float32 or float64."""
    temperature: float = 1.0
    """Divides the logits, above 0; probabilities have theirs already."""
    scores: Mapping[NoveltyMeasure, Floats] = field(default_factory=dict)
    """(n,) float32 each, as novelty_scores has them: of measures that were taken already."""

    @property
    def given(self) -> frozenset[Need]:
        """What of it there is."""
        values = {
            Need.LOGITS: self.logits,
            Need.PROBABILITIES: self.probabilities,
            Need.EMBEDDING: self.embeddings,
        }
        return frozenset(need for need, rows in values.items() if rows is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What the measures that look at the embedding know of a reference, as far as there is it."""

    gaussians: Gaussians | None = None
    neighbors: Neighbors | None = None
    vim: Vim | None = None


_OF_LOGITS: Mapping[NoveltyMeasure, Callable[[Floats, float], Floats]] = {
    NoveltyMeasure.MSP: msp_of_logits,
    NoveltyMeasure.MAX_LOGIT: lambda logits, _: max_logit(logits),
    NoveltyMeasure.ENERGY: energy,
    NoveltyMeasure.GEN: gen_of_logits,
}
_OF_PROBABILITIES: Mapping[NoveltyMeasure, Callable[[Floats], Floats]] = {
    NoveltyMeasure.MSP: msp_of_probabilities,
    NoveltyMeasure.GEN: gen_of_probabilities,
}
_OF_TERMS: Mapping[NoveltyMeasure, Callable[[Terms], Floats]] = {
    NoveltyMeasure.MAHALANOBIS: lambda terms: terms.mahalanobis,
    NoveltyMeasure.RELATIVE_MAHALANOBIS: lambda terms: terms.relative_mahalanobis,
    NoveltyMeasure.DOMAIN: lambda terms: terms.domain,
}


def novelty_scores(
    fitted: Fitted, outputs: Outputs, measures: Collection[NoveltyMeasure]
) -> dict[NoveltyMeasure, Floats]:
    """The score of each row by each measure, larger for stranger rows.

    Args:
        fitted: what the measures need.
        outputs: what the measures need.
        measures: any but the combined one, which has no score without a calibration.

    Returns:
        (n,) float32 each, finite; NaN for a row of which what the measure needs is not valid.
    """
    scores = {measure: values for measure, values in outputs.scores.items() if measure in measures}
    measures = [measure for measure in measures if measure not in scores]  # in their order, which files keep
    scores |= {measure: _of_scores(outputs, measure) for measure in measures if measure in _OF_LOGITS}
    scores |= _distances(fitted.gaussians, outputs.embeddings, [one for one in measures if one in _OF_TERMS])
    embeddings, logits = outputs.embeddings, outputs.logits
    if NoveltyMeasure.KNN in measures:
        assert fitted.neighbors
        assert embeddings is not None
        scores[NoveltyMeasure.KNN] = knn_distance(fitted.neighbors, embeddings)
    if NoveltyMeasure.VIM in measures:
        assert fitted.vim
        assert embeddings is not None
        assert logits is not None
        scores[NoveltyMeasure.VIM] = clipped(vim(fitted.vim, embeddings, logits))
    return scores


def domain_scores(gaussians: Gaussians, embeddings: Floats) -> Floats:
    """The distance from all rows together, by itself: (n, d) to (n,) float32, as novelty_scores has it."""
    distances = domain_distance(gaussians, embeddings)
    if distances.max(initial=0.0) < LARGEST:
        return distances.astype(np.float32)
    return bounded(distances, embeddings)


def _of_scores(outputs: Outputs, measure: NoveltyMeasure) -> Floats:
    """From logits where there are logits."""
    if outputs.logits is not None:
        return clipped(_OF_LOGITS[measure](outputs.logits, outputs.temperature))
    assert outputs.probabilities is not None
    values = clipped(_OF_PROBABILITIES[measure](outputs.probabilities))
    values[~scorable_probabilities(outputs.probabilities)] = float("nan")
    return values


def _distances(
    gaussians: Gaussians | None, embeddings: Floats | None, measures: Collection[NoveltyMeasure]
) -> dict[NoveltyMeasure, Floats]:
    """The Mahalanobis distances; the relative one by itself needs the fewest coordinates."""
    if not measures:
        return {}
    assert gaussians
    assert embeddings is not None
    if {*measures} == {NoveltyMeasure.DOMAIN}:
        return {NoveltyMeasure.DOMAIN: domain_scores(gaussians, embeddings)}
    terms = distance_terms(
        gaussians, embeddings, with_outside={*measures} != {NoveltyMeasure.RELATIVE_MAHALANOBIS}
    )
    return {measure: bounded(_OF_TERMS[measure](terms), embeddings) for measure in measures}
