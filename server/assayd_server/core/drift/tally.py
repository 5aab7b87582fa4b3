"""Counts of the columns that decide, which a fleet adds up: of a row no more is kept than its bins."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.drift.bins import Values
from assayd_server.core.drift.layout import Column, Role, component_columns, component_values
from assayd_server.core.drift.psi import psi_critical, smoothed
from assayd_server.core.drift.reference import DriftReference


@dataclass(frozen=True, slots=True, eq=False)
class TalliedColumn:
    """A column of a tally, and what the reference has in its bins."""

    column: Column
    reference_counts: Integers
    """(B,) int64."""

    @property
    def name(self) -> str:
        """Of the column."""
        return self.column.name

    @property
    def reference_rows(self) -> int:
        """How many rows the reference has of it."""
        return int(self.reference_counts.sum())

    @property
    def reference_shares(self) -> Floats:
        """(B,): (count + 1/2) / (rows + B/2)."""
        return smoothed(self.reference_counts)

    def psi_critical(self, alpha: float) -> float:
        """What PSI / (1/n + 1/m) exceeds with probability alpha where nothing has changed."""
        return psi_critical(len(self.reference_counts), alpha)


class Tally:
    """How rows are counted: in the bins of all deciding columns, one column after the other."""

    def __init__(self, reference: DriftReference) -> None:
        """Of the columns of a reference, whether they come from scores, features or the embedding."""
        layout = reference.layout
        counts = layout.split(reference.state.counts)
        self._embedding = layout.embedding
        self.columns = tuple(
            TalliedColumn(column, counted)
            for column, counted in zip(layout.columns, counts, strict=True)
            if column.role is Role.DECIDES
        )

    @property
    def bin_count(self) -> int:
        """Of all columns."""
        return sum(one.column.bins.count for one in self.columns)

    def coordinates(self, embeddings: Floats) -> Floats:
        """What is counted of embeddings, where the reference has some: (n, d) to (n, k)."""
        assert self._embedding is not None
        reduction = self._embedding.reduction
        return reduction.components(embeddings, component_columns(reduction))

    def coordinates_of_projected(self, projected: Floats) -> Floats:
        """The same of what they were projected to already: (n, k) float64, which is changed."""
        assert self._embedding is not None
        return self._embedding.reduction.of_projected(projected)

    def count(self, values: Mapping[str, Values], coordinates: Floats | None = None) -> NDArray[np.int64]:
        """The rows in each bin.

        Args:
            values: (n,) for each column by its name; a column that is not given is not counted.
            coordinates: (n, k) of the rows' embeddings, for the columns that are components of them.

        Returns:
            (bin_count,), the same integers as Layout.count has for these columns.

        Raises:
            ValueError: a column has strings for numbers, or the other way round.
        """
        given = dict(values)
        if coordinates is not None and self._embedding is not None:
            given |= component_values(self._embedding.reduction, coordinates)
        counts = [_counts(one.column, given) for one in self.columns]
        return np.concatenate([*counts, np.zeros(0, np.int64)])

    def split(self, counts: Integers) -> list[Integers]:
        """The counts of each column."""
        ends = np.cumsum([one.column.bins.count for one in self.columns])
        return np.split(counts, ends)[: len(self.columns)]


def _counts(column: Column, given: Mapping[str, Values]) -> NDArray[np.int64]:
    values = given.get(column.name)
    return np.zeros(column.bins.count, np.int64) if values is None else column.bins.counts(values)
