"""grpc.health.v1.Health.

Not the servicer of grpcio-health-checking: that sends under a lock which gRPC's serving thread wants too, so that
two watches, or one that nobody reads, can stop the server (docs/decisions/0005). Here a Watch is a loop on a
thread of its own, which holds no lock while it sends.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_Status = health_pb2.HealthCheckResponse

WATCH = "/grpc.health.v1.Health/Watch"
_LOOK_UP_SECONDS = 0.5
"""How long a Watch whose client is gone keeps its thread."""


class HealthServicer(health_pb2_grpc.HealthServicer):
    """All services are up or down together."""

    def __init__(self, services: Iterable[str], models: Callable[[], Collection[str]]) -> None:
        """Not serving yet.

        Args:
            services: their names; the empty one is the server.
            models: the names of those that there are now.
        """
        self._services = frozenset(services)
        self._models = models
        self._serving = False
        self._changed = threading.Condition()

    def set(self, *, serving: bool) -> None:
        """Say whether the services are up; watchers are told."""
        with self._changed:
            self._serving = serving
            self._changed.notify_all()

    @property
    def serving(self) -> bool:
        """Whether the services are up."""
        return self._serving

    def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Whether a service is up."""
        status = self._status(request.service)
        if status == _Status.SERVICE_UNKNOWN:
            context.set_code(grpc.StatusCode.NOT_FOUND)
            context.set_details("there is no such service or model")
        return _Status(status=status)

    def List(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The status of the server, of its services and of its models."""
        names = sorted({*self._services, *self._models()})
        statuses = {name: _Status(status=self._status(name)) for name in names}
        return health_pb2.HealthListResponse(statuses=statuses)  # type: ignore[attr-defined]  # newer than its types

    def Watch(
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> Iterator[health_pb2.HealthCheckResponse]:
        """The status now, and each time that it changes, until the call ends."""
        last = None
        while context.is_active():
            status = self._status(request.service)
            if status != last:
                yield _Status(status=status)
                last = status
            with self._changed:
                if self._status(request.service) == status:
                    self._changed.wait(_LOOK_UP_SECONDS)

    def _status(self, service: str) -> int:
        if service not in self._services and service not in self._models():
            return _Status.SERVICE_UNKNOWN
        return _Status.SERVING if self._serving else _Status.NOT_SERVING
