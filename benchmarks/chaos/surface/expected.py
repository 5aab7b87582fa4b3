"""What should come out, from the formulas in the documentation: NumPy, and nothing of the server's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
WIDTH, HIDDEN, CLASSES = 12, 8, 5


@dataclass(frozen=True)
class Network:
    """x -> tanh -> logits."""

    w1: Floats
    b1: Floats
    w2: Floats
    b2: Floats

    def embeddings(self, x: Floats) -> Floats:
        """(n, HIDDEN)."""
        return np.tanh(x @ self.w1 + self.b1)

    def logits(self, embeddings: Floats) -> Floats:
        """(n, CLASSES)."""
        return embeddings @ self.w2 + self.b2


def random_network(seed: int) -> Network:
    """One that is neither sure of everything nor of nothing."""
    rng = np.random.default_rng(seed)
    shapes = {"w1": (WIDTH, HIDDEN), "b1": (HIDDEN,), "w2": (HIDDEN, CLASSES), "b2": (CLASSES,)}
    scales = {"w1": 0.4, "b1": 0.1, "w2": 1.0, "b2": 0.3}
    return Network(
        **{name: rng.normal(0, scales[name], shape).astype(np.float32) for name, shape in shapes.items()}
    )


def softmax(logits: Floats, temperature: float = 1.0) -> NDArray[np.float64]:
    """Rows that sum to 1."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def uncertainty(measure: str, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,), by the formulas of Settles and of Monarch."""
    classes = probabilities.shape[1]
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    if measure == "least_confidence":
        return (1 - first) * classes / (classes - 1)
    if measure == "margin":
        return 1 - (first - second)
    if measure == "ratio":
        return second / first
    surprises = np.where(probabilities > 0, -np.log(np.maximum(probabilities, 1e-300)), 0)
    return (probabilities * surprises).sum(axis=1) / (1 if measure == "max_entropy" else np.log(classes))


def energy(logits: Floats) -> NDArray[np.float64]:
    """(n,): minus the logarithm of the sum of powers; larger is stranger."""
    largest = logits.max(axis=1).astype(np.float64)
    return -(largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1)))


def cosines(rows: Floats, pool: Floats) -> NDArray[np.float64]:
    """(n, m)."""
    unit = [values / np.linalg.norm(values.astype(np.float64), axis=1, keepdims=True) for values in (rows, pool)]
    return unit[0] @ unit[1].T


def fixed_policy(utilities: NDArray[np.float64], budget: float, *, window: int) -> list[bool]:
    """Decisions of the fixed threshold, by Zliobaite and others."""
    spent, decisions = 0.0, []
    for utility in utilities:
        chosen = bool(utility >= 1 - budget and spent / window < budget)
        spent = spent * (window - 1) / window + chosen
        decisions.append(chosen)
    return decisions


def cut(rows: Floats, rng: np.random.Generator) -> list[Floats]:
    """The same rows in batches of random sizes, none of them empty."""
    places = np.sort(rng.choice(np.arange(1, len(rows)), min(4, len(rows) - 1), replace=False))
    return np.split(rows, places)


def check_equal(found: object, wanted: object, what: str, *, tolerance: float = 1e-4) -> None:
    """Raise where two arrays differ.

    Raises:
        AssertionError: they do.
    """
    np.testing.assert_allclose(
        np.asarray(found, np.float64), np.asarray(wanted, np.float64), rtol=tolerance, atol=tolerance, err_msg=what
    )


def check_best(values: NDArray[np.float64], positions: Sequence[int] | NDArray[np.int64], count: int) -> None:
    """Raise where these are not the positions of the largest values, best first; near ties may swap."""
    chosen = values[np.asarray(positions)]
    assert len(chosen) == len(set(np.asarray(positions).tolist())), "a row was chosen twice"
    check_equal(chosen, np.sort(values)[::-1][:count], "the largest values")
