"""What both sides of the measurement agree on: methods, bytes, weights and expected answers."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np

SCORE_METHOD = "/benchmark.Scorer/Score"
STREAM_METHOD = "/benchmark.Scorer/ScoreStream"
STATUS_METHOD = "/benchmark.Scorer/Status"
FEATURE_COUNT = 64
HIDDEN_COUNT = 128
CLASS_COUNT = 10
FLOAT32 = np.dtype("<f4")
CHILD_LIFETIME_SECONDS = 120.0
_SEED = 20240607
_TOLERANCE = 1e-4
_STATUS = struct.Struct("<dqqq")


class Status(NamedTuple):
    """A server's running totals; two of them bracket a load."""

    cpu_seconds: float
    pass_count: int
    row_count: int
    seen_call_count: int

    def pack(self) -> bytes:
        return _STATUS.pack(*self)

    @classmethod
    def unpack(cls, content: bytes) -> Status:
        return cls(*_STATUS.unpack(content))


class Weights(NamedTuple):
    """The network's parameters, the same in every process because the seed is fixed."""

    hidden: np.ndarray
    hidden_bias: np.ndarray
    output: np.ndarray
    output_bias: np.ndarray


def make_weights() -> Weights:
    generator = np.random.default_rng(_SEED)
    return Weights(
        hidden=generator.normal(0, 0.1, (FEATURE_COUNT, HIDDEN_COUNT)).astype(FLOAT32),
        hidden_bias=generator.normal(0, 0.1, HIDDEN_COUNT).astype(FLOAT32),
        output=generator.normal(0, 0.2, (HIDDEN_COUNT, CLASS_COUNT)).astype(FLOAT32),
        output_bias=generator.normal(0, 0.1, CLASS_COUNT).astype(FLOAT32),
    )


def append_entropy(probabilities: np.ndarray) -> np.ndarray:
    """Returns rows of the class probabilities followed by their entropy in nats."""
    logarithms = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    entropy = -np.sum(probabilities * logarithms, axis=1, keepdims=True)
    return np.concatenate([probabilities, entropy], axis=1)


def _reference_scores(rows: np.ndarray, weights: Weights) -> np.ndarray:
    hidden = np.maximum(rows @ weights.hidden + weights.hidden_bias, 0)
    logits = hidden @ weights.output + weights.output_bias
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return append_entropy(exponents / exponents.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Exchange:
    """A request and the answer computed without the server's model runtime."""

    request: bytes
    expected: np.ndarray

    def matches(self, response: bytes) -> bool:
        if len(response) != self.expected.size * FLOAT32.itemsize:
            return False
        difference = np.frombuffer(response, FLOAT32) - self.expected
        return bool(np.abs(difference).max() < _TOLERANCE)


def make_exchanges(row_count: int, exchange_count: int = 16) -> list[Exchange]:
    weights = make_weights()
    generator = np.random.default_rng(_SEED + row_count)
    shape = (exchange_count, row_count, FEATURE_COUNT)
    requests = generator.normal(0, 1, shape).astype(FLOAT32)
    return [Exchange(rows.tobytes(), _reference_scores(rows, weights).ravel()) for rows in requests]


def pin_process(cpu_index: int) -> None:
    """Keeps every thread of this process, also those that exist already, on one CPU."""
    if not hasattr(os, "sched_setaffinity"):
        return
    available_cpus = sorted(os.sched_getaffinity(0))
    cpu = available_cpus[cpu_index % len(available_cpus)]
    for thread_path in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread_path.name), {cpu})


def wait_for_parent(connection: Connection) -> None:
    """Returns when the parent asks for the end, is dead, or the longest life is over."""
    try:
        if connection.poll(CHILD_LIFETIME_SECONDS):
            connection.recv()
    except EOFError:
        return
