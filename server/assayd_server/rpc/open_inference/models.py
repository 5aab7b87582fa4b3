"""What models there are, what they take and give, and what they have done: as messages."""

from collections.abc import Iterable

from assayd_server.contract import TensorSpec
from assayd_server.offered import offered
from assayd_server.repository import Failure
from assayd_server.rpc.open_inference.datatypes import NAMES
from assayd_server.rpc.open_inference.infer_requests import shape_of
from assayd_server.rpc.open_inference.open_inference_pb2 import (
    InferStatistics,
    ModelMetadataResponse,
    ModelStatistics,
    RepositoryIndexResponse,
    StatisticDuration,
)
from assayd_server.servable import Servable
from assayd_server.statistics import Spent, Statistics

PLATFORM = "onnxruntime_onnx"
"""As Triton calls models in ONNX Runtime."""


def metadata(model: Servable, versions: Iterable[int]) -> ModelMetadataResponse:
    """What a model takes and gives."""
    return ModelMetadataResponse(
        name=model.identity.name,
        versions=map(str, versions),
        platform=PLATFORM,
        inputs=map(_tensor, model.contract.inputs),
        outputs=[_tensor(each.spec) for each in offered(model)],
    )


def index(models: Iterable[Servable], failures: Iterable[Failure]) -> RepositoryIndexResponse:
    """Every version; in the place of one that is loaded no failure is listed, for it can be asked."""
    found = {
        (failure.name, failure.version): RepositoryIndexResponse.ModelIndex(
            name=failure.name, version=str(failure.version), state="UNAVAILABLE", reason=failure.reason
        )
        for failure in failures
    }
    for model in models:
        name, version = model.identity.name, model.identity.version
        found[name, version] = RepositoryIndexResponse.ModelIndex(name=name, version=str(version), state="READY")
    return RepositoryIndexResponse(models=[found[key] for key in sorted(found)])


def statistics(found: Statistics) -> ModelStatistics:
    """What one version has done."""
    return ModelStatistics(
        name=found.identity.name,
        version=str(found.identity.version),
        inference_count=found.row_count,
        execution_count=found.pass_count,
        inference_stats=InferStatistics(
            success=_duration(found.total),
            fail=StatisticDuration(count=found.abandoned_count),
            queue=_duration(found.queue),
            compute_infer=_duration(found.inference),
        ),
    )


def _tensor(spec: TensorSpec) -> ModelMetadataResponse.TensorMetadata:
    return ModelMetadataResponse.TensorMetadata(
        name=spec.name, datatype=NAMES[spec.data_type], shape=shape_of(spec)
    )


def _duration(spent: Spent) -> StatisticDuration:
    return StatisticDuration(count=spent.count, ns=round(1e9 * spent.seconds))
