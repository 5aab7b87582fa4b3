"""An ONNX model in ONNX Runtime. The only file that imports onnxruntime."""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

# From 1.29 on, ONNX Runtime reports what it loads to its makers, unless this is set before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

from assayd_server.contract import SAMPLE_ROWS, TensorSpec
from assayd_server.errors import ArtefactError

_TYPES = {
    "tensor(bool)": "bool",
    "tensor(uint8)": "uint8",
    "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32",
    "tensor(uint64)": "uint64",
    "tensor(int8)": "int8",
    "tensor(int16)": "int16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(string)": "string",
}
_FATAL_ONLY = 4
_NEWER_IR = re.compile(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)")
_NEWER_OPSET = re.compile(r"Opset (\d+) is under development.*till opset (\d+)")


class ModelRunError(Exception):
    """ONNX Runtime could not compute the rows it was given."""


class OnnxModel:
    """A loaded graph; safe to run from several threads."""

    def __init__(self, content: bytes, *, threads: int) -> None:
        """Parse and optimise the graph.

        Args:
            content: the .onnx file.
            threads: how many threads one pass may use.

        Raises:
            ArtefactError: it is no ONNX model, or one that this ONNX Runtime cannot load.
        """
        try:
            self._session = onnxruntime.InferenceSession(
                content, _session_options(threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own classes share no base but this
            raise ArtefactError(_why_not_loaded(_first_line(error))) from error
        specs = tuple(map(_spec, self._session.get_inputs()))
        self._rows_a_pass = _fixed_rows(specs)
        self.inputs = tuple(TensorSpec(spec.name, spec.data_type, (None, *spec.shape[1:])) for spec in specs)
        declared = tuple(map(_spec, self._session.get_outputs()))
        self._maps = {spec.name for spec in declared if _is_one_pixel(spec)}
        self.outputs = tuple(_as_given(spec, self._rows_a_pass) for spec in declared)

    def run(self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        """One forward pass; or several, where the graph takes a fixed number of rows at a time.

        Args:
            feeds: arrays of the model's own types, by input name.
            outputs: the names of the outputs to return.

        Raises:
            ModelRunError: the graph refused these values.
        """
        step = self._rows_a_pass
        if step is None:
            return self._pass(feeds, outputs)
        row_count = len(next(iter(feeds.values())))
        starts = range(0, row_count, step)
        passes = [self._pass(_filled_up(feeds, start, step), outputs) for start in starts]
        return [_joined(parts, row_count) for parts in zip(*passes, strict=True)]

    def _pass(self, feeds: Mapping[str, NDArray[Any]], outputs: Sequence[str]) -> list[NDArray[Any]]:
        try:
            given = self._session.run(list(outputs), dict(feeds))
        except Exception as error:  # as above
            raise ModelRunError(_first_line(error)) from error
        return [_flat(value) if name in self._maps else value for name, value in zip(outputs, given, strict=True)]

    def sample(self) -> dict[str, NDArray[Any]]:
        """What the model gives for a few made-up rows: it warms the model up and shows what its outputs are.

        Raises:
            ArtefactError: an input is of a kind that cannot be served.
            ModelRunError: the model takes no made-up rows, such as one that knows a few texts only.
        """
        names = [output.name for output in self.outputs]
        return dict(zip(names, self.run(self._made_up_feeds(), names), strict=True))

    def release_memory(self) -> None:
        """Give back what is kept for the next pass: without this, as much as the largest passes took (0012)."""
        feeds, step = self._made_up_feeds(), self._rows_a_pass
        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        options.terminate = True  # at the end of a run is the only time to ask for it, so this one ends at once
        with suppress(Exception):  # it says that it was ended
            self._session.run(None, feeds if step is None else _filled_up(feeds, 0, step), options)

    def _made_up_feeds(self) -> dict[str, NDArray[Any]]:
        return {spec.name: _made_up(spec) for spec in self.inputs}


def _session_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY  # errors come as exceptions; its own log lines are not JSON
    # a spinning thread pool takes the CPU from the threads that serve calls
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # What is not of ONNX's own format is not looked into here, and ONNX Runtime has another one.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    # Weights in other files would be looked for wherever the server was started, and no digest covers them.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    return options


def _spec(value: Any) -> TensorSpec:
    shape = tuple(length if isinstance(length, int) else None for length in value.shape or ())
    return TensorSpec(value.name, _TYPES.get(value.type, value.type), shape)


def _is_one_pixel(spec: TensorSpec) -> bool:
    """(n, c, 1, 1), which is how a network without a dense layer ends: a matrix all the same."""
    return len(spec.shape) > 3 and set(spec.shape[2:]) == {1}


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    """Without these axes, if a graph gives what it declares."""
    return values.reshape(values.shape[:2]) if set(values.shape[2:]) == {1} else values


def _as_given(spec: TensorSpec, rows_a_pass: int | None) -> TensorSpec:
    """An output as run gives it."""
    shape = spec.shape[:2] if _is_one_pixel(spec) else spec.shape
    if rows_a_pass is not None and shape[:1] == (rows_a_pass,):
        shape = (None, *shape[1:])
    return TensorSpec(spec.name, spec.data_type, shape)


def _fixed_rows(specs: tuple[TensorSpec, ...]) -> int | None:
    """How many rows the graph takes at a time; None where any number will do."""
    for spec in specs:
        if not spec.shape:
            raise ArtefactError(f"input {spec} has no axis for the rows")
    lengths = {spec.shape[0] for spec in specs}
    if len(lengths) != 1 or 0 in lengths:
        listed = "; ".join(map(str, specs))
        raise ArtefactError(f"the inputs must all take the same number of rows at a time: {listed}")
    return lengths.pop()


def _filled_up(feeds: Mapping[str, NDArray[Any]], start: int, count: int) -> dict[str, NDArray[Any]]:
    """So many rows from start on; where they end, the last one is repeated."""
    parts = {name: values[start : start + count] for name, values in feeds.items()}
    return {
        name: np.concatenate([part, np.repeat(part[-1:], count - len(part), axis=0)])
        for name, part in parts.items()
    }


def _joined(parts: Sequence[NDArray[Any]], row_count: int) -> NDArray[Any]:
    """What several passes gave; the last part alone where they cannot be joined."""
    try:
        return np.concatenate(parts)[:row_count]
    except ValueError:  # no row has a part of its own, as where a number stands for the batch
        return parts[-1]


def _made_up(spec: TensorSpec) -> NDArray[Any]:
    """Rows of the right type and shape, the same each time; axes of any length get length 1."""
    if spec.data_type not in _TYPES.values():
        raise ArtefactError(
            f"input {spec.name!r} has type {spec.data_type}, allowed are {', '.join(_TYPES.values())}"
        )
    shape = (SAMPLE_ROWS, *(1 if length is None else length for length in spec.shape[1:]))
    if spec.data_type == "string":
        return np.full(shape, "", object)
    values = np.random.default_rng(0).random(shape)
    return (values < 0.5 if spec.data_type == "bool" else values).astype(spec.data_type)


def _why_not_loaded(text: str) -> str:
    if found := _NEWER_IR.search(text):
        return (
            f"its IR version is {found[1]}, this ONNX Runtime reads up to {found[2]}: "
            f"set ir_version={found[2]} when exporting, or upgrade onnxruntime"
        )
    if found := _NEWER_OPSET.search(text):
        return (
            f"its opset is {found[1]}, this ONNX Runtime reads up to {found[2]}: "
            f"set the exporter's opset to {found[2]} (opset_version, target_opset), or upgrade onnxruntime"
        )
    return f"ONNX Runtime cannot load it: {text}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
