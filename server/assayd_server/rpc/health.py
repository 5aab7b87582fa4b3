"""grpc.health.v1.Health: Check alone.

Watch is not served, and clients take that for "no health checking": the servicer of grpcio-health-checking sends
under a lock that gRPC's serving thread wants too. Two watches, or one that nobody reads, can stop the server so.
"""

from collections.abc import Iterable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_Status = health_pb2.HealthCheckResponse

WATCH = "/grpc.health.v1.Health/Watch"


class HealthServicer(health_pb2_grpc.HealthServicer):
    """All services are up or down together."""

    def __init__(self, services: Iterable[str]) -> None:
        """Not serving yet.

        Args:
            services: the names that there are; the empty one is the server.
        """
        self._services = frozenset(services)
        self.serving = False

    def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Whether a service is up."""
        if request.service not in self._services:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details("there is no such service or model")
            return _Status()
        return _Status(status=_Status.SERVING if self.serving else _Status.NOT_SERVING)
