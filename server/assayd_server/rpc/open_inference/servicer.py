"""GRPCInferenceService."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import grpc

from assayd_server.checks import wrong
from assayd_server.engine import Engine
from assayd_server.errors import UnimplementedError
from assayd_server.rpc.open_inference import models
from assayd_server.rpc.open_inference import open_inference_pb2 as pb
from assayd_server.rpc.open_inference.finding import found_model, model_choice
from assayd_server.rpc.open_inference.infer_ask import infer_ask
from assayd_server.rpc.open_inference.infer_requests import inputs
from assayd_server.rpc.open_inference.infer_responses import response
from assayd_server.rpc.requests import RowLimits
from assayd_server.rpc.scoring import caller

SERVICE = pb.DESCRIPTOR.services_by_name["GRPCInferenceService"]
EXTENSIONS = ("model_repository", "statistics", "priority", "timeout")
"""Of the protocol; the first is its index alone."""


class OpenInferenceServicer:
    """Answers who speaks the Open Inference Protocol."""

    def __init__(self, engine: Engine, limits: RowLimits, *, serving: Callable[[], bool]) -> None:
        """Make it ready.

        Args:
            engine: answers the calls.
            limits: how much one request may hold.
            serving: whether calls are taken.
        """
        self._engine = engine
        self._limits = limits
        self._serving = serving

    def ServerLive(self, request: pb.ServerLiveRequest, context: grpc.ServicerContext) -> pb.ServerLiveResponse:
        """See open_inference.proto, as of all others."""
        return pb.ServerLiveResponse(live=True)

    def ServerReady(self, request: pb.ServerReadyRequest, context: grpc.ServicerContext) -> pb.ServerReadyResponse:
        """Whether calls are taken."""
        return pb.ServerReadyResponse(ready=self._serving())

    def ModelReady(self, request: pb.ModelReadyRequest, context: grpc.ServicerContext) -> pb.ModelReadyResponse:
        """Whether a model is loaded, and calls are taken."""
        versions = self._engine.versions(request.name)
        wanted = model_choice(request.name, request.version).version
        return pb.ModelReadyResponse(ready=self._serving() and bool(versions) and wanted in (0, *versions))

    def ServerMetadata(
        self, request: pb.ServerMetadataRequest, context: grpc.ServicerContext
    ) -> pb.ServerMetadataResponse:
        """What the server is."""
        return pb.ServerMetadataResponse(name="assayd", version=version("assayd"), extensions=EXTENSIONS)

    def ModelMetadata(
        self, request: pb.ModelMetadataRequest, context: grpc.ServicerContext
    ) -> pb.ModelMetadataResponse:
        """What a model takes and gives."""
        model = found_model(self._engine, request.name, request.version)
        return models.metadata(model, self._engine.versions(model.identity.name))

    def ModelInfer(self, request: pb.ModelInferRequest, context: grpc.ServicerContext) -> pb.ModelInferResponse:
        """Run a model once."""
        model = found_model(self._engine, request.model_name, request.model_version, field="model_")
        infer = infer_ask(request, model)
        rows, request_id = inputs(request, model, self._limits), request.id
        by = caller(context, infer.lane, timeout_seconds=infer.timeout_seconds)
        del request  # rows holds a copy of what it holds, and a call may wait for long
        return response(infer, request_id, self._engine.score(rows, infer.ask.wanted, by, model=model))

    def RepositoryIndex(
        self, request: pb.RepositoryIndexRequest, context: grpc.ServicerContext
    ) -> pb.RepositoryIndexResponse:
        """Every model version."""
        if request.repository_name:
            raise wrong("repository_name", "is not empty, and there is one repository alone", "UNKNOWN_REPOSITORY")
        loaded, failures = self._engine.models()
        return models.index(loaded, () if request.ready else failures)

    def RepositoryModelLoad(
        self, request: pb.RepositoryModelLoadRequest, context: grpc.ServicerContext
    ) -> pb.RepositoryModelLoadResponse:
        """Never."""
        raise _polls("put a new version into the repository, and it is loaded and served")

    def RepositoryModelUnload(
        self, request: pb.RepositoryModelUnloadRequest, context: grpc.ServicerContext
    ) -> pb.RepositoryModelUnloadResponse:
        """Never."""
        raise _polls("take the version out of the repository, and it is unloaded once its calls are answered")

    def ModelStatistics(
        self, request: pb.ModelStatisticsRequest, context: grpc.ServicerContext
    ) -> pb.ModelStatisticsResponse:
        """What models have done."""
        if request.name:
            found_model(self._engine, request.name, request.version)
        found = self._engine.statistics(model_choice(request.name, request.version))
        return pb.ModelStatisticsResponse(model_stats=map(models.statistics, found))


def handlers(servicer: OpenInferenceServicer) -> dict[str, Any]:
    """grpc.RpcMethodHandler by path."""
    return {
        f"/{SERVICE.full_name}/{method.name}": grpc.unary_unary_rpc_method_handler(
            getattr(servicer, method.name),
            request_deserializer=getattr(pb, method.input_type.name).FromString,
            response_serializer=getattr(pb, method.output_type.name).SerializeToString,
        )
        for method in SERVICE.methods
    }


def _polls(instead: str) -> UnimplementedError:
    return UnimplementedError(
        f"models are not loaded and unloaded by calls, the server looks into its repository by itself: {instead}",
        reason="REPOSITORY_IS_POLLED",
    )
