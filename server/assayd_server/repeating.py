"""What is said of how much the rows of a batch repeat each other, where that does not take too long."""

from dataclasses import dataclass

from assayd_server.core.arrays import Floats
from assayd_server.core.near_duplicates import near_duplicates
from assayd_server.core.repetition import effective_size, mean_cosine
from assayd_server.core.validity import finite

OPERATIONS_MAX = 2**34
"""Of multiplications, roughly, for each: two or three seconds, in which no other computation runs."""
_EIGENVALUES_FACTOR, _COMPARISON_OPERATIONS = 8, 64
"""What eigenvalues cost beside a product of two matrices, and what is done with a cosine beside making it."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """Of the rows that were chosen; None where nothing can be said."""

    mean_cosine: float | None = None
    effective_size: float | None = None
    repeating: int = 0
    """How many of the rows hardly differ from one that was chosen before."""


NOTHING = Repetition()


def repetition(embeddings: Floats, *, part: bool) -> Repetition:
    """How much rows repeat each other.

    Args:
        embeddings: (k, d), of the rows that were chosen; those that are zero or not finite do not count.
        part: whether they are to be chosen from once more: then only the mean cosine is told, which costs little.
    """
    rows = embeddings[finite(embeddings)]
    rows = rows[(rows != 0).any(axis=1)]
    count, width = rows.shape
    smaller, larger = sorted((count, width))
    size_operations = smaller * smaller * (larger + _EIGENVALUES_FACTOR * smaller)
    pairs_operations = count * count // 2 * (width + _COMPARISON_OPERATIONS)
    return Repetition(
        mean_cosine=mean_cosine(rows) if count > 1 else None,
        effective_size=None if part or not count or size_operations > OPERATIONS_MAX else effective_size(rows),
        repeating=0 if part or pairs_operations > OPERATIONS_MAX else near_duplicates(rows),
    )
