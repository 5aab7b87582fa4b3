"""Which rows a model may label itself: those that it is confident of, of each class as many as there may be."""

from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.labels.questions import UNKNOWN


class Reason(StrEnum):
    """Why a row has a proposed label or none, by the name that callers use; where several apply, the last here."""

    ACCEPTED = "accepted"
    """It has one."""
    QUOTA_FULL = "quota_full"
    """Others of its class are more confident, or as confident and earlier, and they fill the quota."""
    BELOW_THRESHOLD = "below_threshold"
    """It is not as confident as its class needs."""
    NOVEL = "novel"
    """It is unlike the rows that the model knows."""
    INVALID = "invalid"
    """It cannot be scored, or not compared with what the model knows."""


REASONS = tuple(Reason)
ACCEPTED: Final = REASONS.index(Reason.ACCEPTED)


def row_reasons(
    predictions: Integers,
    confidences: Floats,
    *,
    confidence_min: Floats,
    quotas: Integers | None = None,
    p_values: Floats | None = None,
    alpha: float = 0.0,
) -> NDArray[np.int8]:
    """Which rows are proposed as being of the class that is predicted for them, and why the others are not.

    What is above a threshold is right as often as its mean confidence says, where probabilities are calibrated.
    With quotas, those of a whole are among those of its parts: taking the best of these gives the same rows.

    Args:
        predictions: (n,), positions of classes, or UNKNOWN where a row cannot be scored.
        confidences: (n,), the probability of the prediction; compared as float32, so that 0.95 in single precision
            is not below 0.95.
        confidence_min: (c,), the least confidence for each class.
        quotas: (c,), the most rows for each class; None for any number.
        p_values: (n,), how far each row is like what the model knows; None where it does not matter.
        alpha: rows whose p-value is at most this are left out: of healthy rows at most this share, on average.

    Returns:
        (n,), positions in REASONS.
    """
    single = confidences.astype(np.float32)
    low = single < confidence_min.astype(np.float32)[predictions]  # of UNKNOWN anything, which is mended below
    found = np.where(low, REASONS.index(Reason.BELOW_THRESHOLD), ACCEPTED).astype(np.int8)
    invalid = predictions == UNKNOWN
    if p_values is not None:
        found[p_values <= alpha] = REASONS.index(Reason.NOVEL)
        invalid |= np.isnan(p_values)
    found[invalid] = REASONS.index(Reason.INVALID)
    if quotas is not None:
        rows = np.flatnonzero(found == ACCEPTED)
        beyond = ~within_quotas(predictions[rows], single[rows], quotas)
        found[rows[beyond]] = REASONS.index(Reason.QUOTA_FULL)
    return found


def within_quotas(classes: Integers, confidences: Floats, quotas: Integers) -> Booleans:
    """Which rows are among the most confident of their class.

    Args:
        classes: (n,), from 0 to c - 1.
        confidences: (n,), without NaN; of equals the earlier row comes first.
        quotas: (c,), how many rows of each class.

    Returns:
        (n,).
    """
    order = np.lexsort((-confidences, classes))  # stable
    grouped = classes[order]
    ranks = np.arange(len(order)) - np.searchsorted(grouped, grouped)
    within = np.empty(len(order), np.bool_)
    within[order] = ranks < quotas[grouped]
    return within
