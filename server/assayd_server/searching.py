"""Searches in pools: timed, counted, and watched."""

import time
from collections.abc import Mapping

from assayd_server.core.arrays import Floats, Integers
from assayd_server.metrics import PoolMetrics
from assayd_server.neighboring import Neighbors, neighbors
from assayd_server.recall_watch import RecallWatch, SearchMade
from assayd_server.search_checks import pool_of
from assayd_server.servable import Servable
from assayd_server.trace import CURRENT


class Searching:
    """Searches the pools beside the models, in the turn of the calling thread."""

    def __init__(self, metrics: Mapping[Servable, PoolMetrics], recall: RecallWatch) -> None:
        """Make it ready.

        Args:
            metrics: of each model that has a pool.
            recall: checks a share of what is found.
        """
        self._metrics = metrics
        self._recall = recall

    def neighbors(
        self,
        model: Servable,
        embeddings: Floats,
        k: int,
        *,
        excluded: Integers | None = None,
        own: Integers | None = None,
        similarity_min: float | None = None,
    ) -> Neighbors:
        """The nearest rows of the model's pool; the arguments are those of neighboring.neighbors."""
        pool, metrics = pool_of(model), self._metrics[model]
        began = time.perf_counter()
        found = neighbors(pool, embeddings, k, excluded=excluded, own=own, similarity_min=similarity_min)
        ended = time.perf_counter()
        metrics.search.observe(ended - began)
        if (trace := CURRENT.get()) is not None:
            trace.stage("retrieval", began, ended, model=model.identity.name, rows=len(embeddings), neighbors=k)
        metrics.queries.inc(len(embeddings))
        row = None if pool.exact else self._recall.chosen(len(embeddings))
        if row is not None:
            nearest = found.nearest
            made = SearchMade(
                pool=pool,
                embedding=embeddings[row : row + 1].copy(),
                k=k,
                excluded=excluded,
                own=None if own is None else own[row : row + 1],
                similarity_min=similarity_min,
                found=nearest.rows[row, : nearest.counts[row]],
            )
            self._recall.check(made, metrics)
        return found

    def close(self) -> None:
        """Check no more recalls."""
        self._recall.close()
