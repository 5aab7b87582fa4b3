"""From one state of a stream to the next, with what there is to say in between."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.drift.bins import Values
from assayd_server.core.drift.chosen import only
from assayd_server.core.drift.judging import NothingToTestError, judge
from assayd_server.core.drift.layout import EMBEDDING, component_values
from assayd_server.core.drift.verdict import WindowVerdict
from assayd_server.core.drift.watch.events import Change, Event, WindowEnd
from assayd_server.core.drift.watch.planning import WatchPlan
from assayd_server.core.drift.watch.state import ROWS_MAX, WatchState
from assayd_server.core.drift.watch.sums import Sums, follow
from assayd_server.core.drift.window import WindowState

WatchRows: TypeAlias = tuple[int, Mapping[str, Values], Floats | None]
"""How many there are, the values of each column by its name, and their embeddings, as Layout.count takes them."""


def advance(state: WatchState, rows: WatchRows, plan: WatchPlan) -> tuple[WatchState, list[Event]]:
    """Take the next rows of a stream.

    What is said depends on the rows before and on nothing after, so however a stream is cut into batches, the
    events and the state at the end are the same, bit by bit.

    Args:
        state: of begin, or after the rows before.
        rows: n of them, from 0: values (n,), embeddings (n, d) or None. They should come with the same columns
            throughout; one that a row comes without is neither counted nor summed.
        plan: the same for the whole stream.

    Returns:
        The state after these rows, and the events in them, in the order of rows; the changes that the last row of
        a window brings come before its end.

    Raises:
        ValueError: a column has strings for numbers, or the other way round; or the stream is too long.
    """
    row_count, events, taken = rows[0], list[Event](), 0
    if state.rows + row_count > ROWS_MAX:
        raise ValueError(f"a stream of {state.rows + row_count} rows is longer than {ROWS_MAX}")
    while taken < row_count:
        size = min(row_count - taken, plan.settings.window_rows - state.window.rows)
        state, changes = _within(state, _part(rows, slice(taken, taken + size)), plan)
        events += changes
        taken += size
        if state.window.rows == plan.settings.window_rows:
            ended = _end(state, plan)
            events.append(ended)
            state = ended.state
    return state, events


def _part(rows: WatchRows, place: slice) -> WatchRows:
    _, values, embeddings = rows
    some = {name: column[place] for name, column in values.items()}
    return place.stop - place.start, some, None if embeddings is None else embeddings[place]


def _within(state: WatchState, rows: WatchRows, plan: WatchPlan) -> tuple[WatchState, list[Change]]:
    """Rows that are all of the open window."""
    row_count, values, embeddings = rows
    counted = plan.reference.layout.count(row_count, values, embeddings)
    if plan.settings.columns:
        counted = only(counted, plan.reference.layout, plan.names)
    given, embedding = dict(values), plan.reference.layout.embedding
    if embedding and embeddings is not None:
        given |= component_values(embedding.reduction, embedding.reduced(embeddings))
    before = Sums(state.sums, state.since)
    after, changes = follow(before, given, first_row=state.rows, row_count=row_count, plan=plan)
    return WatchState(state.rows + row_count, state.windows, state.window + counted, *after), changes


def _end(state: WatchState, plan: WatchPlan) -> WindowEnd:
    """The window is full: it is judged, and the next one begins, with sums that rested at 0."""
    resting = state.sums < 0
    after = WatchState(
        state.rows,
        state.windows + 1,
        plan.reference.layout.count(0, {}),
        np.where(resting, 0, state.sums),
        np.where(resting, state.rows, state.since),
    )
    return WindowEnd(state.windows, state.rows - state.window.rows, _verdict(state.window, plan), after)


def _verdict(window: WindowState, plan: WatchPlan) -> WindowVerdict:
    try:
        return judge(plan.reference, window, plan.judging)
    except NothingToTestError:
        names = tuple(name for name in _order(plan) if name in plan.names)
        return WindowVerdict(False, window.rows, (), names, None, None, ())


def _order(plan: WatchPlan) -> list[str]:
    return [*(column.name for column in plan.reference.layout.columns), EMBEDDING]
