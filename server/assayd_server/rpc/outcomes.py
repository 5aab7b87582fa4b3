"""How the calls of one RPC end: counted, logged, and with a status for whatever its servicer raises."""

import re
import time
import uuid
from typing import Protocol

import grpc
from prometheus_client import Counter

from assayd_server import logs
from assayd_server.errors import ResourceExhaustedError, ServiceError
from assayd_server.metrics import MethodMetrics
from assayd_server.rpc import status
from assayd_server.rpc.refusals import Metadata, first_value, refusal, status_of
from assayd_server.trace import Trace

REQUEST_ID = "x-request-id"
_ID = re.compile(r"[\x21-\x7e]{1,128}")
_FIELDS = {"rows": "inputs", "rows.inputs": "inputs", "model.name": "model_name", "model.version": "model_version"}
"""What the engine calls by their names in assayd.v1, in requests of the Open Inference Protocol."""
_log = logs.get_logger()


class CallTrace(Trace, Protocol):
    """Of one call, which is told of its end too."""

    def end(self, code: grpc.StatusCode) -> None:
        """The call has ended."""


class Tracing(Protocol):
    """Traces calls."""

    def begin(self, method: str, metadata: Metadata) -> CallTrace:
        """A call has begun."""

    def close(self) -> None:
        """Once there are no more calls."""


class Outcomes:
    """Of one RPC."""

    def __init__(
        self,
        name: str,
        metrics: MethodMetrics,
        refused: Counter,
        *,
        log_calls: bool,
        tracing: Tracing | None = None,
    ) -> None:
        """Make it ready.

        Args:
            name: such as /assayd.v1.ScoringService/Score.
            metrics: of this method.
            refused: counts calls for which there was no room.
            log_calls: whether each call gets a line in the log.
            tracing: makes spans of its calls; None where nobody wants any.
        """
        self.name = name
        self._tracing = tracing
        self._fields = _FIELDS if name.startswith("/inference.") else {}
        self._metrics = metrics
        self._refused = refused
        self._log = _log.bind(method=name)
        self._log_calls = log_calls

    def start(self) -> None:
        """A call has begun."""
        self._metrics.start()

    def trace(self, metadata: Metadata) -> CallTrace | None:
        """What a call that has begun is traced by; None where it is not."""
        return None if self._tracing is None else self._tracing.begin(self.name, metadata)

    def end(self, code: grpc.StatusCode, began: float, metadata: Metadata, trace: CallTrace | None = None) -> None:
        """A call has ended.

        Args:
            code: its status.
            began: when, on time.perf_counter's clock.
            metadata: of the call.
            trace: of the call.
        """
        seconds = time.perf_counter() - began
        self._metrics.end(status.name(code), seconds)
        if trace is not None:
            trace.end(code)
        if self._log_calls:
            self._log.info(
                "call", request_id=_request_id(metadata), code=status.name(code), seconds=round(seconds, 6)
            )

    def failure_of(self, error: Exception, metadata: Metadata) -> status.Failure:
        """The status of what a servicer raised; what its caller must not see goes into the log."""
        return self._deliberate(error, metadata) if isinstance(error, ServiceError) else self._bug(error, metadata)

    def refusal(self, calls: int, metadata: Metadata) -> status.Failure:
        """The status of a call for which there is no room, beside so many."""
        self._refused.inc()
        return refusal(calls, metadata)

    def _deliberate(self, error: ServiceError, metadata: Metadata) -> status.Failure:
        if error.field in self._fields:
            error.rename_field(self._fields[error.field])
        if isinstance(error, ResourceExhaustedError):
            self._refused.inc()
        if error.__cause__ is not None:
            request_id = _request_id(metadata) or uuid.uuid4().hex
            self._log.warning(
                "call failed",
                request_id=request_id,
                error=error.message,
                cause=str(error.__cause__),
                **error.details,
            )
            error.add_detail("request_id", request_id)
        return status_of(error, metadata)

    def _bug(self, error: Exception, metadata: Metadata) -> status.Failure:
        request_id = _request_id(metadata) or uuid.uuid4().hex
        self._log.error("bug", request_id=request_id, exc_info=error)
        return status.of_bug(request_id)


def _request_id(metadata: Metadata) -> str:
    """The caller's own id for the call; empty where it sent none that a log can hold."""
    value = first_value(metadata, REQUEST_ID)
    return value if _ID.fullmatch(value) else ""
