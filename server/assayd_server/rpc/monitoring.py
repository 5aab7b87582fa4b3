"""MonitoringService."""

from collections.abc import Iterator

import grpc

from assayd.v1 import monitoring_pb2, monitoring_pb2_grpc
from assayd_server.engine import Engine
from assayd_server.rpc import monitoring_requests, monitoring_responses, requests, watch_responses
from assayd_server.rpc.scoring import caller
from assayd_server.rpc.stream_messages import with_settings
from assayd_server.watching import Watching


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
        del request  # as in Score
        return monitoring_responses.drift(self._monitoring.test_drift(rows, wanted, caller(context)))

    def WatchDrift(
        self, request_iterator: Iterator[monitoring_pb2.WatchDriftRequest], context: grpc.ServicerContext
    ) -> Iterator[monitoring_pb2.WatchDriftResponse]:
        """See monitoring.proto."""
        for watching, request in with_settings(request_iterator, self._begun):
            rows = requests.rows(request.rows, self._limits) if request.HasField("rows") else None
            embeddings = monitoring_requests.embeddings(request)
            yield watch_responses.watched(watching.observe(rows, embeddings, caller(context)))

    def GetReference(
        self, request: monitoring_pb2.GetReferenceRequest, context: grpc.ServicerContext
    ) -> monitoring_pb2.GetReferenceResponse:
        """See monitoring.proto."""
        choice = monitoring_requests.model(request)
        return monitoring_responses.described(*self._monitoring.reference(choice))

    def _begun(self, settings: monitoring_pb2.WatchSettings) -> Watching:
        return Watching(self._monitoring, monitoring_requests.watch(settings))
