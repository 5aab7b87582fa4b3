"""What is asked of a server, and whether its answer is right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

TOLERANCE = 1e-5
PROBABILITIES, ENTROPY, PREDICTIONS = "probabilities", "entropy", "predictions"
Answer = Mapping[str, np.ndarray]
"""What is said of n rows: probabilities (n, c), entropy (n,) in [0, 1], predictions (n,)."""


def agree(found: Answer, expected: Answer) -> bool:
    """Whether both say the same, to 1e-5, and nothing else."""
    return found.keys() == expected.keys() and all(
        found[name].shape == values.shape and np.allclose(found[name], values, rtol=0, atol=TOLERANCE)
        for name, values in expected.items()
    )


class Matches(Protocol):
    """Tells whether a response is right; goes to other processes."""

    def __call__(self, response: bytes) -> bool:
        """Whether it is."""


@dataclass(frozen=True)
class Exchange:
    """A call: the request's bytes, and who tells whether the response's bytes answer it."""

    method: str
    """With the service: "/package.Service/Method"."""
    request: bytes
    matches: Matches


@dataclass(frozen=True)
class Scored:
    """Matches responses that say of the rows what is expected."""

    read: Callable[[bytes], Answer]
    expected: Answer

    def __call__(self, response: bytes) -> bool:
        """Whether it does."""
        return agree(self.read(response), self.expected)


@dataclass(frozen=True)
class Zeros:
    """Matches so many zero bytes."""

    count: int

    def __call__(self, response: bytes) -> bool:
        """Whether it does."""
        return response == bytes(self.count)


def only(answer: Answer, *names: str) -> dict[str, Any]:
    """A part of an answer."""
    return {name: answer[name] for name in names}
