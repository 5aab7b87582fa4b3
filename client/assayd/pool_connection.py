"""What a client that was told where calls go does with a pool of unlabelled data: the jobs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from assayd.answers import result_of
from assayd.boundary_options import BoundaryOptions, boundary_request, collect_pairs
from assayd.call_metadata import checked_metadata
from assayd.candidate_options import CandidateOptions, LabelingState, candidates_request
from assayd.ids import id_array
from assayd.piecework import Conditions
from assayd.pools import pool_info
from assayd.requests import check_given, selector
from assayd.retrieving import boundary_job, candidates_selected, expand_job, search_job, vectors_job
from assayd.rows import Rows
from assayd.search_options import (
    ExpandOptions,
    PoolOptions,
    SearchOptions,
    expand_request,
    newly_labeled,
    search_request,
    vectors_request,
)
from assayd.steps import Emit, Send, Steps
from assayd.tables.table import Table
from assayd.v1 import retrieval_pb2


class PoolConnection(ABC):
    """The part of a connection that is about the pool beside a model."""

    _metadata: tuple[tuple[str, str], ...]

    def search(
        self,
        rows: Rows | Table,
        wanted: SearchOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit the neighbours of some rows."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        request = search_request(**wanted)  # type: ignore[misc]  # as above
        return search_job(request, **conditions).batch(rows)

    def expand(
        self,
        new_ids: object,
        labeled_ids: object,
        wanted: ExpandOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit the candidates that newly labelled rows add."""
        rows = newly_labeled(new_ids)
        request = expand_request(rows.arrays[""], id_array(labeled_ids, "labeled_ids"), **wanted)
        return expand_job(request, **self._conditions(None, deadline_seconds, metadata)).batch(rows)

    def select_candidates(
        self,
        state: LabelingState,
        wanted: CandidateOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit what one round chooses."""
        check_given(wanted, ("count",))
        return candidates_selected(
            candidates_request(state, **wanted),
            seconds=self._seconds(deadline_seconds),
            metadata=(*self._metadata, *checked_metadata(metadata)),
        )

    def search_boundary(
        self,
        ids: tuple[object, object, object],
        wanted: BoundaryOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit where classes meet between first and second rows; the third ids are of what is labelled."""
        pairs = collect_pairs(*ids[:2])
        request = boundary_request(pairs, ids[2], **wanted)
        return boundary_job(request, **self._conditions(None, deadline_seconds, metadata)).batch(pairs)

    def pool_vectors(
        self,
        ids: object,
        wanted: PoolOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit the vectors of some rows of the pool."""
        rows = Rows("pool_ids", {"": id_array(ids, "ids")})
        conditions = self._conditions(None, deadline_seconds, metadata)
        return vectors_job(vectors_request(**wanted), **conditions).batch(rows)

    def pool(self, name: str, version: int, deadline_seconds: float | None) -> Steps[None]:
        """Emit what the server knows about the pool of one model."""
        request = retrieval_pb2.GetPoolRequest(model=selector(name, version))
        call = yield Send("GetPool", request, self._seconds(deadline_seconds), self._metadata)
        yield Emit((yield from result_of(call, pool_info)))

    @abstractmethod
    def _conditions(
        self, wire_type: str | None, deadline_seconds: float | None, metadata: Mapping[str, str] | None
    ) -> Conditions:
        """Under which calls are made."""
        ...

    @abstractmethod
    def _seconds(self, deadline_seconds: float | None) -> float:
        """How long a call may take."""
        ...
