"""Bundles that a stranger made: they reach no file of this machine but their own, and run nothing. Real ones."""

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

import onnx_models
import pools
from assayd_server.bundle import MANIFEST_BYTES_MAX, read_file, read_folder
from assayd_server.errors import ArtefactError
from assayd_server.pool_folder import read_pool
from assayd_server.servable import Servable

SECRET = b"of this machine, and of nobody else"
MATRIX = (TensorProto.FLOAT, ["rows", 4])
Load = Callable[..., Servable]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file outside of every repository."""
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return onnx_models.write_bundle(tmp_path / "models", onnx_models.identity())


def digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def names_too(folder: Path, name: str, content: bytes) -> None:
    """Name one more file in bundle.json, with the right digest."""
    path = folder / "bundle.json"
    manifest = json.loads(path.read_text())
    manifest["files"][name] = digest(content)
    path.write_text(json.dumps(manifest))


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(ArtefactError) as caught:
        read()
    (line,) = str(caught.value).splitlines()
    return line


def test_a_link_out_of_the_repository_is_not_followed(bundle: Path, secret: Path) -> None:
    (bundle / "weights.bin").symlink_to(secret)
    names_too(bundle, "weights.bin", SECRET)
    assert "weights.bin: is a link out of the repository" in refusal(lambda: read_folder(bundle))


def test_a_folder_that_is_a_link_out_of_the_repository_is_not_followed(bundle: Path, secret: Path) -> None:
    (bundle / "pool").symlink_to(secret.parent)
    names_too(bundle, "pool/secret", SECRET)
    assert "pool/secret: is a link out of the repository" in refusal(lambda: read_folder(bundle))


def test_a_manifest_that_is_a_link_out_of_the_repository_is_not_followed(bundle: Path, tmp_path: Path) -> None:
    (bundle / "bundle.json").rename(tmp_path / "bundle.json")
    (bundle / "bundle.json").symlink_to(tmp_path / "bundle.json")
    assert "bundle.json: is a link out of the repository" in refusal(lambda: read_folder(bundle))


def test_versions_may_share_a_file_by_a_link_within_the_repository(bundle: Path) -> None:
    other = onnx_models.write_bundle(bundle.parents[1], onnx_models.identity(), version=2)
    (other / "model.onnx").unlink()
    (other / "model.onnx").symlink_to(bundle / "model.onnx")
    assert read_folder(other).model == (bundle / "model.onnx").read_bytes()


def test_links_in_a_circle_are_refused(bundle: Path) -> None:
    (bundle / "model.onnx").unlink()
    (bundle / "model.onnx").symlink_to(bundle / "model.onnx")
    assert "model.onnx: cannot be read" in refusal(lambda: read_folder(bundle))


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret", "pool/../../../secret"])
def test_names_that_lead_elsewhere_are_refused(bundle: Path, name: str) -> None:
    names_too(bundle, name, SECRET)
    assert "which is not a file inside of the bundle" in refusal(lambda: read_folder(bundle))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(bundle: Path) -> None:
    (bundle / "model.onnx").unlink()
    os.mkfifo(bundle / "model.onnx")
    assert refusal(lambda: read_folder(bundle)).endswith("model.onnx: is no file")


@pytest.mark.parametrize("name", ["bundle.json", "model.onnx"])
def test_a_file_of_terabytes_is_refused_before_it_is_read(bundle: Path, name: str) -> None:
    with (bundle / name).open("r+b") as file:
        file.truncate(2**40)  # takes no room
    assert f"{name}: has 1099511627776 bytes, allowed are" in refusal(lambda: read_folder(bundle))


def test_a_manifest_nested_without_end_is_refused(bundle: Path) -> None:
    (bundle / "bundle.json").write_text("[" * 100_000)
    assert "bundle.json: " in refusal(lambda: read_folder(bundle))
    assert MANIFEST_BYTES_MAX > 100_000


@pytest.mark.parametrize("where", ["initializer", "constant", "sparse", "function", "branch"])
@pytest.mark.parametrize("location", ["/etc/passwd", "../secret", "a/../../secret"])
def test_weights_elsewhere_are_refused_wherever_the_graph_names_them(
    tmp_path: Path, secret: Path, where: str, location: str
) -> None:
    path = tmp_path / "bare" / "m.onnx"
    path.parent.mkdir()
    path.write_bytes(with_weights_in(location, where))
    assert f"it keeps weights in {location!r}: allowed are files beside the model" in refusal(
        lambda: read_file(path)
    )


def test_weights_beside_a_model_that_are_a_link_elsewhere_are_refused(tmp_path: Path, secret: Path) -> None:
    path = tmp_path / "bare" / "m.onnx"
    path.parent.mkdir()
    path.write_bytes(with_weights_in("weights.bin", "initializer"))
    (path.parent / "weights.bin").symlink_to(secret)
    assert "weights.bin: is a link out of the repository" in refusal(lambda: read_file(path))


def test_a_cache_that_links_a_model_and_its_weights_to_one_folder_is_served(tmp_path: Path) -> None:
    shown, kept = tmp_path / "snapshot", tmp_path / "blobs"
    shown.mkdir()
    kept.mkdir()
    (kept / "1").write_bytes(with_weights_in("weights.bin", "initializer"))
    (kept / "2").write_bytes(SECRET)
    (shown / "m.onnx").symlink_to(kept / "1")
    (shown / "weights.bin").symlink_to(kept / "2")
    assert SECRET[:16] in read_file(shown / "m.onnx").model


def with_weights_in(location: str, where: str) -> bytes:
    """A model that keeps four numbers in a file."""
    outside = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        outside.external_data.add(key=key, value=value)
    add = helper.make_node("Add", ["x", "w"], ["logits"])
    constant = helper.make_node("Constant", [], ["w"], value=outside)
    if where == "initializer":
        bare = onnx.load_model_from_string(
            onnx_models.build(nodes=[add], inputs={"x": MATRIX}, outputs={"logits": MATRIX})
        )
        bare.graph.initializer.append(outside)
        return bare.SerializeToString()
    if where == "sparse":
        places = helper.make_tensor("places", TensorProto.INT64, [4], [0, 1, 2, 3])
        sparse = onnx.SparseTensorProto(values=outside, indices=places, dims=[4])
        constant = helper.make_node("Constant", [], ["w"], sparse_value=sparse)
    if where == "branch":
        given = helper.make_empty_tensor_value_info("w")
        branch = helper.make_graph([constant], "branch", [], [given])
        truth = helper.make_node(
            "Constant", [], ["t"], value=helper.make_tensor("t", TensorProto.BOOL, [], [True])
        )
        choice = helper.make_node("If", ["t"], ["w"], then_branch=branch, else_branch=branch)
        return onnx_models.build(nodes=[truth, choice, add], inputs={"x": MATRIX}, outputs={"logits": MATRIX})
    nodes = [constant, add]
    if where != "function":
        return onnx_models.build(nodes=nodes, inputs={"x": MATRIX}, outputs={"logits": MATRIX})
    model = onnx.load_model_from_string(onnx_models.functions([[helper.make_node("Identity", ["a"], ["b"])]]))
    model.functions[0].attribute_proto.append(helper.make_attribute("w", outside))
    return model.SerializeToString()


def test_an_index_that_the_manifest_does_not_name_is_not_read(tmp_path: Path) -> None:
    folder = pools.write_pool(tmp_path / "pool", pools.vectors())
    (folder / "index.faiss").write_bytes(b"whatever faiss makes of it")
    assert read_pool(folder).index_path is None


def test_a_pool_whose_index_is_not_named_is_refused(tmp_path: Path) -> None:
    folder = pools.write_pool(tmp_path / "pool", pools.vectors())
    (folder / "index.faiss").write_bytes(b"whatever faiss makes of it")
    pools.change(folder, kind="hnsw")
    assert "files has no entry for index.faiss" in refusal(lambda: read_pool(folder))


def test_a_pool_names_no_files_but_its_own(tmp_path: Path, secret: Path) -> None:
    folder = pools.write_pool(tmp_path / "pool", pools.vectors())
    files = json.loads((folder / "pool.json").read_text())["files"]
    pools.change(folder, files=files | {"../secret": digest(SECRET)})
    assert "files names '../secret', which such a pool does not have" in refusal(lambda: read_pool(folder))


def test_a_file_of_a_pool_that_is_a_link_elsewhere_is_refused(tmp_path: Path) -> None:
    folder = pools.write_pool(tmp_path / "pool", pools.vectors())
    (folder / "vectors.npy").rename(tmp_path / "vectors.npy")
    (folder / "vectors.npy").symlink_to(tmp_path / "vectors.npy")
    assert "vectors.npy: is a link out of the repository" in refusal(lambda: read_pool(folder))
