"""ScoringService."""

import grpc

from assayd.v1 import scoring_pb2, scoring_pb2_grpc
from assayd_server.caller import Caller, Lane, after
from assayd_server.engine import Engine
from assayd_server.rpc import requests, responses
from assayd_server.rpc.waiting import Waiting
from assayd_server.trace import CURRENT, Trace


class ScoringServicer(scoring_pb2_grpc.ScoringServiceServicer):
    """Scores rows, and says which models there are."""

    def __init__(self, engine: Engine, limits: requests.RowLimits) -> None:
        self._engine = engine
        self._limits = limits

    def Score(self, request: scoring_pb2.ScoreRequest, context: grpc.ServicerContext) -> scoring_pb2.ScoreResponse:
        """See scoring.proto."""
        wanted = requests.wanted(request, self._limits)
        rows = requests.rows(request.rows, self._limits)
        by = caller(context, requests.lane(request.lane))
        del request  # rows holds a copy of what it holds, and a call may wait for long
        scores = self._engine.score(rows, wanted, by)
        return responses.score(scores)

    def GetModel(
        self, request: scoring_pb2.GetModelRequest, context: grpc.ServicerContext
    ) -> scoring_pb2.GetModelResponse:
        """See scoring.proto."""
        servable = self._engine.model(requests.model_choice(request.model))
        return scoring_pb2.GetModelResponse(model=responses.described(servable))

    def ListModels(
        self, request: scoring_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> scoring_pb2.ListModelsResponse:
        """See scoring.proto."""
        return responses.models(*self._engine.models())


def caller(
    context: Waiting,
    lane: Lane = Lane.ONLINE,
    *,
    timeout_seconds: float | None = None,
    trace: Trace | None = None,
) -> Caller:
    """Who waits for the answer, and where.

    Args:
        context: of the call.
        lane: where it waits.
        timeout_seconds: for how long it may wait to begin; None for as long as the call lasts.
        trace: of the call; None where it is that of the thread.
    """
    seconds = context.time_remaining()
    if timeout_seconds is not None:
        seconds = timeout_seconds if seconds is None else min(seconds, timeout_seconds)
    told = CURRENT.get() if trace is None else trace
    return Caller(after(seconds), gone=lambda: not context.is_active(), lane=lane, trace=told)
