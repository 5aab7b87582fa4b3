"""GetModel and ListModels."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import onnx_models
from assayd import Client, FailedPreconditionError, InvalidArgumentError, NotFoundError, TensorSpec
from assayd.testing import Server

Connect = Callable[..., Client]
Serve = Callable[..., Server]


def test_a_models_contract_is_told(identity_client: Client) -> None:
    info = identity_client.model()
    matrix = ("float32", (None, 4))
    assert (info.name, info.version) == ("m", 1)
    assert info.inputs == (TensorSpec("x", *matrix),)
    assert info.outputs == (TensorSpec("logits", *matrix), TensorSpec("embedding", *matrix))
    assert (info.logits_output, info.probabilities_output, info.embedding_output) == ("logits", "", "embedding")
    assert (info.class_count, info.embedding_width, info.labels, info.temperature) == (4, 4, (), 1.0)


def test_a_bundles_labels_and_temperature_are_told_and_used(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    labels = ["ore", "gold", "rock", "mud"]
    folder = onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), labels=labels, temperature=2.0)
    client = connect(serve(folder.parents[1]))
    assert (client.model().labels, client.model().temperature) == (tuple(labels), 2.0)
    x = np.array([[0, 3, 1, 0], [np.nan, 0, 0, 0]], np.float32)
    scores = client.score(x, top_k=2)
    assert scores.labels.tolist() == ["gold", ""]
    assert scores.top is not None
    assert scores.top.labels.tolist() == [["gold", "rock"], ["", ""]]
    assert scores.probabilities is not None
    odds = scores.probabilities[0, 1] / scores.probabilities[0, 2]
    assert odds == pytest.approx(np.exp((3 - 1) / 2.0), rel=1e-5)


def test_named_with_logits_a_model_lends_its_labels_and_its_temperature(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    folder = onnx_models.write_bundle(
        tmp_path / "models", onnx_models.identity(), labels=["a", "b", "c", "d"], temperature=4.0
    )
    client = connect(serve(folder.parents[1]))
    logits = np.array([[0.0, 8.0, 0.0, 0.0]])
    scores = client.score(logits=logits, model="m")
    assert scores.labels.tolist() == ["b"]
    assert scores.probabilities is not None
    assert scores.probabilities[0, 1] == pytest.approx(np.exp(2) / (np.exp(2) + 3), rel=1e-5)


def test_the_digest_is_that_of_the_manifest(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    folder = onnx_models.write_bundle(tmp_path / "models", onnx_models.identity())
    client = connect(serve(folder.parents[1]))
    first = client.model().digest
    assert first.startswith("sha256:")
    scores = client.score(np.zeros((1, 4), np.float32))
    assert scores.model is not None
    assert scores.model.digest == first


def test_versions_and_failures_are_listed(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    root = tmp_path / "models"
    for version in (1, 2):
        onnx_models.write_bundle(root, onnx_models.identity(), version=version)
    onnx_models.write_bundle(root, onnx_models.identity(3), name="other")
    broken = onnx_models.write_bundle(root, onnx_models.identity(), version=3)
    (broken / "model.onnx").write_bytes(b"cut")
    listed = connect(serve(root)).models()
    assert [(model.name, model.version) for model in listed.models] == [("m", 1), ("m", 2), ("other", 1)]
    assert all(model.labels == () for model in listed.models)
    (failed,) = listed.failed
    assert (failed.name, failed.version) == ("m", 3)
    assert "its digest is sha256:" in failed.reason


def test_the_largest_version_answers_unless_another_is_pinned(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    root = tmp_path / "models"
    for version in (2, 10):
        onnx_models.write_bundle(root, onnx_models.identity(), version=version)
    client = connect(serve(root))
    x = np.zeros((1, 4), np.float32)
    answered = [client.score(x).model, client.score(x, version=2).model, client.score(x, model="m").model]
    assert [identity.version for identity in answered if identity] == [10, 2, 10]


def test_with_several_models_one_must_be_named(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    root = tmp_path / "models"
    for name in ("a", "b"):
        onnx_models.write_bundle(root, onnx_models.identity(), name=name)
    client = connect(serve(root))
    with pytest.raises(
        InvalidArgumentError, match=r"model.name: is empty, and the server has several models: a, b"
    ):
        client.score(np.zeros((1, 4), np.float32))
    assert client.model("b").name == "b"


def test_an_unknown_model_is_not_found(identity_client: Client) -> None:
    with pytest.raises(NotFoundError) as raised:
        identity_client.model("nobody")
    assert (raised.value.reason, raised.value.field) == ("UNKNOWN_MODEL", "model.name")


def test_a_manifest_can_say_which_output_is_what(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    folder = onnx_models.write_bundle(
        tmp_path / "models", onnx_models.identity(), outputs={"logits": "embedding", "embedding": "logits"}
    )
    assert json.loads((folder / "bundle.json").read_text())["outputs"]["logits"] == "embedding"
    client = connect(serve(folder.parents[1]))
    scores = client.score(np.ones((1, 4), np.float32), outputs=["logits", "embeddings"])
    assert scores.logits is not None
    assert scores.embeddings is not None
    assert (scores.logits.tolist(), scores.embeddings.tolist()) == ([[2] * 4], [[1] * 4])


def test_what_a_model_lacks_is_a_failed_precondition(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.softmax_only()))
    with pytest.raises(FailedPreconditionError, match="outputs: model 'm' gives no logits"):
        client.score(np.zeros((1, 4), np.float32), outputs=["logits"])
    with pytest.raises(FailedPreconditionError, match="head: model 'm' gives no embedding"):
        client.score(np.zeros((1, 4), np.float32), head=(np.ones((2, 4)), None))


def test_what_rows_lack_that_need_no_model_is_a_failed_precondition(identity_client: Client) -> None:
    with pytest.raises(FailedPreconditionError, match="outputs: these rows have no logits"):
        identity_client.score(probabilities=[[0.5, 0.5]], outputs=["logits"])
    with pytest.raises(FailedPreconditionError, match="outputs: these rows have no embedding"):
        identity_client.score(logits=[[0.5, 0.5]], outputs=["embeddings"])


def test_a_model_that_drops_rows_is_found_out_before_an_answer_goes_to_the_wrong_row(
    serve: Serve, connect: Connect
) -> None:
    client = connect(serve(onnx_models.rows_with_a_positive_value()))
    assert len(client.score(np.ones((3, 4), np.float32))) == 3
    with pytest.raises(FailedPreconditionError, match=r"model 'm' gave \[1, 4\] values where \[2, 4\] were due"):
        client.score(np.array([[1, 0, 0, 0], [-1, -1, -1, -1]], np.float32))
