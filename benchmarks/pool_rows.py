"""A pool that is made from a seed, block by block, and what NumPy makes of it; for rank_pool.py."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

CLASS_COUNT, BLOCK_ROWS, SPECIAL_EVERY, SEED = 10, 1000, 4000, 1


@dataclass(frozen=True)
class Part:
    """Some rows of the pool: which, in batches of how many, and as what they are sent.

    All numbers are multiples of BLOCK_ROWS.
    """

    start: int
    stop: int
    batch_rows: int
    kind: str = "logits"
    dtype: str = "float32"
    named: bool = False
    """Whether their positions in the pool go along as ids."""

    def batches(self) -> Iterator[dict[str, np.ndarray]]:
        """What rank_stream takes."""
        blocks = range(self.start // BLOCK_ROWS, self.stop // BLOCK_ROWS)
        per_batch = self.batch_rows // BLOCK_ROWS
        for first in range(0, len(blocks), per_batch):
            rows = np.concatenate([block(number) for number in blocks[first : first + per_batch]])
            rows = rows.astype(self.dtype, copy=False)
            position = self.start + first * BLOCK_ROWS
            scores = probabilities(rows) if self.kind == "probabilities" else rows
            ids = {"ids": np.arange(position, position + len(rows))} if self.named else {}
            yield {self.kind: scores, **ids}


def block(number: int) -> np.ndarray:
    """(BLOCK_ROWS, c) float32 logits, the same whoever asks."""
    rng = np.random.default_rng([SEED, number])
    rows = 2 * rng.standard_normal((BLOCK_ROWS, CLASS_COUNT), dtype=np.float32)
    position = number * BLOCK_ROWS
    rows[-position % SPECIAL_EVERY :: SPECIAL_EVERY] = 0
    rows[(1 - position) % SPECIAL_EVERY :: SPECIAL_EVERY, 3] = np.nan
    return rows


def probabilities(logits: np.ndarray) -> np.ndarray:
    """As anybody would write it; a row with NaN is NaN."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def measured(measure: str, given: np.ndarray) -> np.ndarray:
    """The measure of each row of probabilities."""
    second, first = np.partition(given, -2, axis=1)[:, -2:].T
    if measure == "least_confidence":
        return (1 - first) * (CLASS_COUNT / (CLASS_COUNT - 1))
    if measure == "margin":
        return 1 - (first - second)
    if measure == "ratio":
        return second / first
    nats = -(given * np.log(given)).sum(axis=1)
    return nats if measure == "max_entropy" else nats / np.log(CLASS_COUNT)


def whole(row_count: int, dtype: str = "float32") -> np.ndarray:
    """All logits at once."""
    return np.concatenate([block(number) for number in range(row_count // BLOCK_ROWS)]).astype(dtype, copy=False)


def best(scores: np.ndarray, count: int) -> np.ndarray:
    """The first positions of a full stable sort; NaN comes last."""
    return np.argsort(-scores, kind="stable")[:count]
