"""A model whose passes take far longer than a call: ResNet-50, and what a second core brings to it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.serving import onnx_runtime, resnet, score_calls, systems
from benchmarks.serving.cores import CORES
from benchmarks.serving.exchanges import ENTROPY, PROBABILITIES
from benchmarks.serving.field import Field
from benchmarks.serving.h2load import Load
from benchmarks.serving.measured import Comparison, Measured
from benchmarks.serving.onnx_runtime import NAME as ONNX_RUNTIME
from benchmarks.serving.systems import ASSAYD
from benchmarks.serving.turns import Alone, Called, in_turn

IMAGES, EIGHT = 8, Load(8, connections=2)
TWO_CORES, ONNX_TWO_CORES = "assayd, two cores", "ONNX Runtime, two cores"


def resnet50(field: Field) -> Iterator[Measured]:
    """ResNet-50, 8 images a call, 8 in flight; with one core, and with two that it shares with the load."""
    path, rows = resnet.written(field.folder / "resnet50.onnx"), resnet.images(IMAGES)
    expected, plan = resnet.probabilities(path, rows), field.plan
    contenders = [_called(field, path, rows, expected, cores=CORES[:1]), _alone(path, rows, expected, CORES[:1])]
    if len(CORES) > 1:
        both = CORES[:2]
        contenders += [_called(field, path, rows, expected, cores=both), _alone(path, rows, expected, both)]
    rounds = in_turn(contenders, rounds=plan.rounds_more, seconds=5 * plan.seconds)
    yield Measured(
        "8 images float32, 8 in flight",
        rounds,
        [
            Comparison(ASSAYD, ONNX_RUNTIME, asked=0.95, stretch=0.98),
            Comparison(TWO_CORES, ASSAYD),
            Comparison(TWO_CORES, ONNX_TWO_CORES),
        ],
    )


def _called(field: Field, path: Path, rows: np.ndarray, expected: np.ndarray, *, cores: list[int]) -> Called:
    name = ASSAYD if len(cores) == 1 else TWO_CORES
    started = systems.assayd_tcp(field.folder, "--model", str(path), cores=cores, name=name)
    served = field.stack.enter_context(started)
    entropy = -(expected * np.log(expected)).sum(axis=1) / np.log(expected.shape[1])
    exchange = score_calls.exchange(rows, {PROBABILITIES: expected, ENTROPY: entropy})
    return Called(served.name, served.target, served.program, exchange, EIGHT)


def _alone(path: Path, rows: np.ndarray, expected: np.ndarray, cores: list[int]) -> Alone:
    name = ONNX_RUNTIME if len(cores) == 1 else ONNX_TWO_CORES
    arguments = (path, rows, expected, len(cores), True)
    return Alone(name, onnx_runtime.network, arguments, cores=tuple(cores))
