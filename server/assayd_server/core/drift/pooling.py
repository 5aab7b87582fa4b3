"""Which bins are tested together: a law for large counts holds only where enough rows are expected."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Integers
from assayd_server.core.drift.bins import BinKind

EXPECTED_ROWS = 5
EXPECTED_ROWS_STRICT = 30
STRICT_BELOW = 1e-3
"""Below this level of significance the law must hold further out, and cells are larger. With ten cells of 10 rows
PSI rejected 3.3 times as often as it says at a level of 1e-4, and 7 times at 1e-5; of 30 rows, 1.2 and 2 times."""

_CELL_COUNT = 4
"""So many cells are left of a small window, however strict the test."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What the reference and the window have in the same cells, each made of one bin or more."""

    counts: Integers
    """(2, g + 1) int64, of the reference and of the window: what is in each cell, and last in all bins too rare
    for one: missing, unseen, or hardly ever seen."""

    has_rare: bool
    """Whether there are such bins."""

    @property
    def reference(self) -> Integers:
        """(g,) of the cells."""
        return self.counts[0, :-1]

    @property
    def window(self) -> Integers:
        """(g,) of the cells."""
        return self.counts[1, :-1]

    @property
    def rare(self) -> tuple[int, int]:
        """Of the rare bins, in the reference and in the window."""
        return int(self.counts[0, -1]), int(self.counts[1, -1])

    def with_rare(self) -> tuple[Integers, Integers]:
        """The counts of both, the rare bins in a cell of their own, which comes last: (g,) or (g + 1,)."""
        return (self.counts[0], self.counts[1]) if self.has_rare else (self.reference, self.window)


def expected_rows_min(level: float, window_rows: int) -> float:
    """How many rows a cell must be expected to hold for a single test at this level of significance."""
    if level >= STRICT_BELOW:
        return EXPECTED_ROWS
    return max(EXPECTED_ROWS, min(EXPECTED_ROWS_STRICT, window_rows / _CELL_COUNT))


def pool(kind: BinKind, reference: Integers, window: Integers, *, rows_min: float = EXPECTED_ROWS) -> Cells:
    """Pool bins until each cell is expected to hold enough rows, in the window and in the reference.

    Neighbouring intervals go together, or categories from the most frequent down; a bin that is frequent enough
    stays alone. Rare is what is left: the missing bin, intervals in which nothing of the reference lies, and the
    least frequent categories. Which bins go together depends on the window by the number of its rows only, so that
    the tests of what comes of it keep their laws.

    Args:
        kind: of the bins.
        reference: (B,) int64 counts, the last for missing values.
        window: (B,) int64 counts.
        rows_min: how many rows a cell is expected to hold.
    """
    counts, window_counts = reference.tolist(), window.tolist()  # plain numbers: quicker for some ten bins
    total = sum(counts)
    rows, scale = min(total, sum(window_counts)), total + len(counts) / 2
    expected = [rows * (count + 0.5) / scale for count in counts]
    pooled = _pool_intervals if kind is BinKind.INTERVALS else _pool_categories
    cell_of, cell_count = pooled(counts, expected, rows_min)
    sums = [0] * (cell_count + 1), [0] * (cell_count + 1)
    for cell, count, window_count in zip(cell_of, counts, window_counts, strict=True):
        sums[0][cell] += count
        sums[1][cell] += window_count
    return Cells(np.array(sums, np.int64), has_rare=cell_count in cell_of)


def _pool_intervals(
    reference: Sequence[int], expected: Sequence[float], rows_min: float
) -> tuple[Sequence[int], int]:
    """The cell of each bin, and how many there are; the number after the last cell's is that of the rare bins."""
    occupied = [place for place, count in enumerate(reference[:-1]) if count]
    cells, count = _runs([expected[place] for place in occupied], rows_min)
    cell_of = [-1] * len(reference)
    for place, cell in zip(occupied, cells, strict=True):
        cell_of[place] = min(cell, count - 1)  # what is left over joins its neighbour; -1 if it has none
    return _missing_apart(cell_of, count, expected, rows_min)


def _pool_categories(
    reference: Sequence[int], expected: Sequence[float], rows_min: float
) -> tuple[Sequence[int], int]:
    order = sorted(range(len(reference) - 1), key=lambda place: -expected[place])
    cells, count = _runs([expected[place] for place in order], rows_min)
    cell_of = [-1] * len(reference)
    for place, cell in zip(order, cells, strict=True):
        cell_of[place] = cell if cell < count else -1
    return _missing_apart(cell_of, count, expected, rows_min)


def _runs(expected: Sequence[float], rows_min: float) -> tuple[Sequence[int], int]:
    """Cut a row of bins wherever enough has come together: the run of each, and how many are complete."""
    runs, run, gathered = [], 0, 0.0
    for rows in expected:
        runs.append(run)
        gathered += rows
        if gathered >= rows_min:
            run, gathered = run + 1, 0.0
    return runs, run


def _missing_apart(
    cell_of: list[int], count: int, expected: Sequence[float], rows_min: float
) -> tuple[Sequence[int], int]:
    """Give the missing bin a cell where it is frequent enough, and the rare bins the number after the last."""
    if expected[-1] >= rows_min:
        cell_of[-1], count = count, count + 1
    return [count if cell < 0 else cell for cell in cell_of], count
