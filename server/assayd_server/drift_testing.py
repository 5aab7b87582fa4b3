"""A window of rows against the reference of a model: what is watched is computed, counted and judged."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.drift import (
    DriftSettings,
    NothingToTestError,
    WindowState,
    WindowVerdict,
    judge,
)
from assayd_server.core.drift.bins import Values
from assayd_server.core.drift.chosen import only
from assayd_server.core.drift.label_shift import confusion_counts
from assayd_server.core.drift.labelled import class_bins, labelled_reference, labelled_window
from assayd_server.core.drift.reference import CLASS_COLUMN
from assayd_server.core.labels import UNKNOWN
from assayd_server.drift_wanted import DriftWanted
from assayd_server.errors import InvalidArgumentError
from assayd_server.features import feature_columns
from assayd_server.monitored import score_columns
from assayd_server.reference_file import Reference
from assayd_server.rows import Embeddings, Inputs, Rows
from assayd_server.scoring import Scores
from assayd_server.servable import Servable

ColumnsOfRows: TypeAlias = tuple[int, Mapping[str, Values], Floats | None]
"""How many rows there are, the values of each column by its name, and embeddings, as Layout.count takes them."""


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What was found in a window."""

    model: Servable
    reference: Reference
    verdict: WindowVerdict
    wanted: DriftWanted


def columns_of(
    rows: Rows, scores: Scores | None, embeddings: Floats | None, reference: Reference
) -> ColumnsOfRows:
    """What is watched of rows.

    Args:
        rows: n of them.
        scores: of them; None where they have none.
        embeddings: (n, d); None where there are none.
        reference: whose columns are meant.
    """
    columns = [] if scores is None else score_columns(scores, temperature=reference.manifest.temperature)
    if isinstance(rows, Inputs) and scores is not None and scores.plan.model is not None:
        columns += feature_columns(reference.manifest.features, rows, scores.plan.model.contract.inputs)
    return rows.count, {column.name: column.values for column in columns}, embeddings


def window_of(columns: ColumnsOfRows, reference: Reference) -> WindowState:
    """What is counted of a window.

    Raises:
        InvalidArgumentError: a column has strings for numbers, or the other way round.
    """
    try:
        return reference.drift.layout.count(*columns)
    except ValueError as error:
        raise does_not_fit(error) from None


def with_labels(
    window: WindowState, columns: ColumnsOfRows, labels: Integers, reference: Reference
) -> tuple[WindowState, Reference]:
    """A window and the reference, with the columns of labels.

    Args:
        window: of the columns.
        columns: of n rows that have predictions.
        labels: (n,) class positions, and UNKNOWN for none.
        reference: with labels.
    """
    given = np.where(labels == UNKNOWN, np.nan, labels)
    confusion = confusion_counts(class_bins(reference.drift.layout), columns[1][CLASS_COLUMN], given)
    return labelled_window(window, confusion), replace(reference, drift=labelled_reference(reference.drift))


def does_not_fit(error: ValueError) -> InvalidArgumentError:
    """A column of the rows is not of the type of the reference's."""
    return InvalidArgumentError(str(error), reason="COLUMN_DOES_NOT_FIT", field="rows.inputs")


def judged(window: WindowState, wanted: DriftWanted, model: Servable, reference: Reference) -> DriftReport:
    """The verdict on a window.

    Raises:
        InvalidArgumentError: it has too few rows, or none of the columns that decide.
    """
    if wanted.columns:
        window = only(window, reference.drift.layout, wanted.columns)
    settings = DriftSettings(alpha=wanted.alpha, psi_min=wanted.delta, cramers_v_min=min(wanted.delta, 1.0))
    try:
        verdict = judge(reference.drift, window, settings)
    except NothingToTestError as error:
        raise InvalidArgumentError(str(error), reason="NOTHING_TO_TEST", field="rows") from None
    return DriftReport(model, reference, verdict, wanted)


def embeddings_of(rows: Rows, scores: Scores | None, beside: Floats | None) -> Floats | None:
    """(n, d) of a window: its own, those of the forward pass, or those that came beside it."""
    if isinstance(rows, Embeddings):
        return rows.values
    return beside if scores is None or scores.forward.embeddings is None else scores.forward.embeddings
