"""How a window is sent: all of it in one call, or not at all."""

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pandas as pd
import pytest

from assayd import ChannelSettings, Client, DriftReport, FailedPreconditionError, InvalidArgumentError
from assayd.arrays import decode
from assayd.blocking import Blocking
from assayd.drift_options import collect_window, drift_request, sample_of
from assayd.drifting import DriftJob
from assayd.v1 import monitoring_pb2
from client.monitored import IDENTITY, Monitor, answer
from client.scripted import Refusal, oversized, rows_of
from client.test_client_pool_fleet import refusal

X = np.random.default_rng(0).normal(size=(20, 4))
PLENTY = ChannelSettings(rows_max=1000)


def report_on(
    monitor: Any,
    x: object = X,
    *,
    sample_rows: int | None = None,
    settings: ChannelSettings = PLENTY,
    logits: object = None,
    embeddings: object = None,
    labels: object = None,
    **wanted: Any,
) -> DriftReport:
    rows = collect_window(x, logits=logits, embeddings=embeddings, labels=labels)
    job = DriftJob(drift_request(**wanted), sample_of(sample_rows, 3), deadline_seconds=10, settings=settings)
    return Blocking(monitor).one(job.test(rows))


def test_the_window_goes_in_one_call_with_what_is_wanted() -> None:
    monitor = Monitor()
    report = report_on(monitor, alpha=0.05, columns=["entropy"])
    assert monitor.methods == ["TestDrift"]
    assert (monitor.request.alpha, list(monitor.request.columns)) == (0.05, ["entropy"])
    np.testing.assert_array_equal(rows_of(monitor.request), X)
    assert (report.row_count, report.sampled_from, report.drifted) == (20, None, True)
    assert 9 < monitor.effects[0].seconds <= 10


def test_embeddings_go_beside_logits() -> None:
    monitor = Monitor()
    report_on(monitor, None, logits=X[:, :3], embeddings=X)
    assert monitor.request.rows.WhichOneof("kind") == "logits"
    np.testing.assert_array_equal(decode(monitor.request.embeddings), X)


def test_labels_go_beside_all_rows_and_beside_a_sample_of_them() -> None:
    monitor = Monitor()
    labels = np.arange(20)
    report_on(monitor, None, logits=X[:, :3], embeddings=X, labels=labels)
    np.testing.assert_array_equal(decode(monitor.request.labels), labels)
    np.testing.assert_array_equal(decode(monitor.request.embeddings), X)
    report_on(monitor, labels=labels, sample_rows=12)
    chosen = decode(monitor.request.labels)
    np.testing.assert_array_equal(rows_of(monitor.request), X[chosen])
    with pytest.raises(InvalidArgumentError, match="there are 20 rows"):
        report_on(monitor, labels=labels[:19])


def test_the_columns_of_a_table_feed_the_model_by_its_contract() -> None:
    monitor = Monitor()
    report_on(monitor, pd.DataFrame(X))
    assert monitor.methods == ["GetModel", "TestDrift"]
    np.testing.assert_array_equal(rows_of(monitor.request), X)


def test_a_sample_is_tested_where_there_are_more_rows() -> None:
    monitor = Monitor()
    report = report_on(monitor, sample_rows=5)
    sent = rows_of(monitor.request)
    assert (sent.shape, report.row_count, report.sampled_from) == ((5, 4), 5, 20)
    assert {tuple(row) for row in sent} <= {tuple(row) for row in X}


def test_a_sample_of_no_fewer_rows_is_all_of_them() -> None:
    assert report_on(Monitor(), sample_rows=20).sampled_from is None


TOO_LARGE = (
    "rows: are {rows}, one call takes {fitting} of these, and a window goes in one call; a random sample of it "
    "will do: sample_rows={fitting}"
)


def too_large(*arguments: Any, **named: Any) -> InvalidArgumentError:
    with pytest.raises(InvalidArgumentError) as caught:
        report_on(*arguments, **named)
    assert (caught.value.field, caught.value.reason) == ("rows", "TOO_MANY_ROWS")
    return caught.value


