"""The rows of a request of ModelInfer, checked against its model before any work is done."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from numpy.typing import NDArray

from assayd_server.checks import wrong
from assayd_server.contract import TensorSpec
from assayd_server.rows import Inputs, NamedArray
from assayd_server.rpc.open_inference.datatypes import DTYPES, NAMES, array_of, array_of_contents
from assayd_server.rpc.open_inference.infer_ask import check_parameters
from assayd_server.rpc.open_inference.open_inference_pb2 import ModelInferRequest
from assayd_server.rpc.requests import RowLimits, check_count
from assayd_server.servable import Servable

_ELEMENTS_MAX = 2**31
"""Of one tensor, or of all but its empty axes: NumPy could not make more of none either."""


def inputs(request: ModelInferRequest, model: Servable, limits: RowLimits) -> Inputs:
    """The rows of a request.

    Raises:
        InvalidArgumentError: an input is unknown, missing or given twice, its datatype or its shape is another,
            or its elements are not those of its shape.
    """
    name = model.identity.name
    _check_names([tensor.name for tensor in request.inputs], model)
    _check_raw(request)
    specs = {spec.name: spec for spec in model.contract.inputs}
    for index, tensor in enumerate(request.inputs):
        check_parameters(tensor.parameters, f"inputs[{index}]")
        _check_datatype(tensor, specs[tensor.name], f"inputs[{index}].datatype", name)
        _check_shape(tensor, specs[tensor.name], f"inputs[{index}].shape", name)
    counts = sorted({tensor.shape[0] for tensor in request.inputs})
    if len(counts) > 1:
        raise wrong("inputs", f"must all have the same number of rows, have {counts}", "BAD_SHAPE")
    check_count(counts[0], limits.rows_max, field="inputs")
    return Inputs(tuple(_arrays(request)), counts[0])


def _check_names(names: Sequence[str], model: Servable) -> None:
    takes, name = [spec.name for spec in model.contract.inputs], model.identity.name
    for index, given in enumerate(names):
        if given not in takes:
            message = f"unexpected inference input {given!r} for model {name!r}, it takes {_listed(model)}"
            raise wrong(f"inputs[{index}].name", message, "INPUT_DOES_NOT_FIT")
        if given in names[:index]:
            message = f"input {given!r} for model {name!r} was given twice"
            raise wrong(f"inputs[{index}].name", message, "INPUT_DOES_NOT_FIT")
    missing = [each for each in takes if each not in names]
    if missing:
        message = (
            f"expected {len(takes)} inputs but got {len(names)} inputs for model {name!r}: missing {missing}, "
            f"it takes {_listed(model)}"
        )
        raise wrong("inputs", message, "INPUT_DOES_NOT_FIT")


def _check_raw(request: ModelInferRequest) -> None:
    """Elements come in one of two ways, and never in both."""
    count = len(request.raw_input_contents)
    if not count:
        return
    for index, tensor in enumerate(request.inputs):
        if tensor.HasField("contents") and tensor.contents.ListFields():
            message = f"input {tensor.name!r} must have no contents where there are raw_input_contents"
            raise wrong(f"inputs[{index}].contents", message, "BAD_TENSOR")
    if count != len(request.inputs):
        message = f"{count} were given for {len(request.inputs)} inputs"
        raise wrong("raw_input_contents", message, "BAD_TENSOR")


def _check_datatype(tensor: ModelInferRequest.InferInputTensor, spec: TensorSpec, field: str, model: str) -> None:
    if tensor.datatype != NAMES[spec.data_type]:
        known = "" if tensor.datatype in DTYPES else ", which is no datatype of a model here"
        message = (
            f"input {tensor.name!r} has datatype {tensor.datatype!r}{known}, "
            f"but model {model!r} expects {NAMES[spec.data_type]!r}"
        )
        raise wrong(field, message, "INPUT_DOES_NOT_FIT")


def _check_shape(tensor: ModelInferRequest.InferInputTensor, spec: TensorSpec, field: str, model: str) -> None:
    shape = list(tensor.shape)
    fits = len(shape) == len(spec.shape) and all(
        length == wanted or (wanted is None and length >= 0)
        for length, wanted in zip(shape, spec.shape, strict=True)
    )
    if not fits or math.prod(filter(None, shape)) > _ELEMENTS_MAX:
        called = f"input {tensor.name!r} for model {model!r}"
        message = f"unexpected shape for {called}: expected {shape_of(spec)}, got {shape}"
        raise wrong(field, message, "INPUT_DOES_NOT_FIT")


def _arrays(request: ModelInferRequest) -> Iterator[NamedArray]:
    raw = request.raw_input_contents
    for index, tensor in enumerate(request.inputs):
        shape, named = tuple(tensor.shape), {"name": tensor.name}
        if raw:
            field = f"raw_input_contents[{index}]"
            values: NDArray[Any] = array_of(raw[index], tensor.datatype, shape, field=field, **named)
        else:
            field = f"inputs[{index}].contents"
            values = array_of_contents(tensor.contents, tensor.datatype, shape, field=field, **named)
        yield NamedArray(tensor.name, values)


def shape_of(spec: TensorSpec) -> list[int]:
    """As the protocol has it: -1 where any length will do."""
    return [-1 if length is None else length for length in spec.shape]


def _listed(model: Servable) -> str:
    return "; ".join(f"{spec.name}: {NAMES[spec.data_type]} {shape_of(spec)}" for spec in model.contract.inputs)
