"""SelectionService."""

import grpc

from assayd.v1 import selection_pb2, selection_pb2_grpc
from assayd_server.engine import Engine
from assayd_server.rpc import rank_requests, rank_responses, requests
from assayd_server.rpc.scoring import caller


class SelectionServicer(selection_pb2_grpc.SelectionServiceServicer):
    """Chooses rows worth a label."""

    def __init__(self, engine: Engine, limits: requests.RowLimits) -> None:
        self._engine = engine
        self._limits = limits

    def Rank(
        self, request: selection_pb2.RankRequest, context: grpc.ServicerContext
    ) -> selection_pb2.RankResponse:
        """See selection.proto."""
        wanted = rank_requests.wanted(request, self._limits)
        rows = requests.rows(request.rows, self._limits)
        return rank_responses.ranked(self._engine.rank(rows, wanted, caller(context)))
