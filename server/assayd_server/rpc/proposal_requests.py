"""Requests for labels that a model may give, checked before any work is done."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd.v1 import labeling_pb2, novelty_pb2, tensor_pb2
from assayd_server.checks import wrong
from assayd_server.core.labels import COUNT_MAX, PRIOR_TOLERANCE
from assayd_server.core.novelty import NoveltyMeasure
from assayd_server.labeling_wanted import ClassWeighting, OfClasses, PriorQuotas, ProposeWanted
from assayd_server.rpc import requests
from assayd_server.rpc.enums import NOVELTY_MEASURES, meant
from assayd_server.rpc.labeling_requests import scoring
from assayd_server.rpc.requests import NOVELTY_ALPHA, RowLimits
from assayd_server.wanted import Wanted

_MEASURES: Mapping[novelty_pb2.NoveltyMeasure, NoveltyMeasure] = {
    novelty_pb2.NOVELTY_MEASURE_UNSPECIFIED: NoveltyMeasure.COMBINED,
    **NOVELTY_MEASURES,
}


def propose(request: labeling_pb2.ProposeLabelsRequest, limits: RowLimits) -> ProposeWanted:
    """Which rows a model may label.

    Raises:
        InvalidArgumentError: there is no rule, or an option is not allowed.
    """
    rule = request.WhichOneof("rule")
    if rule is None:
        raise wrong("thresholds", "is missing: give thresholds or quotas", "RULE_MISSING")
    if rule == "thresholds":
        confidence_min: OfClasses | None = _shares(request.thresholds, "thresholds")
    elif request.quotas.HasField("confidence_min"):
        confidence_min = _shares(request.quotas.confidence_min, "quotas.confidence_min")
    else:
        confidence_min = None
    weighting = request.class_weighting if request.HasField("class_weighting") else None
    return ProposeWanted(
        scoring=_scoring(request, limits),
        confidence_min=confidence_min,
        quotas=_quotas(request.quotas) if rule == "quotas" else None,
        weighting=None if weighting is None else _weighting(weighting),
    )


def _scoring(request: labeling_pb2.ProposeLabelsRequest, limits: RowLimits) -> Wanted:
    wanted = replace(scoring(request, limits), same_in_any_batch=True)
    if not request.HasField("novelty"):
        return wanted
    measure = meant("novelty.measure", request.novelty.measure, _MEASURES, novelty_pb2.NoveltyMeasure)
    alpha = requests.level("novelty.alpha", request.novelty.alpha, default=NOVELTY_ALPHA)
    return replace(wanted, novelty=(measure,), novelty_alpha=alpha)


def _quotas(quotas: labeling_pb2.LabelQuotas) -> OfClasses | PriorQuotas:
    size = quotas.WhichOneof("size")
    if size is None:
        raise wrong("quotas", "has no size: give counts or by_prior", "RULE_MISSING")
    return _counts(quotas.counts, "quotas.counts") if size == "counts" else _by_prior(quotas.by_prior)


def _by_prior(quotas: labeling_pb2.PriorQuotas) -> PriorQuotas:
    if not 1 <= quotas.count <= COUNT_MAX:
        message = f"is {quotas.count}, allowed are 1 to {COUNT_MAX}"
        raise wrong("quotas.by_prior.count", message, "OUT_OF_RANGE")
    field = "quotas.by_prior.prior"
    prior = _shares(quotas.prior, field)
    total = prior.values.sum(dtype=np.float64)
    if abs(total - 1) > PRIOR_TOLERANCE:
        raise wrong(f"{field}.data", f"sums to {total:.9g}, allowed is 1", "PRIOR_NOT_ONE")
    return PriorQuotas(count=quotas.count, prior=prior)


def _weighting(weighting: labeling_pb2.ClassWeighting) -> ClassWeighting:
    field = "class_weighting.counts"
    counts = _counts(weighting.counts, field)
    empty = np.flatnonzero(counts.values == 0)
    if empty.size:
        message = f"[{empty[0]}] is 0, allowed are 1 to {COUNT_MAX}: a class without rows has no weight"
        raise wrong(f"{field}.data", message, "EMPTY_CLASS")
    b = weighting.effective_number if weighting.HasField("effective_number") else None
    if b is not None and not 0 <= b < 1:  # False for NaN
        message = f"is {b:g}, allowed are 0 up to but not 1"
        raise wrong("class_weighting.effective_number", message, "OUT_OF_RANGE")
    return ClassWeighting(counts=counts, effective_number=b)


def _shares(tensor: tensor_pb2.Tensor, field: str) -> OfClasses:
    """Numbers in [0, 1]."""
    values = _line(requests.floats(tensor, field), field)
    _check_range(values, field, highest=1)
    return OfClasses(values=values, field=field)


def _counts(tensor: tensor_pb2.Tensor, field: str) -> OfClasses:
    """Whole numbers, 0 or more."""
    values = requests.array(tensor, field)
    if values.dtype.kind not in "iu":
        name = "string" if values.dtype.kind == "O" else values.dtype.name
        raise wrong(f"{field}.data_type", f"is {name}, allowed are integers", "BAD_TYPE")
    _check_range(_line(values, field), field, highest=COUNT_MAX)
    return OfClasses(values=values.astype(np.int64), field=field)


def _line(values: NDArray[Any], field: str) -> NDArray[Any]:
    if values.ndim != 1 or not values.size:
        message = f"is {list(values.shape)}, allowed is one number for each class"
        raise wrong(f"{field}.shape", message, "BAD_SHAPE")
    return values


def _check_range(values: NDArray[Any], field: str, *, highest: int) -> None:
    bad = np.flatnonzero(~((values >= 0) & (values <= highest)))  # NaN is neither
    if bad.size:
        value = values[bad[0]].item()
        shown = f"{value:g}" if isinstance(value, float) else value  # not 8.58993e+09 for a whole number
        raise wrong(f"{field}.data", f"[{bad[0]}] is {shown}, allowed are 0 to {highest}", "OUT_OF_RANGE")
