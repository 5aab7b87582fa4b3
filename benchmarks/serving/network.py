"""The network that all systems serve, and what NumPy says of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.novelty_serving import WIDTHS, files
from benchmarks.pool_serving import random_layers
from benchmarks.serving.exchanges import ENTROPY, PREDICTIONS, PROBABILITIES, Answer

CLASSES_MANY = 10_000


@dataclass(frozen=True)
class Network:
    """A perceptron in a file, with a reference beside it."""

    widths: Sequence[int]
    model: Path
    reference: Path

    def answer(self, rows: np.ndarray) -> Answer:
        """What NumPy says, in float64."""
        values = rows.astype(np.float64)
        *hidden, (weights, bias) = random_layers(self.widths, np.random.default_rng(0))
        for matrix, offset in hidden:
            values = np.maximum(values @ _stored(matrix) + _stored(offset), 0)
        return answered(values @ _stored(weights) + _stored(bias))


def _stored(weights: np.ndarray) -> np.ndarray:
    """As the file has them."""
    return weights.astype(np.float32).astype(np.float64)


def answered(logits: np.ndarray) -> Answer:
    """The softmax, its entropy over ln c, and the class."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    probabilities = exponentials / sums
    entropy = (np.log(sums) - (probabilities * shifted).sum(axis=1, keepdims=True))[:, 0]
    scaled = entropy / np.log(logits.shape[1])
    return {PROBABILITIES: probabilities, ENTROPY: scaled, PREDICTIONS: logits.argmax(axis=1)}


def written(folder: Path, *, classes: int, reference_rows: int) -> Network:
    """The network with so many classes, in files of this folder."""
    widths = (*WIDTHS[:-1], classes)
    folder.mkdir()
    return Network(widths, *files(folder, reference_rows, widths))


def float_rows(count: int) -> np.ndarray:
    """(n, 784) float32."""
    return np.random.default_rng(count).normal(size=(count, WIDTHS[0])).astype(np.float32)


def byte_rows(count: int) -> np.ndarray:
    """(n, 784) uint8, small so that the network is not too sure of them."""
    return np.random.default_rng(count).integers(0, 4, size=(count, WIDTHS[0]), dtype=np.uint8)
