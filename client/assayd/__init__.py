"""assayd: scores rows of data over gRPC, and says how unsure the model is of each.

    from assayd import Client

    with Client("localhost:50051") as client:
        scores = client.score(x, uncertainties=["entropy"])

Names load when they are first used, so that importing `assayd.v1` alone stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assayd.async_client import AsyncClient
    from assayd.channel import ChannelSettings
    from assayd.client import Client
    from assayd.errors import (
        AssaydError,
        CallCancelledError,
        DeadlineExceededError,
        FailedPreconditionError,
        InternalError,
        InvalidArgumentError,
        NotFoundError,
        PermissionDeniedError,
        ResourceExhaustedError,
        UnauthenticatedError,
        UnavailableError,
        UnimplementedError,
    )
    from assayd.requests import ScoreOptions
    from assayd.results import FailedModel, ModelIdentity, ModelInfo, ModelList, Scores, TensorSpec, TopClasses

__version__ = "0.1.0"

_MODULES = (
    "assayd.errors",
    "assayd.results",
    "assayd.requests",
    "assayd.channel",
    "assayd.client",
    "assayd.async_client",
)

__all__ = [
    "AssaydError",
    "AsyncClient",
    "CallCancelledError",
    "ChannelSettings",
    "Client",
    "DeadlineExceededError",
    "FailedModel",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "ModelIdentity",
    "ModelInfo",
    "ModelList",
    "NotFoundError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "ScoreOptions",
    "Scores",
    "TensorSpec",
    "TopClasses",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in map(import_module, _MODULES):
            if hasattr(module, name):
                globals()[name] = value = getattr(module, name)
                return value
    raise AttributeError(f"module 'assayd' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
