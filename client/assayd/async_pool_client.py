"""What a client for asyncio does with a pool of unlabelled data."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from assayd.awaiting import Awaiting
from assayd.boundaries import Boundaries
from assayd.boundary_options import BoundaryOptions
from assayd.candidate_options import CandidateOptions, LabelingState
from assayd.candidates import Candidates, CandidateSelection
from assayd.connection import Connection
from assayd.neighbors import Neighbors
from assayd.pools import PoolInfo
from assayd.search_options import ExpandOptions, PoolOptions, SearchOptions, collect_searched
from assayd.steps import Pending, Send


class AsyncPoolClient(ABC):
    """The part of AsyncClient that is about the pool beside a model."""

    _connection: Connection

    async def search(
        self,
        vectors: object = None,
        *,
        x: object = None,
        ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[SearchOptions],
    ) -> Neighbors:
        """Find the rows of the pool that are most like each of some rows, as Client.search does."""
        rows = collect_searched(vectors, x=x, ids=ids)
        return await Awaiting(self._send).one(self._connection.search(rows, wanted, deadline_seconds, metadata))

    async def expand_candidates(
        self,
        new_ids: object,
        *,
        labeled_ids: object,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[ExpandOptions],
    ) -> Candidates:
        """Find the candidates that newly labelled rows add, as Client.expand_candidates does."""
        steps = self._connection.expand(new_ids, labeled_ids, wanted, deadline_seconds, metadata)
        return await Awaiting(self._send).one(steps)

    async def select_candidates(
        self,
        new_ids: object = None,
        *,
        labeled_ids: object,
        candidates: Candidates | None = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[CandidateOptions],
    ) -> CandidateSelection:
        """Do a round of labelling in one call, as Client.select_candidates does."""
        sets = LabelingState(new_ids=new_ids, labeled_ids=labeled_ids, candidates=candidates)
        steps = self._connection.select_candidates(sets, wanted, deadline_seconds, metadata)
        return await Awaiting(self._send).one(steps)

    async def search_boundary(
        self,
        first_ids: object,
        second_ids: object,
        *,
        labeled_ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[BoundaryOptions],
    ) -> Boundaries:
        """Find where the class changes between rows of the pool, as Client.search_boundary does."""
        ids = (first_ids, second_ids, labeled_ids)
        steps = self._connection.search_boundary(ids, wanted, deadline_seconds, metadata)
        return await Awaiting(self._send).one(steps)

    async def pool_vectors(
        self,
        ids: object,
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[PoolOptions],
    ) -> NDArray[np.float32]:
        """(n, d): the vectors of rows of the pool, as Client.pool_vectors gives them."""
        return await Awaiting(self._send).one(
            self._connection.pool_vectors(ids, wanted, deadline_seconds, metadata)
        )

    async def pool(self, model: str = "", *, version: int = 0, deadline_seconds: float | None = None) -> PoolInfo:
        """What the pool beside a model holds, as Client.pool says."""
        return await Awaiting(self._send).one(self._connection.pool(model, version, deadline_seconds))

    @abstractmethod
    async def _send(self, effect: Send) -> Pending:
        """Begin a call."""
        ...
