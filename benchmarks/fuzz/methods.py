"""Every RPC of a server: what assayd serves, and health and reflection, which strangers reach too."""

from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from assayd_server.rpc.services import SERVICES

BESIDE: tuple[ServiceDescriptor, ...] = (
    health_pb2.DESCRIPTOR.services_by_name["Health"],
    reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"],
)
NEVER_ENDING = "/grpc.health.v1.Health/Watch"
"""Answers for as long as its caller likes: its caller goes away after the first answer."""


@dataclass(frozen=True)
class Method:
    """One RPC."""

    path: str
    is_stream: bool

    @property
    def name(self) -> str:
        """Without its service."""
        return self.path.rpartition("/")[2]


def _method(descriptor: MethodDescriptor) -> Method:
    path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
    return Method(path, descriptor.client_streaming or descriptor.server_streaming)


METHODS = tuple(_method(method) for service in (*SERVICES, *BESIDE) for method in service.methods)
