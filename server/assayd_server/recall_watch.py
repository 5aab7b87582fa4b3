"""How many of the true neighbours an index finds, watched while it serves: some searches are made once more."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from assayd_server import logs
from assayd_server.core.arrays import Floats, Integers
from assayd_server.loaded_pool import LoadedPool
from assayd_server.metrics import PoolMetrics
from assayd_server.nearest import searchable

TIME_SHARE_MAX = 0.02
"""Of the time: a check reads all of the pool, which takes long where that is large, and leaves the caches cold."""
_log = logs.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchMade:
    """A search for one row, and what came of it."""

    pool: LoadedPool
    embedding: Floats
    """(1, d)"""
    k: int
    excluded: Integers | None
    own: Integers | None
    """(1,)"""
    similarity_min: float | None
    found: Integers
    """(m,) rows of the pool, m up to k."""


class RecallWatch:
    """Repeats a share of searches exactly: one, and then none for a while. What comes meanwhile is left out."""

    def __init__(self, share: float, *, time_share_max: float = TIME_SHARE_MAX) -> None:
        """Watch.

        Args:
            share: of the rows that are searched for, from 0 to 1.
            time_share_max: the share of the time that checks may take, above 0: after each the watch rests.
        """
        self._share = share
        self._rest = 1 / time_share_max - 1
        """After each check, in times as long as it took."""
        self._rests_until = 0.0
        self._due = 0.0
        self._seen = 0
        self._busy = False
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recall")

    def chosen(self, row_count: int) -> int | None:
        """Which of so many rows that were searched for is to be searched for once more; None for none of them."""
        with self._lock:
            self._due += self._share * row_count
            self._seen += 1
            if self._busy or self._due < 1 or row_count == 0 or time.monotonic() < self._rests_until:
                self._due = min(self._due, 1.0)  # what could not be checked is not made up for
                return None
            self._due = 0.0
            self._busy = True
            return self._seen % row_count

    def check(self, made: SearchMade, metrics: PoolMetrics) -> None:
        """Repeat a search that was chosen, in another thread, and count what it should have found."""
        self._thread.submit(self._checked, made, metrics)

    def close(self) -> None:
        """Check no more."""
        self._thread.shutdown()

    def _checked(self, made: SearchMade, metrics: PoolMetrics) -> None:
        began = time.monotonic()
        try:
            count_recall(made, metrics)
        except Exception:  # nobody waits for this
            _log.exception("recall could not be checked")
        finally:
            ended = time.monotonic()
            self._rests_until = ended + self._rest * (ended - began)
            self._busy = False


def count_recall(made: SearchMade, metrics: PoolMetrics) -> None:
    """Search exactly, and count how many neighbours there are and how many of them had been found."""
    if not searchable(made.embedding, made.pool.stored.metric).all():
        return
    exact = made.pool.search.exact(
        made.embedding, made.k, excluded=made.excluded, own=made.own, similarity_min=made.similarity_min
    )
    true = exact.rows[0, : exact.counts[0]]
    metrics.checked.inc(len(true))
    metrics.found.inc(int(np.isin(true, made.found).sum()))
