"""From the tensors of a request to arrays that a model takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.contract import TensorSpec
from assayd_server.errors import InvalidArgumentError
from assayd_server.rows import NamedArray

_PASSED_MAX = 256
_FIELD = "rows.inputs.tensors"


def matched(specs: Sequence[TensorSpec], tensors: Sequence[NamedArray]) -> dict[str, NDArray[Any]]:
    """The arrays of a request by the input that they feed, checked but not cast yet.

    Args:
        specs: the model's inputs.
        tensors: those of the request; one without a name feeds the only input there is.

    Raises:
        InvalidArgumentError: an input is missing, unknown or given twice, or a type or a shape does not fit.
    """
    by_name = {spec.name: spec for spec in specs}
    found: dict[str, NDArray[Any]] = {}
    for index, tensor in enumerate(tensors):
        spec = _spec_for(tensor.name, by_name, f"{_FIELD}[{index}].name")
        if spec.name in found:
            raise _wrong(f"{_FIELD}[{index}].name", f"input {spec.name!r} was given twice")
        _check_shape(tensor.values.shape, spec, f"{_FIELD}[{index}]")
        _check_type(tensor.values, spec, f"{_FIELD}[{index}]")
        found[spec.name] = tensor.values
    missing = [name for name in by_name if name not in found]
    if missing:
        raise _wrong(_FIELD, f"the model's inputs {missing} were not given, it takes {_listed(by_name)}")
    return found


class Matches:
    """The arrays of requests by input, as matched gives them; a form that has passed is not looked at again."""

    def __init__(self, specs: Sequence[TensorSpec]) -> None:
        """Nothing has passed yet.

        Args:
            specs: the model's inputs.
        """
        self._specs = specs
        self._passed: dict[tuple[Any, ...], str] = {}
        """The input that a tensor feeds, by its name, its type and the shape of a row."""

    def of(self, tensors: Sequence[NamedArray]) -> Mapping[str, NDArray[Any]]:
        """The arrays by input.

        Raises:
            InvalidArgumentError: as of matched.
        """
        if len(tensors) != 1:
            return matched(self._specs, tensors)
        name, values = tensors[0].name, tensors[0].values
        form = (name, values.dtype, values.shape[1:])
        feeds = self._passed.get(form)
        if feeds is not None:
            return {feeds: values}
        found = matched(self._specs, tensors)
        feeds = next(iter(found))
        wanted = next(spec for spec in self._specs if spec.name == feeds).data_type
        # of whole numbers for whole numbers the values count too, as they may be out of range
        if (values.dtype.kind == "f" or wanted.startswith("float")) and len(self._passed) < _PASSED_MAX:
            self._passed[form] = feeds
        return found


def cast(specs: Sequence[TensorSpec], arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Matched arrays in the model's own types, aligned; nothing is copied that is so already."""
    with np.errstate(over="ignore"):  # beyond float32 lies an infinity, which could have been sent as such
        return {
            spec.name: arrays[spec.name]
            if spec.data_type == "string"
            else arrays[spec.name].astype(spec.data_type, copy=not arrays[spec.name].flags.aligned)
            for spec in specs
        }


def _spec_for(name: str, by_name: dict[str, TensorSpec], field: str) -> TensorSpec:
    if not name and len(by_name) == 1:
        return next(iter(by_name.values()))
    if name not in by_name:
        raise _wrong(field, f"{name!r} is not an input of the model, it takes {_listed(by_name)}")
    return by_name[name]


def _check_shape(shape: tuple[int, ...], spec: TensorSpec, field: str) -> None:
    fits = len(shape) == len(spec.shape) and all(
        wanted in (None, length) for length, wanted in zip(shape[1:], spec.shape[1:], strict=True)
    )
    if not fits:
        raise _wrong(f"{field}.shape", f"is {list(shape)}, the model takes {spec}")


def _check_type(values: NDArray[Any], spec: TensorSpec, field: str) -> None:
    if spec.data_type == "string" or values.dtype.kind == "O":
        if spec.data_type != "string" or values.dtype.kind != "O":
            raise _wrong_type(values, spec, field)
        return
    wanted = np.dtype(spec.data_type)
    if wanted.kind in "iu" and values.dtype.kind in "iu":
        _check_range(values, wanted, field)
    elif not np.can_cast(values.dtype, wanted, "same_kind"):
        raise _wrong_type(values, spec, field)


def _check_range(values: NDArray[Any], wanted: np.dtype[Any], field: str) -> None:
    low, high = np.iinfo(wanted).min, np.iinfo(wanted).max
    if values.dtype != wanted and values.size and (values.min() < low or values.max() > high):
        raise _wrong(f"{field}.data", f"a value is outside of {wanted.name}, [{low}, {high}]")


def _wrong_type(values: NDArray[Any], spec: TensorSpec, field: str) -> InvalidArgumentError:
    sent = "string" if values.dtype.kind == "O" else values.dtype.name
    return _wrong(f"{field}.data_type", f"{sent} cannot be cast to what the model takes, {spec}")


def _wrong(field: str, message: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason="INPUT_DOES_NOT_FIT", field=field)


def _listed(by_name: dict[str, TensorSpec]) -> str:
    return "; ".join(map(str, by_name.values()))
