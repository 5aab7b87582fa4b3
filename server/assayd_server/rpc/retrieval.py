"""RetrievalService."""

import grpc

from assayd.v1 import retrieval_pb2, retrieval_pb2_grpc
from assayd_server.engine import Engine
from assayd_server.rpc import requests, retrieval_requests, retrieval_responses
from assayd_server.rpc.scoring import caller


class RetrievalServicer(retrieval_pb2_grpc.RetrievalServiceServicer):
    """Finds rows of pools."""

    def __init__(self, engine: Engine, limits: requests.RowLimits) -> None:
        self._retrieval = engine.retrieval
        self._limits = limits

    def Search(
        self, request: retrieval_pb2.SearchRequest, context: grpc.ServicerContext
    ) -> retrieval_pb2.SearchResponse:
        """See retrieval.proto."""
        wanted = retrieval_requests.search(request, self._limits)
        rows = requests.rows(request.rows, self._limits)
        del request  # as in Score
        return retrieval_responses.found(self._retrieval.search(rows, wanted, caller(context)))

    def ExpandCandidates(
        self, request: retrieval_pb2.ExpandCandidatesRequest, context: grpc.ServicerContext
    ) -> retrieval_pb2.ExpandCandidatesResponse:
        """See retrieval.proto."""
        wanted = retrieval_requests.expand(request, self._limits)
        return retrieval_responses.expanded(self._retrieval.expand(wanted, caller(context)))

    def SelectCandidates(
        self, request: retrieval_pb2.SelectCandidatesRequest, context: grpc.ServicerContext
    ) -> retrieval_pb2.SelectCandidatesResponse:
        """See retrieval.proto."""
        wanted = retrieval_requests.select(request, self._limits)
        return retrieval_responses.selected(self._retrieval.select(wanted, caller(context)))

    def SearchBoundary(
        self, request: retrieval_pb2.SearchBoundaryRequest, context: grpc.ServicerContext
    ) -> retrieval_pb2.SearchBoundaryResponse:
        """See retrieval.proto."""
        wanted = retrieval_requests.boundaries(request, self._limits)
        return retrieval_responses.boundaries(self._retrieval.boundaries(wanted, caller(context)))

    def GetVectors(
        self, request: retrieval_pb2.GetVectorsRequest, context: grpc.ServicerContext
    ) -> retrieval_pb2.GetVectorsResponse:
        """See retrieval.proto."""
        ids = retrieval_requests.vector_ids(request, self._limits)
        return retrieval_responses.vectors(*self._retrieval.vectors(ids, retrieval_requests.pool(request)))

    def GetPool(
        self, request: retrieval_pb2.GetPoolRequest, context: grpc.ServicerContext
    ) -> retrieval_pb2.GetPoolResponse:
        """See retrieval.proto."""
        return retrieval_responses.described(*self._retrieval.pool(retrieval_requests.pool(request)))
