"""Every RPC of assayd, by what its descriptor says; health and reflection, which strangers reach too."""

from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from assayd.v1 import labeling_pb2, monitoring_pb2, retrieval_pb2, scoring_pb2, selection_pb2

SERVED = (scoring_pb2, selection_pb2, retrieval_pb2, monitoring_pb2, labeling_pb2)
BESIDE = (health_pb2, reflection_pb2)
NEVER_ENDING = "/grpc.health.v1.Health/Watch"
"""Answers for as long as its caller likes, so that it has no deadline to keep."""


@dataclass(frozen=True)
class Method:
    """One RPC."""

    path: str
    request: type[Message]
    is_stream: bool

    @property
    def name(self) -> str:
        """Without its service."""
        return self.path.rpartition("/")[2]


def _method(descriptor: MethodDescriptor) -> Method:
    path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
    return Method(path, GetMessageClass(descriptor.input_type), descriptor.client_streaming)


METHODS = tuple(
    method
    for module in (*SERVED, *BESIDE)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in map(_method, service.methods)
    if method.path != NEVER_ENDING
)
