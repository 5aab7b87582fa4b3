"""How novel the rows of a batch are, beside a reference: scores, and how rare they are among healthy rows."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.novelty.combination import combined_score
from assayd_server.core.novelty.measures import NoveltyMeasure
from assayd_server.core.novelty.reference import NoveltyReference
from assayd_server.core.novelty.scoring import Outputs, domain_scores, novelty_scores


@dataclass(frozen=True, slots=True)
class Novelty:
    """Of n rows, by one measure."""

    scores: Floats
    """(n,) float32, larger for stranger rows; NaN for a row that is not valid."""
    p_values: Floats
    """(n,) float64, in (0, 1]: how rare such a score is among healthy rows, at most; NaN where the score is."""

    def part(self, rows: slice) -> "Novelty":
        """Of some of the rows."""
        return Novelty(self.scores[rows], self.p_values[rows])


def row_novelty(
    reference: NoveltyReference,
    outputs: Outputs,
    measures: Collection[NoveltyMeasure],
    *,
    classes: Integers | None = None,
) -> dict[NoveltyMeasure, Novelty]:
    """The novelty of each row by each measure, each computed once.

    Args:
        reference: has the measures.
        outputs: what the measures need.
        measures: which are wanted.
        classes: (n,), the predicted class of each row, where its p-values are to be those of its class.
    """
    combines = NoveltyMeasure.COMBINED in measures
    needed = {*measures, *(reference.combined if combines else ())} - {NoveltyMeasure.COMBINED}
    scores = novelty_scores(reference.fitted, outputs, needed)
    if combines:
        parts = [reference.calibrations[part].surprises(scores[part]) for part in reference.combined]
        scores[NoveltyMeasure.COMBINED] = combined_score(parts)
    return {measure: _judged(reference, measure, scores[measure], classes) for measure in measures}


def domain_p_values(reference: NoveltyReference, embeddings: Floats, strange: Booleans) -> Floats:
    """How rare the distance of strange rows from all rows together is. It takes more multiplications than all that
    is combined, few rows are strange, and a verdict depends on it for no others.

    Args:
        reference: has the measure of domains.
        embeddings: (n, d), float32 or float64.
        strange: (n,), which rows are meant.

    Returns:
        (n,) float64 p-values, NaN for all other rows, and for those that are not valid.
    """
    p_values = np.empty(len(strange))
    p_values.fill(np.nan)
    rows = strange.nonzero()[0]
    if len(rows):
        assert reference.fitted.gaussians is not None  # the measure has them
        scores = domain_scores(reference.fitted.gaussians, embeddings.take(rows, axis=0))
        p_values[rows] = reference.calibrations[NoveltyMeasure.DOMAIN].p_values(scores)
    return p_values


def _judged(
    reference: NoveltyReference, measure: NoveltyMeasure, scores: Floats, classes: Integers | None
) -> Novelty:
    calibration = reference.calibrations[measure]
    if classes is None:
        return Novelty(scores, calibration.p_values(scores))
    return Novelty(scores, calibration.class_p_values(scores, classes))
