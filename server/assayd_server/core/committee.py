"""How unsure a committee is of each row: several models, or several samples of one.

The rows are gone through in blocks, so the memory beside the arrays does not grow with them.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

import numpy as np

from assayd_server.core import committee_measures as measures
from assayd_server.core.arrays import Floats
from assayd_server.core.blocks import blocks
from assayd_server.core.tasks import Task
from assayd_server.core.validity import scorable_members


class CommitteeMeasure(StrEnum):
    """A measure of a committee's uncertainty, by the name that callers use."""

    VOTE_ENTROPY = "vote_entropy"
    CONSENSUS_ENTROPY = "consensus_entropy"
    VARIATION_RATIO = "variation_ratio"
    MEAN_KL = "mean_kl"
    """Also known as BALD."""
    EXPECTED_ENTROPY = "expected_entropy"
    MAX_KL = "max_kl"
    VARIANCE = "variance"
    """Of regression members; the one that is not within [0, 1]."""


_FORMULAS: Mapping[CommitteeMeasure, Callable[[Floats], Floats]] = {
    CommitteeMeasure.VOTE_ENTROPY: measures.vote_entropy,
    CommitteeMeasure.CONSENSUS_ENTROPY: measures.consensus_entropy,
    CommitteeMeasure.VARIATION_RATIO: measures.variation_ratio,
    CommitteeMeasure.MEAN_KL: measures.mean_kl,
    CommitteeMeasure.EXPECTED_ENTROPY: measures.expected_entropy,
    CommitteeMeasure.MAX_KL: measures.max_kl,
}

COMMITTEE_MEASURES: Mapping[Task, tuple[CommitteeMeasure, ...]] = {
    Task.MULTICLASS: tuple(_FORMULAS),
    Task.MULTILABEL: (),
    Task.REGRESSION: (CommitteeMeasure.VARIANCE,),
}
"""What can be said of the uncertainty of a committee, by what its members tell."""


def committee_uncertainty(probabilities: Floats, measure: CommitteeMeasure) -> Floats:
    """One number a row, the larger the less sure the committee is.

    Args:
        probabilities: (m, n, c), m >= 2 members, c >= 2 classes; for VARIANCE the members' values (m, n, t).
        measure: VARIANCE goes to committee_variance.

    Returns:
        (n,) in [0, 1], float32 or float64 as the probabilities (half precision gives float32); NaN where any
        member's row is none of probabilities: a value is NaN or below 0, or the sum is not 1.
    """
    if measure is CommitteeMeasure.VARIANCE:
        return committee_variance(probabilities)
    formula = _FORMULAS[measure]
    member_count, row_count, class_count = probabilities.shape
    dtype = np.result_type(probabilities.dtype, np.float32)
    uncertainty = np.empty(row_count, dtype)
    for rows in blocks(row_count, member_count * class_count):
        block = probabilities[:, rows].astype(dtype, order="C")
        invalid = ~scorable_members(block)
        block[:, invalid] = 1 / class_count
        uncertainty[rows] = formula(block)
        uncertainty[rows][invalid] = np.nan
    return uncertainty


def committee_variance(values: Floats) -> Floats:
    """How far the members of a regression committee are apart: the mean over targets of their population variance.

    Targets of different scales are best standardised before: the one of the largest scale decides.

    Args:
        values: (m, n, t), m >= 2 members, t >= 1 targets.

    Returns:
        (n,) float64, from 0, in squared units; NaN where a value of any member is not finite; inf where a square
        is beyond the largest float.

    Source: RayChaudhuri and Hamey 1995, Minimisation of Data Collection by Active Learning; Burbidge, Rowland and
    King 2007, Active Learning for Regression Based on Query by Committee.
    """
    member_count, row_count, target_count = values.shape
    variance = np.empty(row_count)
    for rows in blocks(row_count, member_count * target_count):
        block = values[:, rows].astype(np.float64)
        invalid = ~np.isfinite(block).all(axis=(0, 2))
        block[:, invalid] = 0
        with np.errstate(over="ignore", invalid="ignore"):
            block -= block[0].copy()  # so that members who agree have a variance of 0, to the last digit
            block -= block.mean(axis=0)
            squares = (block * block).mean(axis=(0, 2))
        variance[rows] = np.where(np.isfinite(squares), squares, np.inf)
        variance[rows][invalid] = np.nan
    return variance
