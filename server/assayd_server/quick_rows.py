"""How many rows a pass may have that is over in a moment."""

from collections.abc import Callable, Sequence

QUICK_SECONDS_MAX = 0.004
"""A pass that is expected to be over by then is done by the thread that takes calls. None is taken meanwhile, but
none is handed from thread to thread either, which costs a call alone more than most models do."""
TIMES = 4
"""So many times as many rows as are enough otherwise are enough for a quick pass: to copy them costs less than a
pass of their own, and what is said of its rows."""


def quick_rows(row_counts: Sequence[int], expected: Callable[[int], float], *, enough: int, rows_max: int) -> int:
    """From how many rows on a quick pass takes no further calls along.

    Args:
        row_counts: of the calls that wait, one or more of them; the first one goes in any case.
        expected: how many seconds a pass of so many rows may take.
        enough: from so many rows on a pass that is not quick takes no calls along.
        rows_max: of a pass.

    Returns:
        At least the lower one of the two limits, or 0 where a pass of so many is not quick either.
    """
    least, most = min(enough, rows_max), min(TIMES * enough, rows_max)
    first, waiting = row_counts[0], sum(row_counts)
    while expected(max(first, min(waiting, most))) >= QUICK_SECONDS_MAX:
        if most == least:
            return 0
        most = max(most // 2, least)
    return most
