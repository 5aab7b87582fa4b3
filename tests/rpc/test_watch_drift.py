"""Streams that are watched for drift: reports, alerts, states that go on elsewhere, and odd streams answered."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
import references
from assayd.arrays import encode
from assayd.errors import AssaydError, from_rpc_error
from assayd.testing import Server
from assayd.v1 import monitoring_pb2, monitoring_pb2_grpc, rows_pb2

Serve = Callable[..., Server]
Answer = monitoring_pb2.WatchDriftResponse

CENTRES = 4 * np.eye(4)
WATCHED: dict[str, Any] = {"window_rows": 200, "expected_run_rows": 10_000}


def rows_of(count: int, *, seed: int, shift: float = 0.0) -> np.ndarray:
    """Rows around four centres; logits are the rows, the embedding is twice that."""
    rng = np.random.default_rng(seed)
    return (CENTRES[rng.integers(0, 4, count)] + rng.normal(size=(count, 4)) + shift).astype(np.float32)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    rows = rows_of(12_000, seed=0)
    return references.write_reference(folder, onnx_models.identity(), rows, features=("x[2]",))


@pytest.fixture
def server(serve: Serve, reference: Path) -> Server:
    return serve(onnx_models.identity(), reference=reference)


def inputs(rows: np.ndarray) -> rows_pb2.Rows:
    return rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(rows, "x")]))


def messages(parts: Sequence[np.ndarray], **settings: Any) -> Iterator[monitoring_pb2.WatchDriftRequest]:
    first: monitoring_pb2.WatchSettings | None = monitoring_pb2.WatchSettings(**{**WATCHED, **settings})
    for part in parts:
        yield monitoring_pb2.WatchDriftRequest(settings=first, rows=inputs(part))
        first = None


def watched(server: Server, parts: Sequence[np.ndarray], **settings: Any) -> list[Answer]:
    with grpc.insecure_channel(server.address) as channel:
        stub = monitoring_pb2_grpc.MonitoringServiceStub(channel)
        return list(stub.WatchDrift(messages(parts, **settings), timeout=60))


def sent(server: Server, *requests: monitoring_pb2.WatchDriftRequest) -> list[Answer]:
    with grpc.insecure_channel(server.address) as channel:
        return list(monitoring_pb2_grpc.MonitoringServiceStub(channel).WatchDrift(iter(requests), timeout=60))


def refused(server: Server, *requests: monitoring_pb2.WatchDriftRequest) -> AssaydError:
    with pytest.raises(grpc.RpcError) as caught:
        sent(server, *requests)
    return from_rpc_error(caught.value)


def reports_of(answers: Sequence[Answer]) -> list[monitoring_pb2.WatchReport]:
    return [report for answer in answers for report in answer.reports]


def said(answers: Sequence[Answer]) -> list[Any]:
    """What does not depend on how the stream was cut: windows and changes."""
    found = []
    for report in reports_of(answers):
        found += [(change.column, change.direction, change.row, change.since_row) for change in report.changes]
        if report.HasField("window"):
            found.append(report.window.SerializeToString(deterministic=True))
    return found


HEALTHY = rows_of(1000, seed=1)
MOVED = np.concatenate([HEALTHY, rows_of(600, seed=2, shift=1.0)])


def test_each_message_has_an_answer_and_each_window_a_report(server: Server) -> None:
    answers = watched(server, np.split(HEALTHY, [70, 450, 450]))
    assert [answer.rows_seen for answer in answers] == [70, 450, 450, 1000]
    assert [len(answer.reports) for answer in answers] == [0, 2, 0, 3]
    reports = reports_of(answers)
    assert [(report.window.number, report.window.first_row, report.window.row_count) for report in reports] == [
        (number, 200 * number, 200) for number in range(5)
    ]
    assert [report.rows_seen for report in reports] == [200, 400, 600, 800, 1000]
    assert not any(report.alert for report in reports)
    assert (answers[0].window_rows, answers[0].expected_run_rows) == (200, 10_000)
    assert answers[0].reference_digest.startswith("sha256:")
    columns = {column.name for column in reports[0].window.columns}
    assert {"predicted_class", "entropy", "x[2]", "component_1", "embedding"} <= columns


def test_what_moved_is_said_by_windows_and_before_their_ends(server: Server) -> None:
    reports = reports_of(watched(server, np.split(MOVED, range(50, 1600, 50))))
    first = next(report for report in reports if report.alert)
    assert 1000 < first.rows_seen <= 1200
    assert not first.HasField("window")  # a cumulative sum is earlier than the window's end
    (change, *_) = first.changes
    assert 990 <= change.since_row <= change.row < first.rows_seen
    assert change.statistic > change.limit > 0
    drifted = [report.window for report in reports if report.HasField("window") and report.window.drifted]
    assert [window.number for window in drifted] == [5, 6, 7]
    assert drifted[0].columns[0].drifted


@pytest.mark.parametrize("size", [1, 33, 200, 1600])
def test_how_a_stream_is_cut_changes_nothing_that_is_said(server: Server, size: int) -> None:
    rows = MOVED[900:1300] if size == 1 else MOVED
    assert said(watched(server, np.split(rows, range(size, len(rows), size)))) == said(watched(server, [rows]))


def test_another_server_goes_on_by_any_state_of_the_first(server: Server, serve: Serve, reference: Path) -> None:
    other = serve(onnx_models.identity(), reference=reference)
    parts = np.split(MOVED, range(130, 1600, 130))
    whole = watched(server, parts)
    for stop in range(1, len(parts)):
        rest = watched(other, parts[stop:], state=whole[stop - 1].state)
        assert said(rest) == said(whole[stop:])
        assert rest[-1].state == whole[-1].state


def test_the_state_of_a_report_goes_on_with_the_row_after_it(server: Server) -> None:
    (whole,) = watched(server, [MOVED])
    for report in whole.reports:
        (rest,) = watched(server, [MOVED[report.rows_seen :]], state=report.state)
        assert rest.rows_seen == 1600
        assert rest.state == whole.state


def test_a_first_message_without_rows_is_answered_with_a_state(server: Server) -> None:
    (answer,) = sent(server, monitoring_pb2.WatchDriftRequest(settings=monitoring_pb2.WatchSettings(**WATCHED)))
    assert (answer.rows_seen, len(answer.reports)) == (0, 0)
    assert said(watched(server, [MOVED], state=answer.state)) == said(watched(server, [MOVED]))


def test_the_state_is_small_and_smaller_at_the_end_of_a_window(server: Server) -> None:
    within, at_end = watched(server, [HEALTHY[:100], HEALTHY[100:200]])
    assert len(at_end.state) < 1000 < len(within.state) < 20_000


def test_where_nobody_says_a_window_has_a_thousand_rows(server: Server) -> None:
    (answer,) = watched(server, [HEALTHY], window_rows=0, expected_run_rows=0)
    assert (answer.window_rows, answer.expected_run_rows, len(answer.reports)) == (1000, 1_000_000, 1)
    assert any("twentieth" in warning for warning in answer.warnings)  # of 12,000 rows


def test_probabilities_are_watched_by_the_columns_of_scores(server: Server) -> None:
    probabilities = np.exp(HEALTHY) / np.exp(HEALTHY).sum(axis=1, keepdims=True)
    rows = rows_pb2.Rows(probabilities=encode(probabilities))
    settings = monitoring_pb2.WatchSettings(**WATCHED)
    (answer,) = sent(server, monitoring_pb2.WatchDriftRequest(settings=settings, rows=rows))
    names = {column.name for report in answer.reports for column in report.window.columns}
    assert names == {"predicted_class", "top_probability", "entropy"}
    assert any("not compared" in warning for warning in answer.reports[0].window.warnings)


def test_columns_that_are_chosen_are_the_only_ones(server: Server) -> None:
    (answer,) = watched(server, [MOVED], columns=["entropy"])
    assert {column.name for report in answer.reports for column in report.window.columns} == {"entropy"}
    assert {change.column for report in answer.reports for change in report.changes} <= {"entropy"}


def test_rows_of_nothing_but_nan_raise_the_alarm(server: Server) -> None:
    (answer,) = watched(server, [np.full((200, 4), np.nan, np.float32)])
    assert answer.reports[0].alert
    drifted = {column.name for column in answer.reports[0].window.columns if column.drifted}
    assert {"predicted_class", "entropy", "x[2]", "component_1", "embedding"} <= drifted


WRONG = [
    ({"window_rows": 49, "expected_run_rows": 10_000}, "settings.window_rows", "SETTING_OUT_OF_RANGE"),
    ({"window_rows": -1}, "settings.window_rows", "SETTING_OUT_OF_RANGE"),
    ({"window_rows": 100, "expected_run_rows": 10**9}, "settings.window_rows", "SETTING_OUT_OF_RANGE"),
    ({"expected_run_rows": 1999}, "settings.expected_run_rows", "SETTING_OUT_OF_RANGE"),
    ({"expected_run_rows": 10**12 + 1}, "settings.expected_run_rows", "SETTING_OUT_OF_RANGE"),
    ({"delta": float("nan")}, "settings.delta", "SETTING_OUT_OF_RANGE"),
    ({"delta": -1.0}, "settings.delta", "SETTING_OUT_OF_RANGE"),
    ({"columns": ["nope"]}, "settings.columns", "SETTING_OUT_OF_RANGE"),
    ({"columns": ["probability_0"]}, "settings.columns", "SETTING_OUT_OF_RANGE"),
]


@pytest.mark.parametrize(("settings", "field", "reason"), WRONG)
def test_settings_that_cannot_be_are_refused_by_name(
    server: Server, settings: dict[str, Any], field: str, reason: str
) -> None:
    error = refused(server, *messages([HEALTHY[:10]], **settings))
    assert (error.field, error.reason) == (field, reason)


def spoilt(state: bytes) -> list[tuple[bytes, str]]:
    return [
        (b"", ""),
        (b"nonsense", "STATE_FOREIGN"),
        (state[:-1], "STATE_TRUNCATED"),
        (state[:30], "STATE_TRUNCATED"),
        (state[:4], "STATE_TRUNCATED"),
        (state + b"0" * 10_000, "STATE_DAMAGED"),
        (state[:100] + bytes([state[100] ^ 1]) + state[101:], "STATE_DAMAGED"),
        (state[:4] + b"\x02" + state[5:], "STATE_VERSION"),
    ]


def test_a_state_that_is_none_is_refused_and_the_server_lives_on(server: Server) -> None:
    (answer,) = watched(server, [HEALTHY[:100]])
    for state, reason in spoilt(answer.state)[1:]:
        error = refused(server, *messages([HEALTHY[:10]], state=state))
        assert (error.field, error.reason) == ("settings.state", reason)
    assert watched(server, [HEALTHY[:10]], state=answer.state)[0].rows_seen == 110


def test_random_states_are_refused(server: Server) -> None:
    rng = np.random.default_rng(0)
    (answer,) = watched(server, [HEALTHY[:100]])
    for length in (1, 80, len(answer.state)):
        state = answer.state[:8] + rng.bytes(max(0, length - 8))
        error = refused(server, *messages([HEALTHY[:10]], state=state))
        assert error.reason in ("STATE_TRUNCATED", "STATE_OF_OTHER_SETTINGS", "STATE_DAMAGED")


def test_a_state_of_other_settings_or_of_another_reference_is_refused(
    server: Server, serve: Serve, tmp_path: Path
) -> None:
    (answer,) = watched(server, [HEALTHY[:100]])
    for changed in ({"window_rows": 250}, {"expected_run_rows": 20_000}, {"delta": 0.2}, {"columns": ["entropy"]}):
        error = refused(server, *messages([HEALTHY[:10]], state=answer.state, **changed))
        assert error.reason == "STATE_OF_OTHER_SETTINGS"
    other = references.write_reference(
        tmp_path, onnx_models.identity(), rows_of(12_000, seed=9), features=("x[2]",)
    )
    error = refused(serve(onnx_models.identity(), reference=other), *messages([HEALTHY[:10]], state=answer.state))
    assert error.reason == "STATE_OF_OTHER_SETTINGS"


def test_settings_come_once_and_first(server: Server) -> None:
    (first,) = messages([HEALTHY[:10]])
    assert refused(server, first, first).reason == "SETTINGS_TWICE"
    without = monitoring_pb2.WatchDriftRequest(rows=inputs(HEALTHY[:10]))
    assert refused(server, without).reason == "SETTINGS_MISSING"


def test_rows_of_another_kind_are_refused_within_a_stream(server: Server) -> None:
    (first,) = messages([HEALTHY[:10]])
    other = monitoring_pb2.WatchDriftRequest(rows=rows_pb2.Rows(logits=encode(HEALTHY[:10])))
    error = refused(server, first, other)
    assert (error.field, error.reason) == ("rows", "ROWS_OF_ANOTHER_KIND")


def test_embeddings_without_rows_are_refused(server: Server) -> None:
    (first,) = messages([HEALTHY[:10]])
    alone = monitoring_pb2.WatchDriftRequest(embeddings=encode(HEALTHY[:10]))
    error = refused(server, first, alone)
    assert (error.field, error.reason) == ("embeddings", "ROWS_MISSING")


def test_rows_of_another_kind_are_refused_where_a_stream_goes_on_by_its_state(server: Server) -> None:
    (answer,) = watched(server, [HEALTHY[:10]])
    settings = monitoring_pb2.WatchSettings(**WATCHED, state=answer.state)
    rows = rows_pb2.Rows(logits=encode(HEALTHY[:10]))
    error = refused(server, monitoring_pb2.WatchDriftRequest(settings=settings, rows=rows))
    assert error.reason == "ROWS_OF_ANOTHER_KIND"


def test_rows_that_the_model_does_not_take_are_refused(server: Server) -> None:
    (first,) = messages([np.zeros((5, 3), np.float32)])
    assert refused(server, first).field == "rows.inputs.tensors[0].shape"


def test_a_model_without_a_reference_says_how_to_get_one(serve: Serve) -> None:
    (first,) = messages([HEALTHY[:10]])
    error = refused(serve(onnx_models.identity()), first)
    assert error.reason == "NO_REFERENCE"


def test_another_reference_than_was_meant_is_refused(server: Server) -> None:
    error = refused(server, *messages([HEALTHY[:10]], reference_digest="sha256:0"))
    assert error.reason == "REFERENCE_DIFFERS"


def test_a_stream_of_a_server_that_stops_has_its_state_and_ends_with_unavailable(
    serve: Serve, reference: Path
) -> None:
    first, second = (serve(onnx_models.identity(), reference=reference, drain_grace_seconds=60) for _ in range(2))
    parts, queue = np.split(MOVED, 4), SimpleQueue[monitoring_pb2.WatchDriftRequest | None]()
    requests = list(messages(parts))
    with grpc.insecure_channel(first.address) as channel:
        call = monitoring_pb2_grpc.MonitoringServiceStub(channel).WatchDrift(iter(queue.get, None), timeout=60)
        queue.put(requests[0])
        answer = next(call)
        first.drain()
        with pytest.raises(grpc.RpcError) as caught:
            next(call)
        queue.put(None)
    error = from_rpc_error(caught.value)
    assert (caught.value.code(), error.reason) == (grpc.StatusCode.UNAVAILABLE, "STOPPING")
    rest = watched(second, parts[1:], state=answer.state)
    assert said([answer, *rest]) == said(watched(second, parts))
