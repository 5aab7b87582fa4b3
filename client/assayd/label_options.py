"""Requests about labels, from what callers pass in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assayd.arrays import Array
from assayd.errors import InvalidArgumentError
from assayd.label_sums import LabelSums
from assayd.rank_options import check_whole
from assayd.requests import TASKS, ModelOptions, head_message, one_of, selector
from assayd.rows import Rows, collect
from assayd.tables.table import Table
from assayd.v1 import labeling_pb2

QUALITIES: dict[str, labeling_pb2.LabelQuality] = {
    "self_confidence": labeling_pb2.LABEL_QUALITY_SELF_CONFIDENCE,
    "normalized_margin": labeling_pb2.LABEL_QUALITY_NORMALIZED_MARGIN,
    "confidence_weighted_entropy": labeling_pb2.LABEL_QUALITY_CONFIDENCE_WEIGHTED_ENTROPY,
}


class AssessOptions(ModelOptions, total=False):
    """How labels are judged: the keywords of Client.assess_labels."""

    quality: str
    """self_confidence (default), normalized_margin or confidence_weighted_entropy."""
    given: LabelSums | None
    """The label_sums of all rows, where these are a part of them: thresholds are those of all rows then. Default
    None: those of these rows."""


class EvaluateOptions(ModelOptions, total=False):
    """How predictions are judged: the keywords of Client.evaluate."""

    calibration_bins: int
    """In how many bins of confidence calibration is measured, 1 to 1000; default 15."""


def assess_request(
    *, quality: str = "self_confidence", given: LabelSums | None = None, **wanted: Any
) -> labeling_pb2.AssessLabelsRequest:
    """Everything but rows and labels; the arguments are those of AssessOptions.

    Raises:
        InvalidArgumentError: a name is unknown, a number out of range, or the head is not (weights, bias).
    """
    return labeling_pb2.AssessLabelsRequest(
        quality=one_of(QUALITIES, quality, "quality"),
        given=None if given is None else given.message(),
        **scoring_fields(**wanted),
    )


def evaluate_request(*, calibration_bins: int = 15, **wanted: Any) -> labeling_pb2.EvaluateRequest:
    """Everything but rows and labels; the arguments are those of EvaluateOptions.

    Raises:
        InvalidArgumentError: as of assess_request.
    """
    check_whole("calibration_bins", calibration_bins, lowest=1, highest=1000)
    return labeling_pb2.EvaluateRequest(calibration_bins=calibration_bins, **scoring_fields(**wanted))


def collect_labeled(
    x: object = None,
    *,
    labels: object,
    logits: object = None,
    probabilities: object = None,
    embeddings: object = None,
    pool_ids: object = None,
) -> Rows | Table:
    """Rows with their labels beside them.

    Raises:
        InvalidArgumentError: there are more or fewer labels than rows, or they are no whole numbers; or as of
            collect.
    """
    return with_labels(
        collect(x, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids), labels
    )


def with_labels(rows: Rows | Table, labels: object) -> Rows | Table:
    """Rows with labels beside what is beside them.

    Raises:
        InvalidArgumentError: as of collect_labeled.
    """
    given = _labels(labels)
    count = rows.row_count if isinstance(rows, Table) else rows.count
    if given.ndim not in (1, 2) or len(given) != count:
        raise InvalidArgumentError(
            f"labels: are of shape {list(given.shape)}, there are {count} rows", field="labels"
        )
    return replace(rows, beside={**rows.beside, "labels": given})


def _labels(labels: object) -> Array:
    try:
        given = np.asarray(labels)
    except ValueError as error:  # rows of different lengths
        raise InvalidArgumentError(f"labels: cannot be made into an array: {error}", field="labels") from None
    if given.dtype.kind not in "biu":
        raise InvalidArgumentError(
            f"labels: are of type {given.dtype}, allowed are whole numbers: positions of classes, and -1 for none",
            field="labels",
        )
    return given.astype(np.int8) if given.dtype.kind == "b" else given


def scoring_fields(
    *,
    temperature: float | None = None,
    head: Sequence[object] | None = None,
    task: str | None = None,
    model: str = "",
    version: int = 0,
) -> dict[str, Any]:
    """The fields that say by which model, and how; the arguments are those of ModelOptions.

    Raises:
        InvalidArgumentError: as of assess_request.
    """
    return {
        "model": selector(model, version),
        "head": None if head is None else head_message(head),
        "task": None if task is None else one_of(TASKS, task, "task"),
        "temperature": temperature,
    }
