"""Ten letters, from frequent to rare, of which few rows have labels and many have none."""

from dataclasses import dataclass

import numpy as np

from examples.letters.rows import Letters

CLASS_COUNT = 10
LARGEST = 100
"""How many labelled rows the most frequent letter has."""
UNLABELLED_COUNT = 1000
HEALTHY_COUNT = 500


@dataclass(frozen=True)
class Task:
    """What is learnt from and tested on: rows are (n, 16) uint8, classes (n,) from 0, the most frequent."""

    rows: np.ndarray
    classes: np.ndarray
    unlabelled: np.ndarray
    """As rows; some may be of other letters."""
    healthy: np.ndarray
    """As rows: of the ten letters, though nobody has said of which, and not learnt from."""
    test_rows: np.ndarray
    """All test rows of the ten letters, which are about as frequent as each other."""
    test_classes: np.ndarray


def counts_by_class(total: int, imbalance: float) -> np.ndarray:
    """So many rows, divided into classes that fall geometrically, the first `imbalance` times as many as the last.

    What is left of whole numbers goes to the largest fractions.
    """
    shares = imbalance ** -(np.arange(CLASS_COUNT) / (CLASS_COUNT - 1))
    wanted = total * shares / shares.sum()
    counts = np.floor(wanted).astype(int)
    counts[np.argsort(counts - wanted, kind="stable")[: total - counts.sum()]] += 1
    return counts


def labelled_counts(imbalance: float) -> np.ndarray:
    """LARGEST rows of the first class, LARGEST / imbalance of the last; 1 at least."""
    falling = imbalance ** -(np.arange(CLASS_COUNT) / (CLASS_COUNT - 1))
    return np.maximum(np.round(LARGEST * falling), 1).astype(int)


def task(
    data: Letters, *, imbalance: float, unlabelled_imbalance: float, relevance: float, random: np.random.Generator
) -> Task:
    """Draw letters, their order, and rows without replacement.

    Args:
        data: all letters.
        imbalance: how many times as many labels the first letter has as the last.
        unlabelled_imbalance: the same of rows without labels that are of the ten letters, in the same order.
        relevance: the share of rows without labels that are of the ten; the rest is of the other sixteen.
        random: of all draws. With the same one the letters, and the labelled rows of one imbalance, are the same.
    """
    order = random.permutation(26)
    queues = [random.permutation(np.flatnonzero(data.classes == letter)) for letter in order]

    def taken(of_class: int, count: int) -> np.ndarray:
        ids, queues[of_class] = queues[of_class][:count], queues[of_class][count:]
        assert len(ids) == count
        return ids

    labelled = [taken(of_class, count) for of_class, count in enumerate(labelled_counts(imbalance))]
    related = round(UNLABELLED_COUNT * relevance)
    mixed = [taken(k, count) for k, count in enumerate(counts_by_class(related, unlabelled_imbalance))]
    healthy = [taken(of_class, HEALTHY_COUNT // CLASS_COUNT) for of_class in range(CLASS_COUNT)]
    others = random.permutation(np.concatenate(queues[CLASS_COUNT:]))[: UNLABELLED_COUNT - related]
    places = np.argsort(order)[data.test_classes]
    tested = places < CLASS_COUNT
    return Task(
        rows=data.rows[np.concatenate(labelled)],
        classes=np.repeat(np.arange(CLASS_COUNT), [len(ids) for ids in labelled]),
        unlabelled=data.rows[np.concatenate([*mixed, others])],
        healthy=data.rows[np.concatenate(healthy)],
        test_rows=data.test_rows[tested],
        test_classes=places[tested],
    )
