"""Requests for labels that a model may give, from what callers pass in."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from assayd.arrays import Array, encode
from assayd.errors import InvalidArgumentError
from assayd.label_options import scoring_fields
from assayd.rank_options import check_whole
from assayd.requests import NOVELTY_MEASURES, ModelOptions, lane_of, level, one_of
from assayd.v1 import labeling_pb2, tensor_pb2

_COUNT_MAX = 2**32


class ProposeOptions(ModelOptions, total=False):
    """Which rows a model may label: the keywords of Client.propose_labels.

    Required is one of thresholds, quotas, and count with prior.
    """

    thresholds: object
    """The least confidence, in [0, 1]: a number, or (c,) for each class."""
    quotas: object
    """(c,) whole numbers: at most so many rows of each class, the most confident ones."""
    count: int
    """At most so many rows of all classes together, 1 or more, divided by the prior."""
    prior: object
    """(c,): the share of each class that is wanted, in [0, 1], with the sum 1."""
    confidence_min: object
    """Besides quotas or a prior: as thresholds; default none."""
    novelty: str | None
    """Leave out rows that are novel by this measure, one of those of ScoreOptions. Default combined where
    novelty_alpha is given, else none. Needs a reference beside the model, and x, or its own logits or
    probabilities."""
    novelty_alpha: float | None
    """Novel is what has a p-value of at most this, above 0 and up to 0.5; default 0.05 where novelty is given."""
    class_counts: object
    """(c,) whole numbers, 1 or more: the labelled rows of each class, to get class_weights; default none."""
    effective_number: float | None
    """b in [0, 1): weights are (1 - b) / (1 - b^count). Default: inverse frequency, n / (c count)."""
    lane: str
    """bulk (default) or online: where calls wait for their turn at the model."""


def propose_request(
    *,
    thresholds: object = None,
    quotas: object = None,
    count: int | None = None,
    prior: object = None,
    confidence_min: object = None,
    novelty: str | None = None,
    novelty_alpha: float | None = None,
    class_counts: object = None,
    effective_number: float | None = None,
    lane: str = "bulk",
    **wanted: Any,
) -> labeling_pb2.ProposeLabelsRequest:
    """Everything but the rows; the arguments are those of ProposeOptions.

    Raises:
        InvalidArgumentError: there is no rule, or more than one, a name is unknown, or a number out of range.
    """
    by_prior = None if count is None and prior is None else _by_prior(count, prior)
    rules = [name for name, rule in _rules(thresholds, quotas, by_prior) if rule is not None]
    if len(rules) != 1:
        allowed = "thresholds, quotas, and count with prior"
        message = f"give exactly one of {allowed}, got {' and '.join(rules) or 'none'}"
        raise InvalidArgumentError(f"thresholds: {message}", field="thresholds")
    if thresholds is not None and confidence_min is not None:
        raise InvalidArgumentError("confidence_min: goes with quotas; thresholds say it", field="confidence_min")
    request = labeling_pb2.ProposeLabelsRequest(
        novelty=_novelty(novelty, novelty_alpha),
        class_weighting=_weighting(class_counts, effective_number),
        lane=lane_of(lane),
        **scoring_fields(**wanted),
    )
    if thresholds is not None:
        request.thresholds.CopyFrom(_shares(thresholds, "thresholds"))
        return request
    if by_prior is None:
        request.quotas.counts.CopyFrom(_counts(quotas, "quotas"))
    else:
        request.quotas.by_prior.CopyFrom(by_prior)
    if confidence_min is not None:
        request.quotas.confidence_min.CopyFrom(_shares(confidence_min, "confidence_min"))
    return request


def _rules(thresholds: object, quotas: object, by_prior: object) -> Iterator[tuple[str, object]]:
    yield "thresholds", thresholds
    yield "quotas", quotas
    yield "count with prior", by_prior


def _by_prior(count: int | None, prior: object) -> labeling_pb2.PriorQuotas:
    if count is None or prior is None:
        missing, given = ("count", "prior") if count is None else ("prior", "count")
        raise InvalidArgumentError(f"{missing}: is missing beside {given}", field=missing)
    check_whole("count", count, lowest=1, highest=_COUNT_MAX)
    return labeling_pb2.PriorQuotas(count=count, prior=_shares(prior, "prior"))


def _novelty(measure: str | None, alpha: float | None) -> labeling_pb2.NoveltyLimit | None:
    if measure is None and alpha is None:
        return None
    number = one_of(NOVELTY_MEASURES, measure or "combined", "novelty")
    return labeling_pb2.NoveltyLimit(measure=number, alpha=level(alpha, "novelty_alpha"))


def _weighting(counts: object, effective_number: float | None) -> labeling_pb2.ClassWeighting | None:
    if counts is None and effective_number is None:
        return None
    if counts is None:
        raise InvalidArgumentError("class_counts: is missing beside effective_number", field="class_counts")
    if effective_number is not None and not 0 <= effective_number < 1:  # False for NaN
        message = f"effective_number: is {effective_number}, allowed are 0 up to but not 1"
        raise InvalidArgumentError(message, field="effective_number")
    return labeling_pb2.ClassWeighting(counts=_counts(counts, "class_counts"), effective_number=effective_number)


def _shares(value: object, field: str) -> tensor_pb2.Tensor:
    """One number, or one for each class."""
    shares = np.atleast_1d(_array(value, field))
    if shares.dtype.kind not in "fiu":
        raise InvalidArgumentError(f"{field}: is of type {shares.dtype}, allowed are numbers", field=field)
    return encode(shares.astype(np.float64))


def _counts(value: object, field: str) -> tensor_pb2.Tensor:
    counts = _array(value, field)
    if counts.dtype.kind not in "iu":
        message = f"{field}: are of type {counts.dtype}, allowed are whole numbers"
        raise InvalidArgumentError(message, field=field)
    outside = counts[(counts < 0) | (counts > _COUNT_MAX)]
    if outside.size:
        raise InvalidArgumentError(f"{field}: has {outside[0]}, allowed are 0 to {_COUNT_MAX}", field=field)
    return encode(counts.astype(np.int64))


def _array(value: object, field: str) -> Array:
    try:
        return np.asarray(value)
    except ValueError as error:  # rows of different lengths
        raise InvalidArgumentError(f"{field}: cannot be made into an array: {error}", field=field) from None
