"""Threads that call a server without a pause, and check that every answer is their own."""

import threading
import time

import numpy as np

from assayd import AssaydError, Client, Scores

CLASSES = 4
"""The width of the rows, which is what onnx_models.identity takes."""


def marked_rows(rng: np.random.Generator) -> np.ndarray:
    """Rows that no other call sends: whole numbers that float32 holds exactly."""
    return rng.integers(0, 2**24, (int(rng.integers(1, 65)), CLASSES)).astype(np.float32)


class Caller(threading.Thread):
    """Calls until it is told to stop or until a call fails, and checks that every answer is its own."""

    def __init__(self, client: Client, seed: int, stop: threading.Event) -> None:
        super().__init__()
        self._client = client
        self._rng = np.random.default_rng(seed)
        self._stop_calling = stop
        self.answered = 0
        self.mixed_up = 0
        self.error: AssaydError | None = None

    def run(self) -> None:
        while not self._stop_calling.is_set() and self.error is None:
            x = marked_rows(self._rng)
            try:
                scores = self._client.score(x, outputs=["logits"], uncertainties=["margin"], deadline_seconds=30)
            except AssaydError as error:
                self.error = error
            else:
                self.answered += 1
                self.mixed_up += not is_answer_to(scores, x)


def is_answer_to(scores: Scores, x: np.ndarray) -> bool:
    return np.array_equal(scores.logits, x) and np.array_equal(scores.predictions, x.argmax(axis=1))


def wait_for_answers(callers: list[Caller], count: int) -> None:
    """Until they have so many answers, or one of them has an error."""
    while sum(caller.answered for caller in callers) < count and not any(caller.error for caller in callers):
        time.sleep(0.01)
