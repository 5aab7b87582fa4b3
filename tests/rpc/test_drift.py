"""Drift of a batch through the wire: what moved is found, what did not is not, every odd window is answered."""

from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

import onnx_models
import references
from assayd.arrays import encode
from assayd.errors import AssaydError, from_rpc_error
from assayd.testing import Server
from assayd.v1 import monitoring_pb2, monitoring_pb2_grpc, rows_pb2

Serve = Callable[..., Server]
Drift = monitoring_pb2.TestDriftResponse

RNG = np.random.default_rng(0)
CENTRES = 4 * np.eye(4)


def healthy(count: int, shares: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)) -> tuple[np.ndarray, np.ndarray]:
    """Rows around four centres, and which; logits are the rows, the embedding is twice that."""
    classes = RNG.choice(4, count, p=shares)
    return (CENTRES[classes] + RNG.normal(size=(count, 4))).astype(np.float32), classes


FIT, LABELS = healthy(24_000)
FRESH = healthy(500)[0]


def inputs(rows: np.ndarray) -> rows_pb2.Rows:
    return rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(rows, "x")]))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    return references.write_reference(folder, onnx_models.identity(), FIT, labels=LABELS, features=("x[2]",))


@pytest.fixture
def server(serve: Serve, reference: Path) -> Server:
    return serve(onnx_models.identity(), reference=reference)


def compared(server: Server, **fields: object) -> Drift:
    with grpc.insecure_channel(server.address) as channel:
        stub = monitoring_pb2_grpc.MonitoringServiceStub(channel)
        return stub.TestDrift(monitoring_pb2.TestDriftRequest(**fields))


def refused(server: Server, **fields: object) -> AssaydError:
    with pytest.raises(grpc.RpcError) as caught:
        compared(server, **fields)
    return from_rpc_error(caught.value)


def drifted(report: Drift) -> set[str]:
    return {column.name for column in report.columns if column.drifted}


COLUMNS = {
    "predicted_class", "top_probability", "entropy", "novelty", "x[2]", "embedding",
    "component_1", "component_2", "component_3", "component_4",
}  # fmt: skip


