"""SelectionService."""

from collections.abc import Iterator

import grpc

from assayd.v1 import selection_pb2, selection_pb2_grpc
from assayd_server.engine import Engine
from assayd_server.rpc import rank_requests, rank_responses, requests, sample_requests
from assayd_server.rpc.scoring import caller
from assayd_server.rpc.stream_messages import with_settings
from assayd_server.sampling import Sampling


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
        by = caller(context, requests.lane(request.lane))
        del request  # as in Score
        return rank_responses.ranked(self._engine.rank(rows, wanted, by))

    def SelectStream(
        self, request_iterator: Iterator[selection_pb2.SelectStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[selection_pb2.SelectStreamResponse]:
        """See selection.proto."""
        for sampling, request in with_settings(request_iterator, self._begun):
            if request.HasField("rows"):
                rows = requests.rows(request.rows, self._limits)
                ids = rank_requests.ids(request.ids) if request.HasField("ids") else None
                yield rank_responses.sampled(sampling.decide(rows, ids, caller(context)))

    def _begun(self, settings: selection_pb2.SelectionSettings) -> Sampling:
        wanted = sample_requests.wanted(settings, self._limits)
        return Sampling(self._engine, wanted, sample_requests.policy_settings(settings), settings.state)
