"""What the calls about a pool do: the answers on the pieces of a batch, joined."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Unpack

import numpy as np
from numpy.typing import NDArray

from assayd.agreement import asked_around
from assayd.answers import result_of
from assayd.arrays import decode
from assayd.boundaries import Boundaries, boundaries_of, joined_boundaries
from assayd.candidates import Candidates, expanded, merged_candidates, selection_of
from assayd.cutting import Piece
from assayd.identity import ModelIdentity, identity_of
from assayd.neighbors import Neighbors, found, joined_neighbors
from assayd.piecework import Conditions, Piecework
from assayd.question import Question, Result
from assayd.rank_rows import beside_tensor
from assayd.rows import Rows, batch_rows
from assayd.steps import Emit, Send, Steps
from assayd.tables.table import Table
from assayd.v1 import retrieval_pb2


@dataclass(frozen=True, slots=True, eq=False)
class _Vectors:
    vectors: NDArray[np.float32]
    pool_digest: str
    model: ModelIdentity


class RetrievalJob(Generic[Result]):
    """One call of the SDK about rows of any number, as steps: all answers are from one version and one pool."""

    def __init__(
        self,
        question: Question[Result],
        joined: Callable[[Sequence[Result]], Any],
        **conditions: Unpack[Conditions],
    ) -> None:
        """Nothing is sent yet.

        Args:
            question: what is asked about each piece.
            joined: what the answers make together.
            **conditions: deadline and limits.

        Raises:
            InvalidArgumentError: the request alone is larger than a message.
        """
        self._joined = joined
        self._work = Piecework(question, **conditions)

    def batch(self, rows: Rows | Table) -> Steps[None]:
        """Emit what comes of all rows, before the deadline."""
        answers = yield from self._work.batch(rows)
        yield Emit(self._joined([result for _, result in answers]))


def search_job(request: retrieval_pb2.SearchRequest, **conditions: Unpack[Conditions]) -> RetrievalJob[Neighbors]:
    """What search does, but for the rows."""

    def filled(request: retrieval_pb2.SearchRequest, piece: Piece) -> retrieval_pb2.SearchRequest:
        return _merged(retrieval_pb2.SearchRequest(rows=piece.rows.message()), request)

    return RetrievalJob(_question("Search", request, filled, found), joined_neighbors, **conditions)


def expand_job(
    request: retrieval_pb2.ExpandCandidatesRequest, **conditions: Unpack[Conditions]
) -> RetrievalJob[Candidates]:
    """What expand_candidates does, but for the new rows."""

    def filled(
        request: retrieval_pb2.ExpandCandidatesRequest, piece: Piece
    ) -> retrieval_pb2.ExpandCandidatesRequest:
        return _merged(retrieval_pb2.ExpandCandidatesRequest(new_ids=piece.rows.message().pool_ids), request)

    return RetrievalJob(_question("ExpandCandidates", request, filled, expanded), merged_candidates, **conditions)


def boundary_job(
    request: retrieval_pb2.SearchBoundaryRequest, **conditions: Unpack[Conditions]
) -> RetrievalJob[Boundaries]:
    """What search_boundary does, but for the pairs."""

    def filled(request: retrieval_pb2.SearchBoundaryRequest, piece: Piece) -> retrieval_pb2.SearchBoundaryRequest:
        first, second = piece.rows.message().pool_ids, piece.rows.beside["second_ids"]
        pairs = retrieval_pb2.SearchBoundaryRequest(
            first_ids=first, second_ids=beside_tensor("second_ids", second)
        )
        return _merged(pairs, request)

    question = _question("SearchBoundary", request, filled, boundaries_of, scoring=request)
    return RetrievalJob(question, joined_boundaries, **conditions)


def vectors_job(
    request: retrieval_pb2.GetVectorsRequest, **conditions: Unpack[Conditions]
) -> RetrievalJob[_Vectors]:
    """What pool_vectors does, but for the ids."""

    def filled(request: retrieval_pb2.GetVectorsRequest, piece: Piece) -> retrieval_pb2.GetVectorsRequest:
        return _merged(retrieval_pb2.GetVectorsRequest(ids=piece.rows.message().pool_ids), request)

    return RetrievalJob(_question("GetVectors", request, filled, _vectors), _joined_vectors, **conditions)


def candidates_selected(
    request: retrieval_pb2.SelectCandidatesRequest, *, seconds: float, metadata: tuple[tuple[str, str], ...]
) -> Steps[None]:
    """Emit what one round chooses."""
    deadline = time.monotonic() + seconds

    def ask() -> Steps[Any]:
        call = yield Send("SelectCandidates", request, max(0.0, deadline - time.monotonic()), metadata)
        return (yield from result_of(call, selection_of))

    yield Emit((yield from asked_around(ask) if request.pool_digest else ask()))


def _question(
    method: str,
    request: Any,
    filled: Callable[[Any, Piece], Any],
    result: Callable[[Any], Any],
    *,
    scoring: Any = None,
) -> Question[Any]:
    return Question(
        method=method,
        request=request,
        scoring=scoring,
        selector=request.model,
        rows=batch_rows,
        filled=filled,
        result=result,
        pool=lambda answer: str(answer.pool_digest),
    )


def _merged(filled: Any, request: Any) -> Any:
    filled.MergeFrom(request)
    return filled


def _vectors(response: retrieval_pb2.GetVectorsResponse) -> _Vectors:
    return _Vectors(decode(response.vectors), response.pool_digest, identity_of(response.model))


def _joined_vectors(parts: Sequence[_Vectors]) -> NDArray[np.float32]:
    return np.concatenate([part.vectors for part in parts])
