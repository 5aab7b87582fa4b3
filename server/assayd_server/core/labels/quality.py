"""How far a model agrees with each given label: low for labels that are worth a second look."""

import math
from collections.abc import Callable
from enum import StrEnum

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.blocks import blocks
from assayd_server.core.entropies import entropies
from assayd_server.core.labels.questions import UNKNOWN


class Quality(StrEnum):
    """A measure of label quality, by the name that callers use. All are in [0, 1], and higher is better."""

    SELF_CONFIDENCE = "self_confidence"
    """p_y, the probability of the given label."""
    NORMALIZED_MARGIN = "normalized_margin"
    """(p_y - max p_j + 1) / 2 over all other j: above 1/2 where the given label is the most probable. With two
    answers it is p_y itself."""
    CONFIDENCE_WEIGHTED_ENTROPY = "confidence_weighted_entropy"
    """ln(1 + h) / h, where h is the entropy, divided by ln k, over p_y: low where the label is improbable, or
    where all answers are about as probable."""


def label_quality(probabilities: Floats, labels: Integers, quality: Quality) -> Floats:
    """The quality of each label.

    The entropy's has its limits where it is 0 / 0: 1 where the given label is certain, 0 where another is.
    cleanlab gives 0 for both, because it raises p_y and h to 1e-6; the two agree where both are above that.

    Args:
        probabilities: (n, q, k), k >= 2, in [0, 1], of a model that was not trained on these rows with these
            labels: of one that was, they tell how well it has learned mistakes by heart.
        labels: (n, q), or UNKNOWN.

    Returns:
        (n, q) float64, in [0, 1]; NaN for UNKNOWN.

    Source: Northcutt, Jiang and Chuang 2021, Confident Learning; Kuan and Mueller 2022, Model-agnostic label
    quality scoring to detect real-world label errors.
    """
    row_count, question_count, answer_count = probabilities.shape
    scores = np.empty(labels.shape)
    for place in blocks(row_count, question_count * answer_count):
        given = labels[place, :, None]
        of_block = probabilities[place].astype(np.float64)
        of_label = np.take_along_axis(of_block, np.maximum(given, 0), axis=2)[..., 0]
        scores[place] = _FORMULAS[quality](of_block, given, of_label)
    scores[labels == UNKNOWN] = np.nan
    return scores


def _self_confidence(_probabilities: Floats, _given: Integers, of_label: Floats) -> Floats:
    return of_label


def _normalized_margin(probabilities: Floats, given: Integers, of_label: Floats) -> Floats:
    """The block is ours to change: the given answer is taken out before the largest is looked for."""
    np.put_along_axis(probabilities, np.maximum(given, 0), -np.inf, axis=2)
    return (of_label - probabilities.max(axis=2) + 1) / 2


def _confidence_weighted_entropy(probabilities: Floats, _given: Integers, of_label: Floats) -> Floats:
    # below 0 by rounding, where the largest probability is above 1 by as much
    normalized = np.maximum(entropies(probabilities), 0) / math.log(probabilities.shape[2])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weighted = normalized / of_label
        scores = np.log1p(weighted) / weighted
    scores[weighted == 0] = 1
    scores[~np.isfinite(weighted)] = 0
    return scores


_FORMULAS: dict[Quality, Callable[[Floats, Integers, Floats], Floats]] = {
    Quality.SELF_CONFIDENCE: _self_confidence,
    Quality.NORMALIZED_MARGIN: _normalized_margin,
    Quality.CONFIDENCE_WEIGHTED_ENTROPY: _confidence_weighted_entropy,
}
