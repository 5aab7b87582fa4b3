"""Rows of which the true labels are known, and some given labels are wrong."""

import numpy as np
from hypothesis import strategies as st

from assayd_server.core.labels import UNKNOWN

Sample = tuple[np.ndarray, np.ndarray]
seeds = st.integers(0, 2**32 - 1)


def noisy(
    row_count: int, class_count: int, *, noise: float = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, 1, c) probabilities, (n, 1) given labels, of which a share is another class, and (n, 1) true ones."""
    random = np.random.default_rng(seed)
    truth = random.integers(class_count, size=row_count)
    logits = random.normal(size=(row_count, class_count)) + 4 * np.eye(class_count)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    shift = np.where(random.random(row_count) < noise, random.integers(1, class_count, row_count), 0)
    return probabilities[:, None], ((truth + shift) % class_count)[:, None], truth[:, None]


def random_sample(seed: int, *, question_count: int = 1, answer_count: int = 3, unknown: bool = True) -> Sample:
    """(n, q, k) probabilities and (n, q) labels of up to 40 rows, a fifth of them unknown if wanted."""
    random = np.random.default_rng(seed)
    row_count = int(random.integers(1, 41))
    probabilities = random.dirichlet(np.full(answer_count, 0.5), size=(row_count, question_count))
    labels = random.integers(answer_count, size=(row_count, question_count))
    if unknown:
        labels[random.random(labels.shape) < 0.2] = UNKNOWN
    return probabilities, labels
