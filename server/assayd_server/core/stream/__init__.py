"""Selective sampling: which rows of a stream to have labelled, decided as they come, against a budget.

The policies are published for a confidence p1, the probability of the most probable class, and here they take a
utility in [0, 1] where 1 is most uncertain. For the measure of least confidence, utility = (1 - p1) c / (c - 1),
that is the same policy in another unit: p1 <= theta where utility >= (1 - theta) c / (c - 1), with theta = 1 for
utility 0 and theta = 1/c for utility 1. Other measures are taken as if they were that one.
"""

from assayd_server.core.stream.advancing import advance
from assayd_server.core.stream.settings import WINDOW_ROWS_MAX, Policy, PolicySettings, SettingError
from assayd_server.core.stream.state import Decisions, State, begin, check

__all__ = [
    "WINDOW_ROWS_MAX",
    "Decisions",
    "Policy",
    "PolicySettings",
    "SettingError",
    "State",
    "advance",
    "begin",
    "check",
]
