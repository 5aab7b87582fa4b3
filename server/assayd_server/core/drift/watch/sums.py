"""Cumulative sums of normal scores: when the mean of a column has changed, and since when (Page 1954)."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Booleans
from assayd_server.core.blocks import blocks
from assayd_server.core.drift.bins import Values
from assayd_server.core.drift.watch.events import Change, Direction
from assayd_server.core.drift.watch.normal_scores import SCORE_UNITS
from assayd_server.core.drift.watch.planning import WatchPlan
from assayd_server.core.drift.watch.state import RESTING

_ARRAYS = 8
"""So many numbers are held at once for each row and sum."""


class Sums(NamedTuple):
    """As in WatchState."""

    sums: NDArray[np.int64]
    """(s, 2)."""

    since: NDArray[np.int64]
    """(s, 2)."""


def follow(
    before: Sums, values: Mapping[str, Values], *, first_row: int, row_count: int, plan: WatchPlan
) -> tuple[Sums, list[Change]]:
    """The sums after some rows of one window, and the changes in them.

    S <- max(0, S + x - kappa), and an alarm where S exceeds its limit: then the sum rests for what is left of the
    window, so that what has changed for good is said once a window and not every few rows.

    Args:
        before: the rows.
        values: (n,) for each column by its name; the sums of a column that is not given stay as they are.
        first_row: counted from the beginning of the stream.
        row_count: n.
        plan: of the stream.
    """
    places = [place for place, column in enumerate(plan.columns) if column.name in values]
    if not (places and row_count):
        return before, []
    bins = [plan.columns[place].bins.assign(values[plan.columns[place].name]) for place in places]
    scores = np.stack(
        [plan.columns[place].scores[found] for place, found in zip(places, bins, strict=True)], axis=1
    )
    now, changes = Sums(before.sums[places], before.since[places]), []
    allowances, limits = plan.allowances[places], plan.limits[places]
    for part in blocks(row_count, 2 * len(places) * _ARRAYS):
        row = first_row + part.start
        now, alarms = _follow(now, scores[part], first_row=row, allowances=allowances, limits=limits)
        changes += [
            Change(
                plan.columns[places[place]].name, direction, row, since, total / SCORE_UNITS, limit / SCORE_UNITS
            )
            for row, place, direction, since, total, limit in alarms
        ]
    after = Sums(before.sums.copy(), before.since.copy())
    after.sums[places], after.since[places] = now
    return after, changes


def _follow(
    before: Sums,
    scores: NDArray[np.int64],
    *,
    first_row: int,
    allowances: NDArray[np.int64],
    limits: NDArray[np.int64],
) -> tuple[Sums, list[tuple[int, int, Direction, int, int, int]]]:
    """Of (n, s) scores, all at once: a sum that stops at 0 is one that does not, less its lowest value so far."""
    resting = before.sums == RESTING
    begun = np.where(resting, 0, before.sums)
    plain = np.cumsum(np.stack([scores, -scores], axis=2) - allowances, axis=0)
    sums = plain - np.minimum(np.minimum.accumulate(plain, axis=0), -begun)
    next_rows = first_row + 1 + np.arange(len(scores)).reshape(-1, 1, 1)
    left = np.where(begun > 0, before.since, first_row)
    since = np.maximum.accumulate(np.where(sums == 0, next_rows, left), axis=0)
    beyond = (sums > limits) & ~resting
    alarmed, at = beyond.any(axis=0), beyond.argmax(axis=0)
    ends = Sums(
        np.where(resting | alarmed, RESTING, sums[-1]),
        np.where(resting, before.since, np.where(alarmed, first_row + at + 1, since[-1])),
    )
    return ends, _alarms(alarmed, at, first_row=first_row, sums=sums, since=since, limits=limits)


def _alarms(
    alarmed: Booleans, at: NDArray[np.intp], *, first_row: int, sums: NDArray[np.int64],
    since: NDArray[np.int64], limits: NDArray[np.int64],
) -> list[tuple[int, int, Direction, int, int, int]]:  # fmt: skip
    """In the order of rows, then of columns."""
    found = []
    for place, way in np.argwhere(alarmed).tolist():
        row = int(at[place, way])
        numbers = int(since[row, place, way]), int(sums[row, place, way]), int(limits[place, way])
        found.append((first_row + row, place, (Direction.UP, Direction.DOWN)[way], *numbers))
    return sorted(found)
