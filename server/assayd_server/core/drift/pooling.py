"""Which bins are tested together: a law for large counts holds only where enough rows are expected."""

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

    reference: Integers
    """(g,) int64."""

    window: Integers
    """(g,) int64."""

    rare_reference: int
    """Rows of the reference in bins too rare for a cell: missing, unseen, or hardly ever seen."""

    rare_window: int
    """Rows of the window in the same."""

    has_rare: bool
    """Whether there are such bins."""

    def with_rare(self) -> tuple[Integers, Integers]:
        """The counts of both, the rare bins in a cell of their own, which comes last: (g,) or (g + 1,)."""
        if not self.has_rare:
            return self.reference, self.window
        return np.append(self.reference, self.rare_reference), np.append(self.window, self.rare_window)


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
    rows = min(int(reference.sum()), int(window.sum()))
    expected = rows * (reference + 0.5) / (reference.sum() + len(reference) / 2)
    cell_of, count = (_pool_intervals if kind is BinKind.INTERVALS else _pool_categories)(
        reference, expected, rows_min
    )
    sums = [np.bincount(cell_of, counts, count + 1).astype(np.int64) for counts in (reference, window)]
    return Cells(
        sums[0][:-1], sums[1][:-1], int(sums[0][-1]), int(sums[1][-1]), has_rare=bool((cell_of == count).any())
    )


def _pool_intervals(reference: Integers, expected: np.ndarray, rows_min: float) -> tuple[Integers, int]:
    """The cell of each bin, and how many there are; the number after the last cell's is that of the rare bins."""
    occupied = np.flatnonzero(reference[:-1])
    cells, count = _runs(expected[occupied], rows_min)
    cell_of = np.full(len(reference), -1)
    cell_of[occupied] = np.minimum(cells, count - 1)  # what is left over joins its neighbour; -1 if it has none
    return _missing_apart(cell_of, count, expected, rows_min)


def _pool_categories(reference: Integers, expected: np.ndarray, rows_min: float) -> tuple[Integers, int]:
    del reference
    order = np.argsort(-expected[:-1], kind="stable")
    cells, count = _runs(expected[order], rows_min)
    cell_of = np.full(len(expected), -1)
    cell_of[order] = np.where(cells < count, cells, -1)
    return _missing_apart(cell_of, count, expected, rows_min)


def _runs(expected: np.ndarray, rows_min: float) -> tuple[Integers, int]:
    """Cut a row of bins wherever enough has come together: the run of each, and how many are complete."""
    if (expected >= rows_min).all():
        return np.arange(len(expected)), len(expected)
    runs, run, gathered = np.empty(len(expected), np.intp), 0, 0.0
    for place, rows in enumerate(expected.tolist()):
        runs[place] = run
        gathered += rows
        if gathered >= rows_min:
            run, gathered = run + 1, 0.0
    return runs, run


def _missing_apart(cell_of: Integers, count: int, expected: np.ndarray, rows_min: float) -> tuple[Integers, int]:
    """Give the missing bin a cell where it is frequent enough, and the rare bins the number after the last."""
    if expected[-1] >= rows_min:
        cell_of[-1], count = count, count + 1
    cell_of[cell_of < 0] = count
    return cell_of, count
