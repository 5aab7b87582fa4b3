"""Whether labels, and what is given for classes, fit the rows, and say enough for something to be said of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.checks import wrong
from assayd_server.core.arrays import Integers
from assayd_server.core.labels import UNKNOWN, GivenLabels
from assayd_server.core.labels.thresholds import ROWS_MAX, UNITS
from assayd_server.core.tasks import Task
from assayd_server.labeling_wanted import OfClasses


def answers(labels: NDArray[Any], *, task: Task, row_count: int, class_count: int) -> Integers:
    """The labels as answers to questions: (n, 1) of classes, or (n, c) of labels by themselves; int64.

    Raises:
        InvalidArgumentError: there are more or fewer than rows or classes, or one is out of range.
    """
    each = task is Task.MULTILABEL
    shape = (row_count, class_count) if each else (row_count,)
    if labels.shape != shape:
        message = f"is {list(labels.shape)}, {task} rows of {class_count} classes need {list(shape)}"
        raise wrong("labels.shape", message, "LABELS_DO_NOT_FIT")
    highest = 1 if each else class_count - 1
    bad = np.flatnonzero((labels < UNKNOWN) | (labels > highest))
    if bad.size:
        place = ", ".join(str(int(one)) for one in np.unravel_index(int(bad[0]), labels.shape))
        message = f"[{place}] is {labels.flat[bad[0]]}, allowed are 0 to {highest}, and {UNKNOWN} for none"
        raise wrong("labels.data", message, "LABEL_OUT_OF_RANGE")
    positions = labels.astype(np.int64)
    return positions if each else positions[:, None]


def check_given(given: GivenLabels, shape: tuple[int, int]) -> None:
    """Refuse sums that no rows of these questions have.

    Raises:
        InvalidArgumentError: the field says why.
    """
    for name, array in (("counts", given.counts), ("sums", given.sums)):
        if array.shape != shape:
            message = f"is {list(array.shape)}, the rows need {list(shape)}"
            raise wrong(f"given.{name}.shape", message, "GIVEN_DOES_NOT_FIT")
    counts, sums = given.counts, given.sums
    if counts.min() < 0 or counts.max() > ROWS_MAX or (counts.sum(axis=1) > ROWS_MAX).any():
        raise wrong("given.counts.data", f"is of fewer rows than 0 or more than {ROWS_MAX}", "GIVEN_DOES_NOT_FIT")
    if sums.min() < 0 or (sums > counts * UNITS).any():
        raise wrong("given.sums.data", "is not of probabilities of so many rows", "GIVEN_DOES_NOT_FIT")


def check_enough(given: GivenLabels, task: Task) -> None:
    """Refuse labels of which nothing can be said.

    Raises:
        InvalidArgumentError: there are none, all are of one class, or a class has none.
    """
    counts = given.counts
    of_classes = counts[:, 1] if task is Task.MULTILABEL else counts[0]
    if not counts.sum():
        raise wrong("labels", "are all unknown: there is nothing to assess", "NOTHING_LABELED")
    if np.count_nonzero(counts.sum(axis=0)) == 1:
        raise wrong("labels", "are all equal: nothing tells a wrong one from a right one", "LABELS_ALL_EQUAL")
    empty = np.flatnonzero(of_classes == 0)
    if empty.size:
        message = f"have none of class {int(empty[0])}, and {empty.size} classes are without any"
        raise wrong("labels", f"{message}: nothing can be said of these", "EMPTY_CLASS")


def of_each_class(given: OfClasses, class_count: int) -> NDArray[Any]:
    """(c,): one number for all classes as one for each.

    Raises:
        InvalidArgumentError: there are neither one nor as many as classes.
    """
    if given.values.shape == (1,):
        return np.repeat(given.values, class_count)
    check_classes(given, class_count)
    return given.values


def check_classes(given: OfClasses, class_count: int) -> None:
    """Refuse what is of other classes.

    Raises:
        InvalidArgumentError: it is.
    """
    if len(given.values) != class_count:
        message = f"is {list(given.values.shape)}, the rows are of {class_count} classes"
        raise wrong(f"{given.field}.shape", message, "CLASSES_DO_NOT_FIT")
