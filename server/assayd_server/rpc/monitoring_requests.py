"""Requests about references, from messages to what the engine takes."""

from assayd.v1 import monitoring_pb2
from assayd_server.drift_wanted import ALPHA, DELTA, DriftWanted
from assayd_server.rpc import requests
from assayd_server.rpc.requests import wrong
from assayd_server.wanted import ModelChoice

_COLUMNS_MAX = 10_000
_DELTA_MAX = 100.0
_ALPHA_MIN = 1e-12
"""Below, no law of the tests holds."""


def model(request: monitoring_pb2.TestDriftRequest | monitoring_pb2.GetReferenceRequest) -> ModelChoice:
    """Whose reference is meant.

    Raises:
        InvalidArgumentError: the version is negative.
    """
    return requests.model_choice(request.model) if request.HasField("model") else ModelChoice()


def drift(request: monitoring_pb2.TestDriftRequest) -> DriftWanted:
    """How a window is compared.

    Raises:
        InvalidArgumentError: a field is not what it may be.
    """
    if not 0 <= request.delta <= _DELTA_MAX:  # False for NaN
        raise wrong("delta", f"is {request.delta:g}, allowed are above 0 and up to {_DELTA_MAX:g}", "OUT_OF_RANGE")
    if len(request.columns) > _COLUMNS_MAX:
        raise wrong("columns", f"has {len(request.columns)} names, allowed are {_COLUMNS_MAX}", "TOO_MANY_VALUES")
    return DriftWanted(
        model=model(request),
        reference_digest=request.reference_digest,
        embeddings=requests.matrix(request.embeddings, "embeddings", columns_min=1)
        if request.HasField("embeddings")
        else None,
        alpha=requests.level("alpha", request.alpha, default=ALPHA, lowest=_ALPHA_MIN),
        delta=request.delta or DELTA,
        columns=tuple(request.columns),
    )
