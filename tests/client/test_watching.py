"""How a stream is watched: one call after the other, each with the state of the one before."""

from collections.abc import Callable, Iterable
from typing import Any

import grpc
import numpy as np
import pandas as pd
import pytest

from assayd import (
    ChannelSettings,
    Client,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
    WatchReport,
)
from assayd.arrays import decode
from assayd.blocking import Blocking
from assayd.v1 import monitoring_pb2, scoring_pb2
from assayd.watch_options import watch_request
from assayd.watching import WatchJob
from client.conftest import Status
from client.scripted import Refusal, oversized, rows_of, too_many_rows
from client.test_client_pool_fleet import refusal
from client.watched import Watcher, watched

PLENTY = ChannelSettings(rows_max=1000)


def rows(count: int = 400, *, drifted: slice = slice(0), changed: slice = slice(0)) -> np.ndarray:
    """(count, 4): zeros, with what the server takes for drift and for changes."""
    x = np.zeros((count, 4))
    x[drifted], x[changed] = 200, 2000
    return x


def reports_on(
    watcher: Any,
    batches: Iterable[object],
    *,
    every_batch: bool = False,
    settings: ChannelSettings = PLENTY,
    window_rows: int = 100,
    **wanted: Any,
) -> list[WatchReport]:
    request = watch_request(window_rows=window_rows, **wanted)
    job = WatchJob(request, every_batch=every_batch, deadline_seconds=10, settings=settings)
    return list(Blocking(watcher, batches).all(job.stream()))


def found(reports: Iterable[WatchReport]) -> list[tuple[int, bool, int | None, list[int]]]:
    """What reports say, in short."""
    return [
        (
            report.rows_seen,
            report.alert,
            report.window and report.window.number,
            [change.row for change in report.changes],
        )
        for report in reports
    ]


def test_each_window_has_a_report_and_so_have_changes_after_the_last_one() -> None:
    x = rows(450, drifted=slice(250, 260), changed=slice(410, 412))
    reports = reports_on(Watcher(), [x])
    assert found(reports) == [
        (100, False, 0, []),
        (200, False, 1, []),
        (300, True, 2, []),
        (400, False, 3, []),
        (450, True, None, [410, 411]),
    ]


@pytest.mark.parametrize("places", [[100], [99, 101], [1, 250, 251, 399], list(range(1, 400, 7))])
def test_windows_are_the_same_however_rows_are_cut(places: list[int]) -> None:
    x = rows(drifted=slice(250, 260))
    watcher = Watcher()
    reports = reports_on(watcher, np.split(x, places))
    assert found(reports) == found(reports_on(Watcher(), [x]))
    assert watcher.lengths == [len(part) for part in np.split(x, places)]


def test_each_call_goes_on_from_the_state_of_the_one_before() -> None:
    watcher = Watcher()
    reports_on(watcher, np.split(rows(), 4), expected_run_rows=5000, columns=["entropy"], delta=0.2)
    first, *others = [request.settings for request in watcher.requests]
    assert first == monitoring_pb2.WatchSettings(
        window_rows=100, expected_run_rows=5000, columns=["entropy"], delta=0.2
    )
    assert [np.frombuffer(settings.state)[0] for settings in others] == [100, 200, 300]
    assert {effect.method for effect in watcher.effects} == {"WatchDrift"}
    assert 9 < watcher.effects[-1].seconds <= 10


def test_the_model_and_the_reference_that_answered_first_are_kept_to() -> None:
    watcher = Watcher()
    reports_on(watcher, np.split(rows(), 2))
    first, second = [request.settings for request in watcher.requests]
    assert (first.HasField("model"), first.reference_digest) == (False, "")
    assert second.model == scoring_pb2.ModelSelector(name="m", version=3)
    assert second.reference_digest == "sha256:r"


