"""From messages to what the engine takes. Everything that came is checked here, before any work is done."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import TensorError, decode
from assayd.v1 import novelty_pb2, rows_pb2, scoring_pb2, tensor_pb2
from assayd_server.caller import Lane
from assayd_server.checks import wrong
from assayd_server.core.softmax import TEMPERATURE_MAX, TEMPERATURE_MIN
from assayd_server.core.tasks import Task
from assayd_server.errors import InvalidArgumentError
from assayd_server.rows import (
    Committee,
    Embeddings,
    Head,
    Inputs,
    Logits,
    NamedArray,
    PoolIds,
    Probabilities,
    Sent,
)
from assayd_server.rpc.enums import LANES, MEASURES, NOVELTY_MEASURES, OUTPUTS, TASKS, all_meant, meant
from assayd_server.wanted import ModelChoice, Output, Wanted

_TENSORS_MAX = 256
_LEVEL_MAX = 0.5
NOVELTY_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class RowLimits:
    """How much one request may hold."""

    rows_max: int
    head_elements_max: int
    ids_max: int
    """Of labelled, excluded or candidate rows of a pool."""


def rows(message: rows_pb2.Rows, limits: RowLimits) -> Sent:
    """The rows of a request.

    Raises:
        InvalidArgumentError: none were given, there are too many, or a tensor is not what it says.
    """
    kind = message.WhichOneof("kind")
    if kind is None:
        raise wrong(
            "rows",
            "is missing: give one of inputs, logits, probabilities, embeddings, committee and pool_ids",
            "ROWS_MISSING",
        )
    if kind == "inputs":
        return inputs(message.inputs, limits)
    if kind == "logits":
        found: Sent = Logits(matrix(message.logits, "rows.logits", columns_min=2))
    elif kind == "committee":
        found = _committee(message.committee)
    elif kind == "pool_ids":
        found = PoolIds(ids(message.pool_ids, "rows.pool_ids"))
    elif kind == "probabilities":
        found = Probabilities(matrix(message.probabilities, "rows.probabilities", columns_min=2))
    else:
        found = Embeddings(matrix(message.embeddings, "rows.embeddings", columns_min=1))
    check_count(found.count, limits.rows_max)
    return found


def wanted(request: scoring_pb2.ScoreRequest, limits: RowLimits) -> Wanted:
    """What a score request asks for, besides its rows.

    Raises:
        InvalidArgumentError: a measure, an output, the task, the temperature or the head is not allowed.
    """
    return Wanted(
        model=model_choice(request.model) if request.HasField("model") else None,
        head=head(request.head, limits) if request.HasField("head") else None,
        temperature=temperature(request.temperature) if request.HasField("temperature") else None,
        task=task(request.task),
        outputs=_outputs(request.outputs),
        uncertainties=tuple(
            all_meant("uncertainties", request.uncertainties, MEASURES, scoring_pb2.UncertaintyMeasure)
        ),
        top_k=request.top_k,
        neighbors=request.neighbors,
        novelty=tuple(all_meant("novelty", request.novelty, NOVELTY_MEASURES, novelty_pb2.NoveltyMeasure)),
        novelty_alpha=level("novelty_alpha", request.novelty_alpha, default=NOVELTY_ALPHA),
        record=request.lane != scoring_pb2.LANE_BULK and (request.record if request.HasField("record") else True),
    )


def lane(number: scoring_pb2.Lane) -> Lane:
    """Where a call waits.

    Raises:
        InvalidArgumentError: there is no such lane.
    """
    return meant("lane", number, LANES, scoring_pb2.Lane)


def model_choice(selector: scoring_pb2.ModelSelector) -> ModelChoice:
    """Which model is meant.

    Raises:
        InvalidArgumentError: the version is negative.
    """
    if selector.version < 0:
        raise wrong(
            "model.version", f"is {selector.version}, allowed are 0 (the largest) and above", "BAD_VERSION"
        )
    return ModelChoice(name=selector.name, version=selector.version)


def inputs(inputs: rows_pb2.Inputs, limits: RowLimits) -> Inputs:
    """Rows for a model.

    Raises:
        InvalidArgumentError: as of rows.
    """
    field = "rows.inputs.tensors"
    if not inputs.tensors:
        raise wrong(field, "is empty: give one tensor for each input of the model", "ROWS_MISSING")
    if len(inputs.tensors) > _TENSORS_MAX:
        raise wrong(field, f"has {len(inputs.tensors)} tensors, allowed are {_TENSORS_MAX}", "TOO_MANY_TENSORS")
    tensors = tuple(
        NamedArray(tensor.name, array(tensor, f"{field}[{index}]")) for index, tensor in enumerate(inputs.tensors)
    )
    for index, tensor in enumerate(tensors):
        if tensor.values.ndim == 0:
            raise wrong(f"{field}[{index}].shape", "is [], the first axis must be the rows", "BAD_SHAPE")
    counts = {len(tensor.values) for tensor in tensors}
    if len(counts) > 1:
        raise wrong(field, f"must all have the same number of rows, have {sorted(counts)}", "BAD_SHAPE")
    found = Inputs(tensors, counts.pop())
    check_count(found.count, limits.rows_max)
    return found


def _committee(message: rows_pb2.Committee) -> Committee:
    kind = message.WhichOneof("kind")
    if kind is None:
        raise wrong("rows.committee", "is empty: give one of logits, probabilities and values", "ROWS_MISSING")
    field = f"rows.committee.{kind}"
    values = floats(getattr(message, kind), field)
    columns_min = 1 if kind == "values" else 2
    if values.ndim != 3 or len(values) < 2 or values.shape[2] < columns_min:
        expected = f"is {list(values.shape)}, allowed is [2 or more members, n, {columns_min} or more]"
        raise wrong(f"{field}.shape", expected, "BAD_SHAPE")
    return Committee(kind, values)


def array(tensor: tensor_pb2.Tensor, field: str) -> NDArray[Any]:
    try:
        return decode(tensor)
    except TensorError as error:
        raise wrong(f"{field}.{error.field}", error.message, "BAD_TENSOR") from None


def ids(tensor: tensor_pb2.Tensor, field: str) -> NDArray[Any]:
    """(n,) int64, or text."""
    values = array(tensor, field)
    if values.ndim != 1:
        raise wrong(f"{field}.shape", f"is {list(values.shape)}, allowed is [n]", "BAD_SHAPE")
    if values.dtype.kind != "O" and values.dtype != np.int64:
        raise wrong(f"{field}.data_type", f"is {values.dtype.name}, allowed are int64 and string", "BAD_TYPE")
    return values


def matrix(tensor: tensor_pb2.Tensor, field: str, *, columns_min: int) -> NDArray[Any]:
    """A float matrix, float32 or float64; half precision is widened."""
    values = floats(tensor, field)
    if values.ndim != 2 or values.shape[1] < columns_min:
        shape = f"[n, {columns_min} or more]"
        raise wrong(f"{field}.shape", f"is {list(values.shape)}, allowed is {shape}", "BAD_SHAPE")
    return values


def floats(tensor: tensor_pb2.Tensor, field: str) -> NDArray[Any]:
    values = array(tensor, field)
    if values.dtype.kind != "f":
        name = "string" if values.dtype.kind == "O" else values.dtype.name
        raise wrong(f"{field}.data_type", f"is {name}, allowed are float16, float32 and float64", "BAD_TYPE")
    return values.astype(np.float32) if values.dtype.itemsize == 2 else values


def head(head: rows_pb2.LinearHead, limits: RowLimits) -> Head:
    weights = matrix(head.weights, "head.weights", columns_min=1)
    if len(weights) < 2:
        raise wrong("head.weights.shape", f"is {list(weights.shape)}, at least 2 classes are needed", "BAD_SHAPE")
    if weights.size > limits.head_elements_max:
        message = f"has {weights.size} elements, allowed are {limits.head_elements_max}"
        raise wrong("head.weights.shape", message, "HEAD_TOO_LARGE")
    bias = floats(head.bias, "head.bias") if head.HasField("bias") else None
    if bias is not None and bias.shape != weights.shape[:1]:
        raise wrong(
            "head.bias.shape", f"is {list(bias.shape)}, the weights need [{len(weights)}]", "HEAD_DOES_NOT_FIT"
        )
    if not np.isfinite(weights).all() or (bias is not None and not np.isfinite(bias).all()):
        raise wrong("head", "has a value that is NaN or infinite", "HEAD_NOT_FINITE")
    return Head(weights, bias)


def temperature(value: float) -> float:
    if not TEMPERATURE_MIN <= value <= TEMPERATURE_MAX:  # False for NaN
        message = f"is {value}, allowed are {TEMPERATURE_MIN} to {TEMPERATURE_MAX:g}"
        raise wrong("temperature", message, "TEMPERATURE_OUT_OF_RANGE")
    return value


def labels(tensor: tensor_pb2.Tensor) -> NDArray[Any]:
    """What is given as labels: integers of any shape.

    Raises:
        InvalidArgumentError: they are something else.
    """
    found = array(tensor, "labels")
    if found.dtype.kind == "b":
        return found.astype(np.int8)
    if found.dtype.kind not in "iu":
        name = "string" if found.dtype.kind == "O" else found.dtype.name
        raise wrong("labels.data_type", f"is {name}, allowed are integers and bool", "BAD_TYPE")
    return found


def task(number: scoring_pb2.Task) -> Task | None:
    return meant("task", number, TASKS, scoring_pb2.Task) if number else None


def _outputs(numbers: Any) -> frozenset[Output] | None:
    found = all_meant("outputs", numbers, OUTPUTS, scoring_pb2.Output)
    return frozenset(output for output in found if output is not None) if found else None


def level(field: str, value: float, *, default: float, lowest: float = 0.0) -> float:
    """A level of significance, above the lowest; 0 for the default.

    Raises:
        InvalidArgumentError: it is out of range.
    """
    if value == 0:
        return default
    if not lowest < value <= _LEVEL_MAX:  # False for NaN
        raise wrong(field, f"is {value:g}, allowed are above {lowest:g} and up to {_LEVEL_MAX:g}", "OUT_OF_RANGE")
    return value


def check_count(count: int, rows_max: int, *, field: str = "rows") -> None:
    """Refuse rows that are too many for one request.

    Raises:
        InvalidArgumentError: they are.
    """
    if count > rows_max:
        raise InvalidArgumentError(
            f"{count} rows were sent, allowed are {rows_max} in one request",
            reason="TOO_MANY_ROWS",
            field=field,
            details={"rows_max": str(rows_max)},
        )
