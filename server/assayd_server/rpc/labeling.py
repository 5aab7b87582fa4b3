"""LabelingService."""

import grpc

from assayd.v1 import labeling_pb2, labeling_pb2_grpc
from assayd_server.engine import Engine
from assayd_server.rpc import (
    labeling_requests,
    labeling_responses,
    proposal_requests,
    proposal_responses,
    requests,
)
from assayd_server.rpc.scoring import caller


class LabelingServicer(labeling_pb2_grpc.LabelingServiceServicer):
    """Judges labels by models, models by labels, and proposes labels."""

    def __init__(self, engine: Engine, limits: requests.RowLimits) -> None:
        self._labeling = engine.labeling
        self._limits = limits

    def AssessLabels(
        self, request: labeling_pb2.AssessLabelsRequest, context: grpc.ServicerContext
    ) -> labeling_pb2.AssessLabelsResponse:
        """See labeling.proto."""
        wanted = labeling_requests.assess(request, self._limits)
        rows = requests.rows(request.rows, self._limits)
        del request  # as in Score
        return labeling_responses.assessed(self._labeling.assess(rows, wanted, caller(context)))

    def Evaluate(
        self, request: labeling_pb2.EvaluateRequest, context: grpc.ServicerContext
    ) -> labeling_pb2.EvaluateResponse:
        """See labeling.proto."""
        wanted = labeling_requests.evaluate(request, self._limits)
        rows = requests.rows(request.rows, self._limits)
        del request  # as in Score
        return labeling_responses.evaluated(self._labeling.evaluate(rows, wanted, caller(context)))

    def ProposeLabels(
        self, request: labeling_pb2.ProposeLabelsRequest, context: grpc.ServicerContext
    ) -> labeling_pb2.ProposeLabelsResponse:
        """See labeling.proto."""
        by = caller(context, requests.lane(request.lane))
        wanted = proposal_requests.propose(request, self._limits)
        rows = requests.rows(request.rows, self._limits)
        del request  # as in Score
        return proposal_responses.proposed(self._labeling.propose(rows, wanted, by))
