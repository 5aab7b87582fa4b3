"""Spans of calls: what a receiver of OTLP gets, whose children they are, and that off is off."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import onnx_models
from assayd import Client
from assayd.testing import serving
from assayd_server.rpc.tracing import Tracing
from open_inference import calling, request

DEMO = Path(__file__).resolve().parents[2] / "server" / "assayd_server" / "demo" / "models"
SCORE = "assayd.v1.ScoringService/Score"
INFER = "inference.GRPCInferenceService/ModelInfer"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_SAMPLED = PARENT[:-2] + "00"
ROWS = np.zeros((3, 64), np.float32)
Got = list[Any]


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: Got = []
        self.services: set[str] = set()

    def Export(self, request: Any, _context: grpc.ServicerContext) -> Any:
        for resource in request.resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(named["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def receiving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver of OTLP, to which servers that are started here send their spans."""
    with ThreadPoolExecutor(2) as pool:
        server, receiver = grpc.server(pool), Receiver()
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        yield receiver
        server.stop(0).wait()


@pytest.fixture(params=[False, True], ids=["by the loop", "plain calls"])
def spans_of(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Got]:
    """The spans of a server of the demo's model that was asked something, once it has ended."""

    def spans(ask: Callable[[Client, Any], Any], **settings: Any) -> Got:
        with receiving(monkeypatch) as receiver:
            served = serving(DEMO, traces="otlp", plain_calls=request.param, **settings)
            with served as server, calling(server.address) as call:
                ask(server.client(), call)
            assert receiver.services <= {"assayd"}
            return receiver.spans

    return spans


def tree(spans: Got) -> dict[str, list[str]]:
    """The names of the children of each span that is no child of one of these."""
    ids = {span.span_id: span for span in spans}
    tops = [span for span in spans if span.parent_span_id not in ids]
    return {top.name: sorted(span.name for span in spans if span.parent_span_id == top.span_id) for top in tops}


def test_a_call_has_a_span_with_its_stages(spans_of: Callable[..., Got]) -> None:
    spans = spans_of(lambda client, call: (client.score(ROWS), call("ModelInfer", request(("image", ROWS)))))
    assert tree(spans) == {SCORE: ["inference", "queue"], INFER: ["inference", "queue"]}
    by_id = {span.span_id: span for span in spans}
    for span in spans:
        parent = by_id.get(span.parent_span_id, span)
        assert parent.start_time_unix_nano <= span.start_time_unix_nano
        assert span.start_time_unix_nano <= span.end_time_unix_nano <= parent.end_time_unix_nano
        if span.name == "inference":
            said = {each.key: each.value for each in span.attributes}
            assert said["assayd.model"].string_value == "digits"
            assert said["assayd.rows"].int_value == 3


def test_a_search_is_a_stage_of_its_own(spans_of: Callable[..., Got]) -> None:
    spans = spans_of(lambda client, _: (client.score(ROWS, neighbors=2), client.search(x=ROWS, k=2)))
    found = tree(spans)
    assert found[SCORE] == ["inference", "queue", "retrieval"]
    assert "retrieval" in found["assayd.v1.RetrievalService/Search"]


def test_ranking_has_its_stages_too(spans_of: Callable[..., Got]) -> None:
    spans = spans_of(lambda client, _: client.rank(ROWS, measure="margin", count=1))
    assert tree(spans) == {"assayd.v1.SelectionService/Rank": ["inference", "queue"]}


def test_a_call_is_a_child_of_its_callers_span(spans_of: Callable[..., Got]) -> None:
    def ask(_: Client, call: Any) -> None:
        call("ModelInfer", request(("image", ROWS)), metadata=[("traceparent", PARENT)])

    spans = spans_of(ask)
    (top,) = [span for span in spans if span.name == INFER]
    assert top.parent_span_id.hex() == PARENT.split("-")[2]
    assert {span.trace_id.hex() for span in spans} == {PARENT.split("-")[1]}


def test_a_call_whose_caller_is_not_sampled_is_not_either(spans_of: Callable[..., Got]) -> None:
    def ask(_: Client, call: Any) -> None:
        call("ModelInfer", request(("image", ROWS)), metadata=[("traceparent", NOT_SAMPLED)])

    assert spans_of(ask) == []


def test_a_call_that_fails_has_a_span_with_its_status(spans_of: Callable[..., Got]) -> None:
    def ask(_: Client, call: Any) -> None:
        call.error("ModelInfer", request(("other", ROWS)))
        call.error("RepositoryModelLoad")

    spans = spans_of(ask)
    codes = {
        span.name.rpartition("/")[2]: {each.key: each.value for each in span.attributes}[
            "rpc.grpc.status_code"
        ].int_value
        for span in spans
    }
    assert codes == {"ModelInfer": 3, "RepositoryModelLoad": 12}
    assert {span.name.rpartition("/")[2]: span.status.code for span in spans} == {
        "ModelInfer": 0,
        "RepositoryModelLoad": 2,
    }


def test_an_exporter_in_memory_sees_the_same() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(exporter)
    trace = tracing.begin(f"/{SCORE}", (("traceparent", PARENT), ("x-request-id", "7"), ("other-bin", b"1")))
    trace.stage("queue", 1.0, 1.5)
    trace.end(grpc.StatusCode.INTERNAL)
    tracing.close()
    stage, call = exporter.get_finished_spans()
    assert (stage.name, call.name, call.kind) == ("queue", SCORE, SpanKind.SERVER)
    assert stage.end_time - stage.start_time == 500_000_000
    assert stage.parent.span_id == call.context.span_id
    assert call.status.status_code == StatusCode.ERROR
    assert call.attributes["rpc.service"] == "assayd.v1.ScoringService"


SERVE_WITHOUT_TRACES = """
import sys
from assayd.testing import serving
with serving() as server:
    import numpy as np
    server.client().score(np.zeros((1, 64), np.float32))
sys.exit(any(name.partition(".")[0] == "opentelemetry" for name in sys.modules))
"""


def test_without_traces_nothing_of_opentelemetry_is_imported() -> None:
    assert subprocess.run([sys.executable, "-c", SERVE_WITHOUT_TRACES], check=False).returncode == 0


def test_traces_without_their_extra_are_refused_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from assayd_server.errors import StartError

    (tmp_path / "m.onnx").write_bytes(onnx_models.identity())
    monkeypatch.delitem(sys.modules, "assayd_server.rpc.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    sentence = r'traces: .* is not installed: pip install "assayd\[server,otel\]"'
    with pytest.raises(StartError, match=sentence), serving(tmp_path / "m.onnx", traces="otlp"):
        raise AssertionError("it serves")
