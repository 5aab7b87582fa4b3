"""The services of assayd: their servicers, and what gRPC is told of each of their methods."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from google.protobuf.descriptor import ServiceDescriptor

from assayd.v1 import (
    labeling_pb2,
    labeling_pb2_grpc,
    monitoring_pb2,
    monitoring_pb2_grpc,
    retrieval_pb2,
    retrieval_pb2_grpc,
    scoring_pb2,
    scoring_pb2_grpc,
    selection_pb2,
    selection_pb2_grpc,
)
from assayd_server.engine import Engine
from assayd_server.rpc.labeling import LabelingServicer
from assayd_server.rpc.monitoring import MonitoringServicer
from assayd_server.rpc.open_inference import servicer as open_inference
from assayd_server.rpc.requests import RowLimits
from assayd_server.rpc.retrieval import RetrievalServicer
from assayd_server.rpc.scoring import ScoringServicer
from assayd_server.rpc.selection import SelectionServicer

Handlers: TypeAlias = Mapping[str, Any]
"""grpc.RpcMethodHandler by path, such as /assayd.v1.ScoringService/Score."""

SERVICES: tuple[ServiceDescriptor, ...] = (
    scoring_pb2.DESCRIPTOR.services_by_name["ScoringService"],
    selection_pb2.DESCRIPTOR.services_by_name["SelectionService"],
    retrieval_pb2.DESCRIPTOR.services_by_name["RetrievalService"],
    monitoring_pb2.DESCRIPTOR.services_by_name["MonitoringService"],
    labeling_pb2.DESCRIPTOR.services_by_name["LabelingService"],
    open_inference.SERVICE,
)
SCORE = "/assayd.v1.ScoringService/Score"
MODEL_INFER = f"/{open_inference.SERVICE.full_name}/ModelInfer"
PATHS = frozenset(f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods)
"""Of every method."""


def handlers_of(engine: Engine, limits: RowLimits, *, serving: Callable[[], bool]) -> Handlers:
    """Every method of assayd.

    Args:
        engine: answers the calls.
        limits: how much one request may hold.
        serving: whether calls are taken.
    """
    found: Any = _Handlers()
    scoring_pb2_grpc.add_ScoringServiceServicer_to_server(ScoringServicer(engine, limits), found)
    selection_pb2_grpc.add_SelectionServiceServicer_to_server(SelectionServicer(engine, limits), found)
    retrieval_pb2_grpc.add_RetrievalServiceServicer_to_server(RetrievalServicer(engine, limits), found)
    monitoring_pb2_grpc.add_MonitoringServiceServicer_to_server(MonitoringServicer(engine, limits), found)
    labeling_pb2_grpc.add_LabelingServiceServicer_to_server(LabelingServicer(engine, limits), found)
    asked = open_inference.OpenInferenceServicer(engine, limits, serving=serving)
    by_path: Handlers = {**found.by_path, **open_inference.handlers(asked)}
    return by_path


class _Handlers:
    """Stands for a server where the generated code adds what it has."""

    def __init__(self) -> None:
        self.by_path: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, _: Any) -> None:
        """The same once more, in a form that says nothing of names."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Handlers by the name of the method."""
        self.by_path |= {f"/{service}/{name}": handler for name, handler in handlers.items()}