def labelled(count: int, wrong: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Healthy rows, with labels of which a share is another one."""
    rows, classes = healthy(count)
    turned = RNG.random(count) < wrong
    return rows, np.where(turned, (classes + 1) % 4, classes).astype(np.int32)


def test_healthy_rows_with_their_labels_have_not_drifted(server: Server) -> None:
    rows, labels = labelled(500)
    report = compared(server, rows=inputs(rows), labels=encode(labels))
    assert drifted(report) == set()
    assert {column.name for column in report.columns} == COLUMNS | {"label", "error"}
    assert report.class_shares_observed
    shares = [share.share for share in report.class_shares][:4]
    np.testing.assert_allclose(shares, np.bincount(labels, minlength=4) / 500)


def test_labels_that_no_more_go_with_their_rows_are_found_by_nothing_else(server: Server) -> None:
    rows, labels = labelled(500, wrong=0.3)
    labels[::5] = -1
    report = compared(server, rows=inputs(rows), labels=encode(labels))
    assert drifted(report) == {"error"}
    (error,) = [column for column in report.columns if column.name == "error"]
    assert list(error.bins)[:2] == ["right", "wrong"]
    assert sum(error.window_counts) == 400
    assert drifted(compared(server, rows=inputs(rows))) == set()


@pytest.mark.parametrize(
    ("labels", "field", "reason"),
    [
        (np.zeros(499, np.int32), "labels.shape", "LABELS_DO_NOT_FIT"),
        (np.zeros((500, 4), np.int32), "labels.shape", "LABELS_DO_NOT_FIT"),
        (np.full(500, 4), "labels.data", "LABEL_OUT_OF_RANGE"),
        (np.full(500, -2), "labels.data", "LABEL_OUT_OF_RANGE"),
        (np.zeros(500, np.float32), "labels.data_type", "BAD_TYPE"),
    ],
    ids=["too few", "of four", "too large", "too small", "no integers"],
)
def test_labels_that_do_not_fit_are_refused(server: Server, labels: np.ndarray, field: str, reason: str) -> None:
    error = refused(server, rows=inputs(FRESH), labels=encode(labels))
    assert (error.field, error.reason) == (field, reason)


def test_labels_beside_embeddings_alone_are_refused(server: Server) -> None:
    rows = rows_pb2.Rows(embeddings=encode(2 * FRESH))
    error = refused(server, rows=rows, labels=encode(np.zeros(500, np.int32)))
    assert (error.field, error.reason) == ("labels", "ROWS_NOT_USABLE")


def test_a_reference_without_labels_takes_none(serve: Serve, tmp_path: Path) -> None:
    path = references.write_reference(tmp_path, onnx_models.identity(), FIT[:4000])
    server = serve(onnx_models.identity(), reference=path)
    error = refused(server, rows=inputs(FRESH), labels=encode(np.zeros(500, np.int32)))
    assert (error.field, error.reason) == ("labels", "NO_LABELS")
    assert "assayd reference build --labels" in str(error)


def test_healthy_rows_have_not_drifted(server: Server) -> None:
    report = compared(server, rows=inputs(FRESH))
    assert (report.drifted, drifted(report), report.row_count) == (False, set(), 500)
    assert {column.name for column in report.columns} == COLUMNS
    assert (report.alpha, report.delta, list(report.warnings)) == (0.01, 0.1, [])


def test_false_alarms_are_as_rare_as_was_asked(server: Server) -> None:
    alarms = [compared(server, rows=inputs(healthy(400)[0]), alpha=0.05, delta=1e-9).drifted for _ in range(100)]
    assert sum(alarms) <= 12  # 5 of 100, and chance


def test_another_mix_of_classes_is_found_and_named(server: Server) -> None:
    report = compared(server, rows=inputs(healthy(500, (0.7, 0.1, 0.1, 0.1))[0]))
    assert {"predicted_class", "embedding"} <= drifted(report)
    shares = {share.name: share.share for share in report.class_shares}
    assert shares["0"] == pytest.approx(0.7, abs=0.05)
    assert sum(shares.values()) == pytest.approx(1)


def test_a_feature_that_moves_is_found_with_both_histograms(server: Server) -> None:
    rows = FRESH.copy()
    rows[:, 2] += 3
    report = compared(server, rows=inputs(rows))
    column = next(column for column in report.columns if column.name == "x[2]")
    assert column.drifted
    assert column.deciding.effect >= column.effect_min
    assert column.p_adjusted <= 0.01
    assert sum(column.reference_counts) == 24_000
    assert sum(column.window_counts) == 500
    assert len(column.bins) == len(column.reference_counts) == len(column.window_counts)
    assert column.bins[-1] == "missing"
    assert [result.test for result in column.informing] == [monitoring_pb2.DRIFT_TEST_KS]


@pytest.mark.parametrize("built", [np.float32, np.float64])
@pytest.mark.parametrize("sent", [np.float32, np.float64])
def test_a_feature_is_compared_as_the_model_takes_it(
    serve: Serve, tmp_path: Path, built: type[np.floating], sent: type[np.floating]
) -> None:
    rows = np.round(FIT[:10_000].astype(np.float64)) + 0.1  # which single precision rounds
    path = references.write_reference(tmp_path, onnx_models.identity(), rows.astype(built), features=("x[2]",))
    window = (np.round(FRESH.astype(np.float64)) + 0.1).astype(sent)
    report = compared(serve(onnx_models.identity(), reference=path), rows=inputs(window))
    assert drifted(report) == set()


def test_drifted_columns_come_first(server: Server) -> None:
    flags = [column.drifted for column in compared(server, rows=inputs(FRESH + 1)).columns]
    assert flags == sorted(flags, reverse=True)
    assert any(flags)


def test_a_feature_that_is_all_missing_raises_the_alarm(server: Server) -> None:
    rows = FRESH.copy()
    rows[:, 2] = np.nan
    report = compared(server, rows=inputs(rows))
    assert report.drifted
    for column in report.columns:
        assert np.isfinite([column.deciding.effect, column.deciding.p_value, column.p_adjusted]).all()
    column = next(column for column in report.columns if column.name == "x[2]")
    assert column.drifted
    assert column.window_counts[-1] == 500


def test_a_constant_window_is_finite_and_an_alarm(server: Server) -> None:
    report = compared(server, rows=inputs(np.zeros((200, 4), np.float32)))
    assert report.drifted
    assert np.isfinite([column.deciding.effect for column in report.columns]).all()


def test_scores_and_embeddings_are_tested_without_the_model(server: Server) -> None:
    of_logits = compared(server, rows=rows_pb2.Rows(logits=encode(FRESH)), embeddings=encode(2 * FRESH))
    of_inputs = compared(server, rows=inputs(FRESH))
    by_name = {column.name: column for column in of_inputs.columns}
    for column in of_logits.columns:
        assert column.window_counts == by_name[column.name].window_counts
    assert "not compared" in of_logits.warnings[0]
    assert "x[2]" in of_logits.warnings[0]
    of_embeddings = compared(server, rows=rows_pb2.Rows(embeddings=encode(2 * FRESH)))
    assert {column.name for column in of_embeddings.columns} == COLUMNS - {
        "predicted_class", "top_probability", "entropy", "novelty", "x[2]"
    }  # fmt: skip


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def test_probabilities_are_not_compared_with_the_energy_of_logits(server: Server) -> None:
    report = compared(server, rows=rows_pb2.Rows(probabilities=encode(softmax(FRESH))))
    assert (report.drifted, names_of(report)) == (False, {"predicted_class", "top_probability", "entropy"})
    assert any("not compared" in warning and "novelty" in warning for warning in report.warnings)


def test_logits_are_not_compared_with_what_was_told_from_probabilities(serve: Serve, tmp_path: Path) -> None:
    model = onnx_models.softmax_only()
    server = serve(model, reference=references.write_reference(tmp_path, model, FIT[:10_000]))
    of_inputs, of_probabilities, of_logits = (
        compared(server, rows=rows)
        for rows in (
            inputs(FRESH),
            rows_pb2.Rows(probabilities=encode(softmax(FRESH))),
            rows_pb2.Rows(logits=encode(FRESH)),
        )
    )
    assert {report.drifted for report in (of_inputs, of_probabilities, of_logits)} == {False}
    assert names_of(of_inputs) == names_of(of_probabilities) == names_of(of_logits) | {"novelty"}


def test_only_columns_that_were_asked_for_are_tested(server: Server) -> None:
    report = compared(server, rows=inputs(FRESH), columns=["entropy", "embedding"])
    assert {column.name for column in report.columns} == {"entropy", "embedding"}
    assert list(report.warnings) == []


def test_a_window_that_is_large_beside_the_reference_comes_with_a_warning(server: Server) -> None:
    report = compared(server, rows=inputs(healthy(1000)[0]))
    assert "more than a twentieth" in report.warnings[0]


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"rows": inputs(FRESH[:49])}, "rows", "are 49, a window needs 50 at least"),
        ({"rows": inputs(FRESH[:0])}, "rows", "are 0, a window needs 50"),
        ({}, "rows", "is missing"),
        ({"rows": inputs(FRESH), "alpha": 0.7}, "alpha", "is 0.7, allowed are above 1e-12 and up to 0.5"),
        ({"rows": inputs(FRESH), "alpha": 1e-13}, "alpha", "is 1e-13, allowed are above 1e-12 and up to 0.5"),
        ({"rows": inputs(FRESH), "delta": -1}, "delta", "is -1, allowed are"),
        ({"rows": inputs(FRESH), "delta": np.nan}, "delta", "is nan, allowed are"),
        ({"rows": inputs(FRESH), "columns": ["entropy", "age"]}, "columns[1]", "'age' is not in the reference"),
        (
            {"rows": inputs(FRESH), "columns": ["entropy"] * 10_001},
            "columns",
            "has 10001 names, allowed are 10000",
        ),
        ({"rows": rows_pb2.Rows(embeddings=encode(FRESH[:, :3]))}, "rows.embeddings.shape", "embeddings of 4"),
        (
            {"rows": rows_pb2.Rows(logits=encode(FRESH)), "embeddings": encode(FRESH[:9])},
            "embeddings.shape",
            "there are 500 rows",
        ),
        ({"rows": inputs(FRESH), "embeddings": encode(FRESH)}, "embeddings", "come with these rows already"),
        ({"rows": rows_pb2.Rows(pool_ids=encode(np.arange(3)))}, "rows", "cannot be compared"),
        ({"rows": rows_pb2.Rows(logits=encode(FRESH[:, :3]))}, "rows.logits.shape", "has 3 classes"),
        ({"rows": rows_pb2.Rows(logits=encode(FRESH)), "columns": ["x[2]"]}, "rows", "none of the columns"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_is_said(server: Server, fields: dict, field: str, says: str) -> None:
    error = refused(server, **fields)
    assert (error.status, error.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    assert says in error.message
    assert not compared(server, rows=inputs(FRESH)).drifted  # and the server lives on


def test_a_model_without_a_reference_says_how_to_make_one(serve: Serve) -> None:
    error = refused(serve(onnx_models.identity()), rows=inputs(FRESH))
    assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_REFERENCE")


def test_another_reference_than_is_meant_is_not_taken(server: Server) -> None:
    digest = compared(server, rows=inputs(FRESH)).reference_digest
    assert compared(server, rows=inputs(FRESH), reference_digest=digest).reference_digest == digest
    error = refused(server, rows=inputs(FRESH), reference_digest="sha256:other")
    assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REFERENCE_DIFFERS")


def test_a_reference_says_what_it_holds(server: Server) -> None:
    with grpc.insecure_channel(server.address) as channel:
        stub = monitoring_pb2_grpc.MonitoringServiceStub(channel)
        reference = stub.GetReference(monitoring_pb2.GetReferenceRequest()).reference
    assert (reference.row_count, reference.fitted_rows, reference.calibration_rows) == (24_000, 12_000, 12_000)
    assert {column.name for column in reference.columns if not column.name.startswith("probability_")} == COLUMNS
    assert set(reference.novelty_measures) >= {"combined", "energy", "gen", "knn", "vim", "relative_mahalanobis"}


def names_of(report: Drift) -> set[str]:
    return {column.name for column in report.columns}


def test_a_model_of_labels_is_watched_by_their_number_and_its_uncertainty(serve: Serve, tmp_path: Path) -> None:
    model = onnx_models.labels(4)
    server = serve(model, reference=references.write_reference(tmp_path, model, FIT[:3000]))
    report = compared(server, rows=inputs(FRESH[:100]))
    assert (report.drifted, names_of(report)) == (False, {"label_count", "uncertainty"})
    assert "label_count" in drifted(compared(server, rows=inputs(FRESH[:100] + 9)))
    error = refused(server, rows=rows_pb2.Rows(embeddings=encode(FRESH)))
    assert "the reference has none, as the model has no embedding" in error.message


def test_a_regression_model_is_watched_by_its_values(serve: Serve, tmp_path: Path) -> None:
    model = onnx_models.regression(2)
    server = serve(model, reference=references.write_reference(tmp_path, model, FIT[:3000]))
    report = compared(server, rows=inputs(FRESH[:100]))
    assert (report.drifted, names_of(report) >= {"value_1", "value_2", "embedding"}) == (False, True)
    assert drifted(compared(server, rows=inputs(FRESH[:100] + 9))) >= {"value_1", "value_2"}
    error = refused(server, rows=rows_pb2.Rows(logits=encode(FRESH)))
    assert "the model gives values" in error.message


def test_a_forest_raises_no_alarm_on_fresh_digits_though_it_would_by_those_it_was_trained_on(
    serve: Serve, tmp_path: Path
) -> None:
    pixels, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    train, fresh, window = order[:700], order[700:1500], order[1500:]
    forest = RandomForestClassifier(50, random_state=0).fit(pixels[train], digits[train])
    model = to_onnx(forest, pixels[:1].astype(np.float32), options={"zipmap": False}).SerializeToString()
    rows = pixels.astype(np.float32)
    for name, made_from, alarms in (("fresh", fresh, False), ("trained", train, True)):
        reference = references.write_reference(tmp_path / name, model, rows[made_from])
        server = serve(model, reference=reference)
        (tensor,) = server.client().model().inputs
        sent = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(rows[window], tensor.name)]))
        assert compared(server, rows=sent).drifted is alarms