@pytest.mark.parametrize(
    ("settings", "fitting"), [(ChannelSettings(rows_max=7), 7), (ChannelSettings(message_bytes_max=459), 10)]
)
def test_a_window_over_the_clients_own_limits_is_not_sent(settings: ChannelSettings, fitting: int) -> None:
    monitor = Monitor()
    error = too_large(monitor, settings=settings)
    assert monitor.effects == []
    assert error.message == TOO_LARGE.format(rows=20, fitting=fitting)
    assert error.details == {"rows_max": str(fitting)}


def test_a_window_over_the_servers_limit_is_told_with_it() -> None:
    error = too_large(Monitor(rows_max=8))
    assert error.message == TOO_LARGE.format(rows=20, fitting=8)


def test_a_sample_that_is_too_large_is_counted_as_what_it_is() -> None:
    assert too_large(Monitor(rows_max=8), sample_rows=10).message == TOO_LARGE.format(rows=10, fitting=8)


def test_a_message_that_somebody_finds_too_large_is_told_in_rows() -> None:
    assert too_large(Monitor(refusals=[oversized(1000, 500)])).details == {"rows_max": "9"}


def test_other_refusals_are_told_as_they_are() -> None:
    wrong = refusal("UNKNOWN_COLUMN", grpc.StatusCode.INVALID_ARGUMENT)
    with pytest.raises(InvalidArgumentError) as caught:
        report_on(Monitor(refusals=[wrong]))
    assert caught.value.reason == "UNKNOWN_COLUMN"


def differs() -> Refusal:
    return refusal("REFERENCE_DIFFERS")


def test_a_reference_that_is_named_is_looked_for_on_every_replica() -> None:
    monitor = Monitor(refusals=[differs(), differs()])
    assert report_on(monitor, reference_digest="sha256:r").reference_digest == "sha256:r"
    assert len(monitor.effects) == 3


@pytest.mark.parametrize(("digest", "calls"), [("sha256:r", 16), ("", 1)])
def test_a_reference_that_is_nowhere_is_an_error(digest: str, calls: int) -> None:
    monitor = Monitor(refusals=[differs() for _ in range(20)])
    with pytest.raises(FailedPreconditionError) as caught:
        report_on(monitor, reference_digest=digest)
    assert (caught.value.reason, len(monitor.effects)) == ("REFERENCE_DIFFERS", calls)


def test_a_window_without_rows_is_left_to_the_server() -> None:
    monitor = Monitor()
    report_on(monitor, X[:0])
    assert rows_of(monitor.request).shape == (0, 4)


@pytest.fixture
def client(bare_server: Callable[..., str], connect_to: Callable[..., Client]) -> Client:
    """Of a server that has drifted by as many rows as it gets, and knows the wire alone."""

    def tested(message: bytes, _context: grpc.ServicerContext) -> bytes:
        request = monitoring_pb2.TestDriftRequest.FromString(message)
        return answer(len(rows_of(request)), alpha=request.alpha).SerializeToString()

    def described(message: bytes, _context: grpc.ServicerContext) -> bytes:
        wanted = monitoring_pb2.GetReferenceRequest.FromString(message).model
        digest = f"sha256:{wanted.name}{wanted.version}"
        reference = monitoring_pb2.Reference(digest=digest)
        return monitoring_pb2.GetReferenceResponse(model=IDENTITY, reference=reference).SerializeToString()

    return connect_to(bare_server({"TestDrift": tested, "GetReference": described}))


def test_both_clients_test_a_window(client: Client) -> None:
    report = client.test_drift(X, alpha=0.05, sample_rows=15, seed=3, wire_type="float32", metadata={"a": "b"})
    assert (report.row_count, report.sampled_from, report.alpha) == (15, 20, 0.05)
    assert [column.name for column in report.columns] == ["entropy", "class", "embedding"]


def test_both_clients_describe_a_reference(client: Client) -> None:
    assert client.reference("m", version=3, deadline_seconds=5).digest == "sha256:m3"
    assert client.reference().digest == "sha256:0"


def test_a_keyword_that_there_is_not_is_a_type_error(client: Client) -> None:
    with pytest.raises(TypeError, match="alfa"):
        client.test_drift(X, alfa=0.05)  # type: ignore[call-arg]
