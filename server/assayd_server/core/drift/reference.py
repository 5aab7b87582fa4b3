"""The reference: the layout and the counts of healthy rows, that windows are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Booleans, Floats
from assayd_server.core.drift.bins import BinKind, Bins, Values, category_bins, interval_bins
from assayd_server.core.drift.fourier import fit_fourier_features
from assayd_server.core.drift.label_shift import confusion_counts
from assayd_server.core.drift.layout import Column, Embedding, Layout, Role, component_values, joined, part
from assayd_server.core.drift.reduction import fit_reduction
from assayd_server.core.drift.window import WindowState

CLASS_COLUMN = "predicted_class"
"""The column that shares of classes are estimated from, where the reference has labels."""

LABEL_COLUMN, ERROR_COLUMN = "label", "error"
"""What is compared besides where a window has labels too: core/drift/labelled.py."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ColumnValues:
    """A column of the rows that a reference is made of."""

    name: str
    values: Values
    """(n,), as bins take them."""
    kind: BinKind = BinKind.INTERVALS
    role: Role = Role.DECIDES
    declared: Values | None = None
    """For categories: those that are possible though none of the rows is in them."""


@dataclass(frozen=True, slots=True, eq=False)
class DriftReference:
    """What windows are held against."""

    layout: Layout
    state: WindowState
    """Of the reference's own rows."""

    confusion: NDArray[np.int64] | None
    """(B, B), of the class column, as confusion_counts gives it; None where the reference has no labels."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that there is to it, as arrays that hold no objects."""
        arrays = {**self.layout.arrays(), **joined({"state": self.state.arrays()})}
        return arrays if self.confusion is None else {**arrays, "confusion": self.confusion}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "DriftReference":
        """The reference that gave these arrays.

        Raises:
            ValueError: they are not those of a reference; KeyError where one is not there.
        """
        layout, state = Layout.from_arrays(arrays), WindowState.from_arrays(part(arrays, "state"))
        confusion = arrays.get("confusion")
        empty = layout.count(0, {})
        if {name: array.shape for name, array in state.arrays().items()} != {
            name: array.shape for name, array in empty.arrays().items()
        }:
            raise ValueError("the counts of the reference are not those of its columns")
        if state.rows < 1 or (layout.embedding and state.embedding_rows < 1):
            raise ValueError("the reference has no rows")
        if confusion is not None and confusion.shape != _confusion_shape(layout):
            raise ValueError("the confusion of the reference is not that of its class column")
        if confusion is not None:
            _check_names(layout)
        return cls(layout, state, confusion)


def fit_drift_reference(
    row_count: int,
    columns: Sequence[ColumnValues],
    *,
    embeddings: Floats | None = None,
    fitting: Booleans | None = None,
    labels: Values | None = None,
    bin_count: int = 10,
    category_count_max: int = 30,
    component_count: int = 16,
    frequency_count: int = 128,
    seed: int = 0,
) -> DriftReference:
    """Freeze bins, components and features, and count the rows that they come from.

    The components of the embedding are fitted on some rows, and the others are counted: rows lie closer to the
    components that were fitted on them than fresh ones do, which would alarm on healthy data (measured on 1,500
    digits of 64 pixels: 8.7 % of null windows at 5 %, and 4.0 % with halves). Bins count all rows.

    Args:
        row_count: n, at least 1.
        columns: of different names, in the order that they are to have; components of the embedding come last.
        embeddings: (n, d), n at least 2.
        fitting: (n,), the rows that the components are fitted on, some but not all; every second one by default.
        labels: (n,), of the kind of the class column. They have no say where there is no such column.
        bin_count: for intervals, from 2 to BIN_COUNT_MAX.
        category_count_max: for categories, from 1 to CATEGORY_COUNT_MAX.
        component_count: the most principal components that count for the embedding.
        frequency_count: D of the Fourier features.
        seed: of the Fourier features.

    Raises:
        ValueError: of the rows that the components are to be fitted on, none has a finite embedding, or there are
            no others; or two columns have the same name, be it that of a component, or with labels of theirs.
    """
    frozen = [Column(one.name, _bins(one, bin_count, category_count_max), one.role) for one in columns]
    layout, values = Layout(tuple(frozen), None), {one.name: one.values for one in columns}
    confusion = _confusion(layout, values, labels)
    if embeddings is None:
        return DriftReference(layout, layout.count(row_count, values), confusion)
    fitting = np.arange(row_count) % 2 == 0 if fitting is None else fitting
    if fitting.all():
        raise ValueError("the components of the embedding are fitted on all rows: leave some to be counted")
    reduction, counted = fit_reduction(embeddings[fitting], component_count), embeddings[~fitting]
    reduced = reduction.reduce(counted)
    features = fit_fourier_features(reduced, frequency_count=frequency_count, seed=seed)
    components = component_values(reduction, reduced)
    frozen += [Column(name, interval_bins(found, bin_count)) for name, found in components.items()]
    layout = Layout(tuple(frozen), Embedding(reduction, features))
    state = layout.count(row_count, values) + layout.count(0, {}, counted)
    return DriftReference(layout, state, confusion)


def _bins(column: ColumnValues, bin_count: int, category_count_max: int) -> Bins:
    if column.kind is BinKind.INTERVALS:
        return interval_bins(column.values, bin_count)
    return category_bins(column.values, category_count_max, declared=column.declared)


def _class_bins(layout: Layout) -> Bins | None:
    return next((column.bins for column in layout.columns if column.name == CLASS_COLUMN), None)


def _confusion(layout: Layout, values: Mapping[str, Values], labels: Values | None) -> NDArray[np.int64] | None:
    bins = _class_bins(layout)
    if bins is None or labels is None:
        return None
    _check_names(layout)
    return confusion_counts(bins, values[CLASS_COLUMN], labels)


def _check_names(layout: Layout) -> None:
    """Refuse columns by the names of those of labels."""
    for column in layout.columns:
        if column.name in (LABEL_COLUMN, ERROR_COLUMN):
            raise ValueError(f"{column.name!r} is the name of two columns of a reference with labels")


def _confusion_shape(layout: Layout) -> tuple[int, int] | None:
    bins = _class_bins(layout)
    return (bins.count - 1, bins.count - 1) if bins else None
