"""Requests about labels, checked before any work is done."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from assayd.v1 import labeling_pb2, tensor_pb2
from assayd_server.checks import wrong
from assayd_server.core.labels import GivenLabels, Quality
from assayd_server.labeling_wanted import AssessWanted, EvaluateWanted
from assayd_server.rpc import requests
from assayd_server.rpc.enums import meant
from assayd_server.rpc.requests import RowLimits
from assayd_server.wanted import Wanted

CALIBRATION_BINS, CALIBRATION_BINS_MAX = 15, 1000
QUALITIES: Mapping[labeling_pb2.LabelQuality, Quality] = {
    labeling_pb2.LABEL_QUALITY_UNSPECIFIED: Quality.SELF_CONFIDENCE,
    labeling_pb2.LABEL_QUALITY_SELF_CONFIDENCE: Quality.SELF_CONFIDENCE,
    labeling_pb2.LABEL_QUALITY_NORMALIZED_MARGIN: Quality.NORMALIZED_MARGIN,
    labeling_pb2.LABEL_QUALITY_CONFIDENCE_WEIGHTED_ENTROPY: Quality.CONFIDENCE_WEIGHTED_ENTROPY,
}


def assess(request: labeling_pb2.AssessLabelsRequest, limits: RowLimits) -> AssessWanted:
    """How labels are judged.

    Raises:
        InvalidArgumentError: the labels are no integers, or an option is not allowed.
    """
    given = _given(request.given) if request.HasField("given") else None
    if given is not None and request.sums_only:
        raise wrong("given", "is of the second pass, sums_only of the first", "GIVEN_NOT_USABLE")
    return AssessWanted(
        scoring=scoring(request, limits),
        labels=requests.labels(request.labels),
        quality=meant("quality", request.quality, QUALITIES, labeling_pb2.LabelQuality),
        sums_only=request.sums_only,
        given=given,
    )


def evaluate(request: labeling_pb2.EvaluateRequest, limits: RowLimits) -> EvaluateWanted:
    """How predictions are judged.

    Raises:
        InvalidArgumentError: the labels are no integers, or an option is not allowed.
    """
    bins = request.calibration_bins or CALIBRATION_BINS
    if not 1 <= bins <= CALIBRATION_BINS_MAX:
        message = f"is {bins}, allowed are 1 to {CALIBRATION_BINS_MAX}, and 0 for {CALIBRATION_BINS}"
        raise wrong("calibration_bins", message, "OUT_OF_RANGE")
    return EvaluateWanted(
        scoring=scoring(request, limits),
        labels=requests.labels(request.labels),
        calibration_bins=bins,
        part=request.part,
    )


def scoring(
    request: labeling_pb2.AssessLabelsRequest | labeling_pb2.EvaluateRequest | labeling_pb2.ProposeLabelsRequest,
    limits: RowLimits,
) -> Wanted:
    """By which model, and how.

    Raises:
        InvalidArgumentError: the task, the temperature or the head is not allowed.
    """
    return Wanted(
        model=requests.model_choice(request.model) if request.HasField("model") else None,
        head=requests.head(request.head, limits) if request.HasField("head") else None,
        temperature=requests.temperature(request.temperature) if request.HasField("temperature") else None,
        task=requests.task(request.task),
        same_in_any_batch=True,  # answers of parts are put together
    )


def _given(message: labeling_pb2.GivenLabels) -> GivenLabels:
    return GivenLabels(_sums(message.counts, "given.counts"), _sums(message.sums, "given.sums"))


def _sums(tensor: tensor_pb2.Tensor, field: str) -> NDArray[np.int64]:
    values = requests.array(tensor, field)
    if values.dtype != np.int64:
        raise wrong(f"{field}.data_type", "must be int64", "BAD_TYPE")
    return values