@pytest.mark.parametrize("reason", ["REFERENCE_DIFFERS", "UNKNOWN_VERSION"])
def test_a_replica_of_a_rollout_that_lacks_them_is_passed_by(reason: str) -> None:
    status = {"REFERENCE_DIFFERS": grpc.StatusCode.FAILED_PRECONDITION}.get(reason, grpc.StatusCode.NOT_FOUND)
    watcher = Watcher(refusals={place: refusal(reason, status) for place in (1, 2)})
    assert found(reports_on(watcher, np.split(rows(200), 2))) == [(100, False, 0, []), (200, False, 1, [])]
    assert watcher.lengths == [100] * 4


@pytest.mark.parametrize(
    ("reason", "status", "kind"),
    [
        ("REFERENCE_DIFFERS", grpc.StatusCode.FAILED_PRECONDITION, FailedPreconditionError),
        ("UNKNOWN_VERSION", grpc.StatusCode.NOT_FOUND, NotFoundError),
    ],
)
def test_a_reference_that_is_nowhere_any_more_ends_the_stream(
    reason: str, status: grpc.StatusCode, kind: type[Exception]
) -> None:
    watcher = Watcher(refusals={place: refusal(reason, status) for place in range(1, 50)})
    with pytest.raises(kind):
        reports_on(watcher, np.split(rows(200), 2))
    assert len(watcher.requests) == 1 + 1 + 16


def test_a_state_goes_on_with_the_next_row() -> None:
    x = rows(drifted=slice(250, 260))
    begun = reports_on(Watcher(), [x[:230]], every_batch=True)
    assert found(begun)[-1] == (230, False, None, [])
    rest = reports_on(Watcher(), [x[230:]], state=begun[-1].state)
    assert found(rest) == found(reports_on(Watcher(), [x]))[2:]


def test_the_state_of_a_report_is_that_of_its_own_row() -> None:
    x = rows(drifted=slice(250, 260))
    reports = reports_on(Watcher(), [x])
    assert found(reports_on(Watcher(), [x[200:]], state=reports[1].state)) == found(reports)[2:]


def test_a_report_comes_after_every_batch_where_that_is_asked_for() -> None:
    reports = reports_on(Watcher(), np.split(rows(200), [30, 100]), every_batch=True)
    assert found(reports) == [(30, False, None, []), (100, False, 0, []), (200, False, 1, [])]
    assert reports_on(Watcher(), [rows(30)]) == []


def test_a_batch_over_the_clients_limits_is_cut_and_keeps_its_order() -> None:
    watcher = Watcher()
    x = rows(drifted=slice(250, 260))
    reports = reports_on(watcher, [x], settings=ChannelSettings(rows_max=150), every_batch=True)
    assert watcher.lengths == [150, 150, 100]
    assert found(reports) == found(reports_on(Watcher(), [x]))


def test_messages_have_room_for_the_state() -> None:
    watcher = Watcher()
    limits = ChannelSettings(rows_max=10_000, message_bytes_max=100_000)
    reports_on(watcher, [rows(8000)], settings=limits)
    assert 80_000 < max(request.ByteSize() for request in watcher.requests) <= 87_500


@pytest.mark.parametrize("said", [too_many_rows(70), oversized(1000, 200)])
def test_a_batch_over_the_servers_limit_is_cut_to_it(said: Refusal) -> None:
    watcher = Watcher(refusals={0: said})
    x = rows(drifted=slice(250, 260))
    assert found(reports_on(watcher, [x])) == found(reports_on(Watcher(), [x]))
    assert watcher.lengths[:2] in ([400, 70], [400, 72])


def test_rows_may_be_of_another_kind_with_embeddings_beside_them() -> None:
    watcher = Watcher()
    z, e = rows(30)[:, :3], rows(30)
    reports_on(watcher, [{"logits": z, "embeddings": e}, {"logits": z[:10], "embeddings": e[:10]}])
    assert {request.rows.WhichOneof("kind") for request in watcher.requests} == {"logits"}
    np.testing.assert_array_equal(decode(watcher.requests[0].embeddings), e)


