"""Requests about references, from messages to what the engine takes."""

from collections.abc import Sequence

from assayd.v1 import monitoring_pb2
from assayd_server.checks import wrong
from assayd_server.core.arrays import Floats
from assayd_server.core.drift.watch import RUN_WINDOWS_MIN, WatchSettings
from assayd_server.core.stream.settings import SettingError
from assayd_server.drift_wanted import ALPHA, DELTA, DriftWanted
from assayd_server.rpc import requests
from assayd_server.wanted import ModelChoice
from assayd_server.watch_wanted import WatchWanted

COLUMNS_MAX = 10_000
_DELTA_MAX = 100.0
_ALPHA_MIN = 1e-12
"""Below, no law of the tests holds."""


def model(request: monitoring_pb2.TestDriftRequest | monitoring_pb2.GetReferenceRequest) -> ModelChoice:
    """Whose reference is meant.

    Raises:
        InvalidArgumentError: the version is negative.
    """
    return requests.model_choice(request.model) if request.HasField("model") else ModelChoice()


def watch(settings: monitoring_pb2.WatchSettings) -> WatchWanted:
    """How a stream is watched.

    Raises:
        InvalidArgumentError: a field is not what it may be.
    """
    _check_columns(settings.columns, "settings.columns")
    window_rows = settings.window_rows or WatchSettings().window_rows
    run_rows = settings.expected_run_rows or max(WatchSettings().expected_run_rows, RUN_WINDOWS_MIN * window_rows)
    try:
        wanted = WatchSettings(
            window_rows=window_rows,
            expected_run_rows=run_rows,
            delta=settings.delta or DELTA,
            columns=tuple(settings.columns),
        )
    except SettingError as error:
        raise wrong(f"settings.{error.field}", error.problem, "SETTING_OUT_OF_RANGE") from None
    return WatchWanted(
        model=requests.model_choice(settings.model) if settings.HasField("model") else ModelChoice(),
        reference_digest=settings.reference_digest,
        settings=wanted,
        state=settings.state,
    )


def embeddings(request: monitoring_pb2.TestDriftRequest | monitoring_pb2.WatchDriftRequest) -> Floats | None:
    """(n, d) that came beside the rows, if any did.

    Raises:
        InvalidArgumentError: they are no matrix of numbers.
    """
    if not request.HasField("embeddings"):
        return None
    return requests.matrix(request.embeddings, "embeddings", columns_min=1)


def drift(request: monitoring_pb2.TestDriftRequest) -> DriftWanted:
    """How a window is compared.

    Raises:
        InvalidArgumentError: a field is not what it may be.
    """
    if not 0 <= request.delta <= _DELTA_MAX:  # False for NaN
        raise wrong("delta", f"is {request.delta:g}, allowed are above 0 and up to {_DELTA_MAX:g}", "OUT_OF_RANGE")
    _check_columns(request.columns, "columns")
    return DriftWanted(
        model=model(request),
        reference_digest=request.reference_digest,
        embeddings=embeddings(request),
        alpha=requests.level("alpha", request.alpha, default=ALPHA, lowest=_ALPHA_MIN),
        delta=request.delta or DELTA,
        columns=tuple(request.columns),
        labels=requests.labels(request.labels) if request.HasField("labels") else None,
    )


def _check_columns(names: Sequence[str], field: str) -> None:
    if len(names) > COLUMNS_MAX:
        raise wrong(field, f"has {len(names)} names, allowed are {COLUMNS_MAX}", "TOO_MANY_VALUES")
