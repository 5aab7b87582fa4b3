"""What a client does with a pool of unlabelled data."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from assayd.blocking import Blocking
from assayd.boundaries import Boundaries
from assayd.boundary_options import BoundaryOptions
from assayd.candidate_options import CandidateOptions, LabelingState
from assayd.candidates import Candidates, CandidateSelection
from assayd.connection import Connection
from assayd.neighbors import Neighbors
from assayd.pools import PoolInfo
from assayd.search_options import ExpandOptions, PoolOptions, SearchOptions, collect_searched
from assayd.steps import Pending, Send


class PoolClient(ABC):
    """The part of Client that is about the pool beside a model."""

    _connection: Connection

    def search(
        self,
        vectors: object = None,
        *,
        x: object = None,
        ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[SearchOptions],
    ) -> Neighbors:
        """Find the rows of the pool that are most like each of some rows, of any number.

        Args:
            vectors: (n, d), embeddings as wide as the pool's.
            x: in place of them, what score takes as x: it goes through the model.
            ids: in place of them, (n,) ids of rows of the pool; a row is not its own neighbour.
            deadline_seconds: for the whole batch, in place of the client's.
            metadata: as in score.
            **wanted: k, exclude_ids, similarity_min, pool_digest, model, version, wire_type; see SearchOptions.

        Raises:
            AssaydError: one of its subclasses, by what went wrong.
        """
        rows = collect_searched(vectors, x=x, ids=ids)
        return Blocking(self._send).one(self._connection.search(rows, wanted, deadline_seconds, metadata))

    def expand_candidates(
        self,
        new_ids: object,
        *,
        labeled_ids: object,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[ExpandOptions],
    ) -> Candidates:
        """Find the neighbours of newly labelled rows that have no label yet: the candidates that they add.

        They are the union of the k nearest neighbours of each new row, less what is labelled. To ask again gives
        the same, whatever the order of the rows.

        Args:
            new_ids: (b,) the rows that were labelled since the last call; any number of them.
            labeled_ids: (l,) all rows that are labelled, the new ones included or not.
            deadline_seconds: for all of it, in place of the client's.
            metadata: as in score.
            **wanted: k, pool_digest, model, version; see ExpandOptions.

        Raises:
            AssaydError: one of its subclasses, by what went wrong.
        """
        steps = self._connection.expand(new_ids, labeled_ids, wanted, deadline_seconds, metadata)
        return Blocking(self._send).one(steps)

    def select_candidates(
        self,
        new_ids: object = None,
        *,
        labeled_ids: object,
        candidates: Candidates | None = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[CandidateOptions],
    ) -> CandidateSelection:
        """Do a round of labelling in one call: expand, score all candidates, choose those most worth a label.

        Args:
            new_ids: (b,) the rows that were labelled since the last round; none where there are candidates.
            labeled_ids: (l,) all rows that are labelled, the new ones included or not.
            candidates: those of all rounds before; what is labelled by now is left out.
            deadline_seconds: in place of the client's.
            metadata: as in score.
            **wanted: count, and how to choose; see CandidateOptions. The pool is that of the candidates.

        Raises:
            AssaydError: one of its subclasses, by what went wrong.
        """
        sets = LabelingState(new_ids=new_ids, labeled_ids=labeled_ids, candidates=candidates)
        steps = self._connection.select_candidates(sets, wanted, deadline_seconds, metadata)
        return Blocking(self._send).one(steps)

    def search_boundary(
        self,
        first_ids: object,
        second_ids: object,
        *,
        labeled_ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[BoundaryOptions],
    ) -> Boundaries:
        """Find where the class changes between rows of the pool, and the unlabelled rows beside that.

        Between the rows of each pair lies a point at which the head is torn between two classes. Nobody can label
        the point, but the rows of the pool that are nearest to it can be labelled.

        Args:
            first_ids: (m,) rows of the pool, any number of them; an id may come more than once.
            second_ids: (m,) rows of other classes; where both are of one, the pair has no boundary, and says so.
            labeled_ids: (l,) all rows that are labelled: neither they nor a row of any pair are found.
            deadline_seconds: for all of it, in place of the client's.
            metadata: as in score.
            **wanted: k, head, temperature, pool_digest, model, version; see BoundaryOptions.

        Raises:
            AssaydError: one of its subclasses, by what went wrong.
        """
        ids = (first_ids, second_ids, labeled_ids)
        steps = self._connection.search_boundary(ids, wanted, deadline_seconds, metadata)
        return Blocking(self._send).one(steps)

    def pool_vectors(
        self,
        ids: object,
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[PoolOptions],
    ) -> NDArray[np.float32]:
        """(n, d): the vectors of rows of the pool, such as a linear head is trained on.

        Args:
            ids: (n,), any number of them; one may come more than once.
            deadline_seconds: for all of them, in place of the client's.
            metadata: as in score.
            **wanted: pool_digest, model, version; see PoolOptions.

        Raises:
            NotFoundError: the pool has no such row.
        """
        return Blocking(self._send).one(self._connection.pool_vectors(ids, wanted, deadline_seconds, metadata))

    def pool(self, model: str = "", *, version: int = 0, deadline_seconds: float | None = None) -> PoolInfo:
        """What the pool beside a model holds, and how well its index does.

        Raises:
            NotFoundError: there is no such model or version.
            FailedPreconditionError: it has no pool.
        """
        return Blocking(self._send).one(self._connection.pool(model, version, deadline_seconds))

    @abstractmethod
    def _send(self, effect: Send) -> Pending:
        """Begin a call."""
        ...
