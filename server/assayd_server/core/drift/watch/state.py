"""What a stream has come to: all that what is said of later rows depends on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.drift.fourier import FEATURE_SCALE
from assayd_server.core.drift.moments import could_be
from assayd_server.core.drift.watch.planning import WatchPlan
from assayd_server.core.drift.window import WindowState

ROWS_MAX = 2**53
"""A stream of more rows would be told apart by none of its numbers in JSON."""

RESTING = -1
"""The sum of a column that has raised its alarm in the open window."""


@dataclass(frozen=True, slots=True, eq=False)
class WatchState:
    """Bounded, whatever the number of rows."""

    rows: int
    """So far."""

    windows: int
    """That are complete."""

    window: WindowState
    """Of the rows after them."""

    sums: NDArray[np.int64]
    """(s, 2): of each column of the plan, upwards and downwards, in units; from 0 to the limit, or RESTING."""

    since: NDArray[np.int64]
    """(s, 2): the row at which each sum last left 0; the next row where it is 0; where it rests, that after its
    alarm."""


def begin(plan: WatchPlan) -> WatchState:
    """The state before the first row."""
    nothing = np.zeros((len(plan.columns), 2), np.int64)
    return WatchState(0, 0, plan.reference.layout.count(0, {}), nothing, nothing)


def check(state: WatchState, plan: WatchPlan) -> None:
    """Refuse a state that no stream under this plan leads to, so far as its numbers show.

    Raises:
        ValueError: a value of it is out of its range.
    """
    shape, window_rows = (len(plan.columns), 2), plan.settings.window_rows
    fitting = state.sums.shape == state.since.shape == shape
    counts = plan.reference.layout.split(state.window.counts)
    for name, allowed in {
        "rows": 0 <= state.rows <= ROWS_MAX,
        "windows": divmod(state.rows, window_rows) == (state.windows, state.window.rows),
        "counts": all(_add_up(one, state.window.rows) for one in counts),
        "embeddings": _has_embeddings(state.window),
        "sums": fitting and bool(((state.sums >= RESTING) & (state.sums <= plan.limits)).all()),
        "beginnings": fitting and bool(((state.since >= 0) & (state.since <= state.rows)).all()),
    }.items():
        if not allowed:
            raise ValueError(f"its {name} cannot come from a stream under these settings")


def _add_up(counts: NDArray[np.int64], rows: int) -> bool:
    """Each by itself first, so that no sum overflows."""
    return bool(((counts >= 0) & (counts <= rows)).all()) and int(counts.sum()) <= rows


def _has_embeddings(window: WindowState) -> bool:
    largest = window.embedding_rows * FEATURE_SCALE
    return (
        0 <= window.moments.rows <= window.embedding_rows <= window.rows
        and bool(((window.features >= -largest) & (window.features <= largest)).all())
        and could_be(window.moments)
    )
