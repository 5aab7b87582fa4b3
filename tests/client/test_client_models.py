"""What models there are, and how connections are made."""

from pathlib import Path

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import ChannelSettings, Client, InvalidArgumentError, NotFoundError, TensorSpec, UnavailableError

X = np.eye(4, dtype=np.float32)


@pytest.fixture
def three_versions(serve, connect, tmp_path: Path) -> Client:
    """A client of a server with versions 1 and 2 of one model and version 1 of another, and a broken version."""
    root = tmp_path / "models"
    onnx_models.write_bundle(root, onnx_models.identity(), name="bugs", version=1)
    onnx_models.write_bundle(root, onnx_models.identity(), name="bugs", version=2, labels=["a", "b", "c", "d"])
    broken = onnx_models.write_bundle(root, onnx_models.identity(), name="bugs", version=10)
    (broken / "model.onnx").write_bytes(b"other bytes")
    onnx_models.write_bundle(root, onnx_models.network(), name="digits", version=1, temperature=1.5)
    return connect(serve(root))


def test_the_only_model_needs_no_name(identity_client: Client) -> None:
    assert identity_client.model().name == "m"


def test_a_model_says_what_it_takes_and_gives(identity_client: Client) -> None:
    model = identity_client.model("m")
    assert model.inputs == (TensorSpec("x", "float32", (None, 4)),)
    assert model.outputs == (
        TensorSpec("logits", "float32", (None, 4)),
        TensorSpec("embedding", "float32", (None, 4)),
    )
    assert (model.logits_output, model.probabilities_output, model.embedding_output) == ("logits", "", "embedding")
    assert (model.class_count, model.embedding_width, model.labels, model.temperature) == (4, 4, (), 1.0)


def test_the_newest_version_is_meant_unless_one_is_named(three_versions: Client) -> None:
    assert three_versions.model("bugs").version == 2
    assert three_versions.model("bugs", version=1).version == 1


def test_labels_and_temperature_are_the_bundles(three_versions: Client) -> None:
    assert three_versions.model("bugs").labels == ("a", "b", "c", "d")
    assert three_versions.model("digits").temperature == 1.5


def test_a_model_that_is_not_named_is_refused_where_there_are_several(three_versions: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="the server has several models: bugs, digits"):
        three_versions.model()


@pytest.mark.parametrize(
    ("name", "version", "reason"), [("x", 0, "UNKNOWN_MODEL"), ("bugs", 7, "UNKNOWN_VERSION")]
)
def test_a_model_that_is_not_there_is_not_found(
    three_versions: Client, name: str, version: int, reason: str
) -> None:
    with pytest.raises(NotFoundError) as caught:
        three_versions.model(name, version=version)
    assert caught.value.reason == reason


def test_a_version_below_zero_is_refused_before_it_is_sent(identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="-1 is not a version"):
        identity_client.model("m", version=-1)


def test_every_version_is_listed_by_name_and_number(three_versions: Client) -> None:
    listed = three_versions.models()
    assert [(model.name, model.version) for model in listed.models] == [("bugs", 1), ("bugs", 2), ("digits", 1)]


def test_versions_that_failed_are_listed_with_the_reason(three_versions: Client) -> None:
    (failed,) = three_versions.models().failed
    assert (failed.name, failed.version) == ("bugs", 10)
    assert "its digest is" in failed.reason


def test_a_listed_model_is_the_same_as_a_model_asked_for(three_versions: Client) -> None:
    assert three_versions.models().models[2] == three_versions.model("digits")


def test_a_list_of_models_gives_no_labels(three_versions: Client) -> None:
    assert [model.labels for model in three_versions.models().models] == [(), (), ()]


def test_scores_carry_the_identity_of_the_model_that_was_asked_for(three_versions: Client) -> None:
    info = three_versions.model("bugs", version=1)
    identity = three_versions.score(X, model="bugs", version=1).model
    assert (identity.name, identity.version, identity.digest) == (info.name, info.version, info.digest)


def test_credentials_make_the_connection_a_secure_one(client_kind, bare_server) -> None:
    address = bare_server(lambda _request, _context: b"", grpc.local_server_credentials())
    with client_kind(address, credentials=grpc.local_channel_credentials()) as client:
        assert client.models().models == ()


def test_a_client_connects_only_when_it_is_used(client_kind, refusing_address: str) -> None:
    with (
        client_kind(refusing_address, settings=ChannelSettings(attempts_max=1)) as client,
        pytest.raises(UnavailableError),
    ):
        client.models()


def test_one_client_serves_several_threads(identity_client: Client, in_background) -> None:
    rows = [np.eye(4, dtype=np.float32)[[index % 4]] for index in range(40)]
    calls = [in_background(lambda row=row: int(identity_client.score(row).predictions[0])) for row in rows]
    assert [call.result(timeout=20) for call in calls] == [index % 4 for index in range(40)]
