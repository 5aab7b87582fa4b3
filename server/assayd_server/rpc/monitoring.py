"""MonitoringService."""

import grpc

from assayd.v1 import monitoring_pb2, monitoring_pb2_grpc
from assayd_server.engine import Engine
from assayd_server.rpc import monitoring_requests, monitoring_responses, requests
from assayd_server.rpc.scoring import caller


class MonitoringServicer(monitoring_pb2_grpc.MonitoringServiceServicer):
    """Compares data with references."""

    def __init__(self, engine: Engine, limits: requests.RowLimits) -> None:
        self._monitoring = engine.monitoring
        self._limits = limits

    def TestDrift(
        self, request: monitoring_pb2.TestDriftRequest, context: grpc.ServicerContext
    ) -> monitoring_pb2.TestDriftResponse:
        """See monitoring.proto."""
        wanted = monitoring_requests.drift(request)
        rows = requests.rows(request.rows, self._limits)
        return monitoring_responses.drift(self._monitoring.test_drift(rows, wanted, caller(context)))

    def GetReference(
        self, request: monitoring_pb2.GetReferenceRequest, context: grpc.ServicerContext
    ) -> monitoring_pb2.GetReferenceResponse:
        """See monitoring.proto."""
        choice = monitoring_requests.model(request)
        return monitoring_responses.described(*self._monitoring.reference(choice))
