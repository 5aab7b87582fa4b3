"""Labels beside a window: two columns more, of how frequent each label is and how often predictions are wrong."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Integers
from assayd_server.core.drift.bins import BinKind, Bins
from assayd_server.core.drift.layout import Column, Layout
from assayd_server.core.drift.reference import CLASS_COLUMN, ERROR_COLUMN, LABEL_COLUMN, DriftReference
from assayd_server.core.drift.window import WindowState


def class_bins(layout: Layout) -> Bins:
    """Of the predicted class, which the labels have too; there is one wherever a reference has labels."""
    return next(column.bins for column in layout.columns if column.name == CLASS_COLUMN)


def labelled_reference(reference: DriftReference) -> DriftReference:
    """The same with the columns of labels after its own, counted from its confusion.

    Args:
        reference: with labels.
    """
    assert reference.confusion is not None  # whoever asks has looked
    layout = reference.layout
    errors = Bins(BinKind.CATEGORIES, np.array(["right", "wrong"]))
    columns = (*layout.columns, Column(LABEL_COLUMN, class_bins(layout)), Column(ERROR_COLUMN, errors))
    state = labelled_window(reference.state, reference.confusion)
    return DriftReference(replace(layout, columns=columns), state, reference.confusion)


def labelled_window(window: WindowState, confusion: Integers) -> WindowState:
    """A window with the counts of its labels after its own.

    Args:
        window: in the layout without the columns of labels.
        confusion: (B, B) of its rows, as confusion_counts gives it.
    """
    return replace(window, counts=np.concatenate([window.counts, *label_counts(confusion)]))


def label_counts(confusion: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many rows have each label, (B + 1,), and how many are right, wrong, other and missing, (4,).

    Rows without a label, or without a prediction, are in neither. Where prediction and label both are of classes
    that the bins do not tell apart, nobody knows whether they agree: such rows count among the labels alone.

    Args:
        confusion: (B, B) int64, as confusion_counts gives it; its last row and column are of the other classes.
    """
    right = int(np.trace(confusion[:-1, :-1]))
    wrong = int(confusion.sum()) - right - int(confusion[-1, -1])
    return np.append(confusion.sum(axis=0), 0), np.array([right, wrong, 0, 0])
