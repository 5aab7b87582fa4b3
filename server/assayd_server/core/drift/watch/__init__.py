"""Drift of a stream: a verdict on each window, and changes between their ends, at a declared rate of false alarms.

What is declared is a run: one false alarm in so many rows, on average, over all that is watched. plan shares it
out among the tests of each window and a cumulative sum for each column of numbers and each direction. advance
takes rows and a small state, and gives the events in them and the next state: however a stream is cut into
batches, they are the same. All of it rests on one assumption: where nothing has changed, rows are exchangeable,
so that what one is like says nothing about the next.
"""

from assayd_server.core.drift.watch.advancing import WatchRows, advance
from assayd_server.core.drift.watch.events import Change, Direction, Event, WindowEnd
from assayd_server.core.drift.watch.planning import WatchedColumn, WatchPlan, plan
from assayd_server.core.drift.watch.settings import RUN_WINDOWS_MIN, WatchSettings
from assayd_server.core.drift.watch.state import ROWS_MAX, WatchState, begin, check

__all__ = [
    "ROWS_MAX",
    "RUN_WINDOWS_MIN",
    "Change",
    "Direction",
    "Event",
    "WatchPlan",
    "WatchRows",
    "WatchSettings",
    "WatchState",
    "WatchedColumn",
    "WindowEnd",
    "advance",
    "begin",
    "check",
    "plan",
]