def test_a_dict_of_inputs_by_their_names_is_one() -> None:
    watcher = Watcher()
    reports_on(watcher, [{"pixels": rows(30)}])
    (tensor,) = watcher.requests[0].rows.inputs.tensors
    assert (tensor.name, tensor.shape) == ("pixels", [30, 4])


def test_the_columns_of_a_table_feed_the_model_by_its_contract() -> None:
    watcher = Watcher()
    reports_on(watcher, [pd.DataFrame(rows(30)), pd.DataFrame(rows(5))])
    assert [effect.method for effect in watcher.effects] == ["GetModel", "WatchDrift", "WatchDrift"]
    np.testing.assert_array_equal(rows_of(watcher.requests[0]), rows(30))


@pytest.mark.parametrize("batches", [[], [rows(0)], [rows(0), rows(0)]])
def test_a_stream_of_nothing_asks_nothing(batches: list[np.ndarray]) -> None:
    watcher = Watcher()
    assert reports_on(watcher, batches, every_batch=True) == []
    assert watcher.requests == []


def test_reports_come_before_the_next_batch_is_waited_for() -> None:
    taken = []

    def batches() -> Iterable[np.ndarray]:
        for place in range(3):
            taken.append(place)
            yield rows(100)

    job = WatchJob(watch_request(window_rows=100), deadline_seconds=10, settings=PLENTY)
    reports = Blocking(Watcher(), batches()).all(job.stream())
    assert (next(reports).rows_seen, taken) == (100, [0])
    assert (next(reports).rows_seen, taken) == (200, [0, 1])


def test_a_failure_ends_the_stream_after_the_reports_before_it() -> None:
    watcher = Watcher(refusals={1: Refusal(grpc.StatusCode.UNAVAILABLE, "stopping")})
    job = WatchJob(watch_request(window_rows=100), deadline_seconds=10, settings=PLENTY)
    reports = Blocking(watcher, np.split(rows(), 2)).all(job.stream())
    assert [next(reports).rows_seen, next(reports).rows_seen] == [100, 200]
    with pytest.raises(UnavailableError, match="stopping"):
        next(reports)


@pytest.fixture
def client(bare_server: Callable[..., str], connect_to: Callable[..., Client]) -> Client:
    """Of a server that knows the wire alone, and refuses a state that it did not give."""

    def answered(message: bytes, context: grpc.ServicerContext) -> bytes:
        request = monitoring_pb2.WatchDriftRequest.FromString(message)
        if request.settings.state == b"nonsense":
            context.abort_with_status(Status(grpc.StatusCode.INVALID_ARGUMENT, "settings.state: is none", ()))
        return watched(request).SerializeToString()

    return connect_to(bare_server({"WatchDrift": answered}))


def test_both_clients_watch_a_stream(client: Client) -> None:
    x = rows(drifted=slice(250, 260))
    reports = list(
        client.watch_drift(np.split(x, 8), window_rows=100, expected_run_rows=10**6, wire_type="float32")
    )
    assert found(reports) == found(reports_on(Watcher(), [x]))
    begun = list(client.watch_drift([x[:250]], window_rows=100, every_batch=True, metadata={"a": "b"}))
    rest = client.watch_drift([x[250:]], window_rows=100, state=begun[-1].state, deadline_seconds=5)
    assert found(rest) == found(reports)[2:]


def test_a_state_that_the_server_refuses_is_an_error(client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="state"):
        list(client.watch_drift([rows(10)], state=b"nonsense"))


def test_a_keyword_that_there_is_not_is_a_type_error(client: Client) -> None:
    with pytest.raises(TypeError, match="windows_row"):
        client.watch_drift([rows(10)], windows_row=5)  # type: ignore[call-arg]


def test_one_array_is_not_a_stream_of_batches(client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="batches"):
        client.watch_drift(pd.DataFrame(rows(10)))  # type: ignore[arg-type]
