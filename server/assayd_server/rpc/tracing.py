"""Spans of OpenTelemetry: one for each call, and in it those of its stages. Nothing else knows opentelemetry.

It is imported where a setting asks for it. A call's spans are made when it ends, of times that were taken anyway;
they are children of the caller's span where its metadata names one (W3C traceparent), and as sampled as that is.
"""

import os
import time
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import grpc
from opentelemetry import trace as api
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_SERVERS_FAULT = {
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
"""What OpenTelemetry's conventions count as errors of a server."""
_FLUSH_MILLISECONDS_MAX = 5000
_PROPAGATOR = TraceContextTextMapPropagator()
_HEADERS = _PROPAGATOR.fields


class CallTrace:
    """One call that is being answered."""

    __slots__ = ("_began", "_metadata", "_method", "_stages", "_tracer")

    def __init__(self, tracer: api.Tracer, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> None:
        """A call has begun."""
        self._tracer = tracer
        self._method = method
        self._metadata = metadata
        self._began = time.perf_counter()
        self._stages: list[tuple[str, float, float, dict[str, str | int]]] = []

    def stage(self, name: str, began: float, ended: float, **attributes: str | int) -> None:
        """As of Trace."""
        named = {f"assayd.{key}": value for key, value in attributes.items()}
        self._stages.append((name, began, ended, named))

    def end(self, code: grpc.StatusCode) -> None:
        """The call has ended: make its spans."""
        zero = time.time_ns() - time.perf_counter_ns()
        sent = {key: value for key, value in self._metadata if key in _HEADERS and isinstance(value, str)}
        parent = _PROPAGATOR.extract(sent)
        _, service, method = self._method.split("/")
        span = self._tracer.start_span(
            f"{service}/{method}",
            parent,
            api.SpanKind.SERVER,
            {
                "rpc.system": "grpc",
                "rpc.service": service,
                "rpc.method": method,
                "rpc.grpc.status_code": int(code.value[0]),
            },
            start_time=zero + _nanoseconds(self._began),
        )
        if span.is_recording():
            within = api.set_span_in_context(span, parent)
            for name, began, ended, attributes in self._stages:
                start, end = zero + _nanoseconds(began), zero + _nanoseconds(ended)
                self._tracer.start_span(name, within, attributes=attributes, start_time=start).end(end)
            if code in _SERVERS_FAULT:
                span.set_status(api.StatusCode.ERROR)
        span.end()


class Tracing:
    """Makes the spans of calls, and sends them off from a thread of its own."""

    def __init__(self, exporter: SpanExporter) -> None:
        """Send spans by an exporter; the variables OTEL_... say how many, and what the service is called."""
        named: dict[str, Any] = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "assayd"}
        self._provider = TracerProvider(
            resource=Resource.create({"service.version": version("assayd"), **named}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("assayd", version("assayd"))

    def begin(self, method: str, metadata: Iterable[tuple[str, str | bytes]]) -> CallTrace:
        """A call begins.

        Args:
            method: such as /assayd.v1.ScoringService/Score.
            metadata: of the call.
        """
        return CallTrace(self._tracer, method, metadata)

    def close(self) -> None:
        """Send what is left, for some seconds at most."""
        self._provider.force_flush(_FLUSH_MILLISECONDS_MAX)
        self._provider.shutdown()


def by_otlp() -> Tracing:
    """Spans by OTLP over gRPC, to where OTEL_EXPORTER_OTLP_ENDPOINT says."""
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return Tracing(OTLPSpanExporter())


def _nanoseconds(seconds: float) -> int:
    return round(1e9 * seconds)
