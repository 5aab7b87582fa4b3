"""Bundles that a stranger made: they reach no file of this machine but their own, and run nothing. Real ones."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import onnx_models
import pools
from assayd_server.archives import arrays_in
from assayd_server.bundle import MANIFEST_BYTES_MAX, ReferenceContent, read_file, read_folder
from assayd_server.errors import ArtefactError
from assayd_server.held_out import read_rows
from assayd_server.mapped import mapped
from assayd_server.pool_folder import read_pool
from assayd_server.reference_file import read_reference
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
    model = onnx.load_model_from_string(with_functions([[helper.make_node("Identity", ["a"], ["b"])]]))
    model.functions[0].attribute_proto.append(helper.make_attribute("w", outside))
    return model.SerializeToString()


def with_functions(bodies: list[list[onnx.NodeProto]]) -> bytes:
    """A model that calls the last of some functions, f.F0, f.F1 and so on."""
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    functions = [
        helper.make_function("f", f"F{number}", ["a"], ["b"], body, opsets) for number, body in enumerate(bodies)
    ]
    call = helper.make_node(f"F{len(bodies) - 1}", ["x"], ["logits"], domain="f")
    x, logits = (helper.make_tensor_value_info(name, *MATRIX) for name in ("x", "logits"))
    graph = helper.make_graph([call], "g", [x], [logits])
    return helper.make_model(graph, functions=functions, opset_imports=opsets, ir_version=10).SerializeToString()


def called(name: str, times: int) -> list[onnx.NodeProto]:
    """Nodes that call a function so many times, one after the other."""
    names = ["a", *(f"t{number}" for number in range(times - 1)), "b"]
    return [helper.make_node(name, [names[n]], [names[n + 1]], domain="f") for n in range(times)]


def test_functions_that_stand_for_billions_of_nodes_are_refused_at_once(load: Load) -> None:
    bodies = [[helper.make_node("Identity", ["a"], ["b"])], *(called(f"F{n}", 10) for n in range(9))]
    with pytest.raises(ArtefactError, match="it has 2111111111 nodes, functions taken in, allowed are 2000000"):
        load(with_functions(bodies))


def test_a_function_that_calls_itself_is_refused(load: Load) -> None:
    with pytest.raises(ArtefactError, match="its function 'F0' calls itself"):
        load(with_functions([called("F0", 1)]))


def test_functions_that_are_called_sensibly_are_served(load: Load) -> None:
    bodies = [[helper.make_node("Identity", ["a"], ["b"])], called("F0", 3)]
    assert load(with_functions(bodies)).contract.roles == {"logits": "logits"}


@pytest.mark.parametrize(
    ("domain", "operation"), [("com.stranger", "RunMe"), ("com.microsoft", "PyOp"), ("ai.onnx.contrib", "PyOp")]
)
def test_an_operation_that_onnx_runtime_does_not_have_is_refused_with_its_name(
    load: Load, domain: str, operation: str
) -> None:
    model = onnx.load_model_from_string(onnx_models.identity())
    model.graph.node[0].op_type, model.graph.node[0].domain = operation, domain
    model.opset_import.append(helper.make_opsetid(domain, 1))
    with pytest.raises(ArtefactError, match=f"{domain}:{operation}"):
        load(model.SerializeToString())


def test_a_graph_nested_deeper_than_protobuf_reads_is_refused(load: Load) -> None:
    inner = b""
    for _ in range(400):  # attribute.g of a node of a graph, by the numbers of their fields
        for field in (0x0A, 0x2A, 0x32):
            size = len(inner)
            varint = b"" if size else b"\0"
            while size:
                varint += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
                size >>= 7
            inner = bytes([field]) + varint + inner
    with pytest.raises(ArtefactError, match="cannot load it"):
        load(b"\x3a" + bytes([len(inner) & 0x7F | 0x80, len(inner) >> 7 & 0x7F | 0x80, len(inner) >> 14]) + inner)


def test_a_model_of_onnx_runtimes_own_format_is_refused(load: Load, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.optimized_model_filepath = str(tmp_path / "m.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(onnx_models.identity(), options, providers=["CPUExecutionProvider"])
    with pytest.raises(ArtefactError, match="ONNX Runtime cannot load it"):
        load((tmp_path / "m.ort").read_bytes())


def test_a_zip_map_with_more_outputs_than_it_can_have_is_refused(load: Load) -> None:
    node = helper.make_node("ZipMap", ["x"], ["other", "y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2, 3])
    with pytest.raises(ArtefactError, match="ONNX Runtime cannot load it"):
        load(onnx_models.build(nodes=[node], inputs={"x": MATRIX}, outputs={"y": MATRIX}))


def header(shape: str, *, descr: str = "'<f8'") -> bytes:
    """The beginning of a .npy file that says what it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


class Harm:
    """What an unpickled object can do."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self._path,)


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


HOSTILE_ARRAYS = {
    "terabytes": header("(10**13,)".replace("10**13", "10000000000000")),
    "a product that wraps": header("(4294967296, 4294967296)"),
    "negative": header("(-1,)") + bytes(8),
    "code": header("__import__('os').system('id')"),
    "nested": header("(" * 5000 + ")" * 5000),
    "a header of megabytes": b"\x93NUMPY\x02\x00" + (2**26).to_bytes(4, "little") + b" " * 2**20,
    "a version to come": b"\x93NUMPY\x09\x00" + bytes(100),
    "half a header": header("(3,)")[:20],
}


@pytest.mark.parametrize("case", HOSTILE_ARRAYS)
def test_an_array_whose_header_lies_is_refused_before_there_is_room_for_it(tmp_path: Path, case: str) -> None:
    path = tmp_path / "vectors.npy"
    path.write_bytes(HOSTILE_ARRAYS[case])
    assert "vectors.npy: is no .npy file" in refusal(lambda: mapped(path))
    assert "is no NumPy file" in refusal(lambda: read_rows(path))
    content = archive(manifest=HOSTILE_ARRAYS[case])
    reference = ReferenceContent(Path("reference.npz"), content)
    assert "reference.npz: is no .npz file" in refusal(lambda: read_reference(reference))


def test_objects_in_arrays_are_never_unpickled(tmp_path: Path) -> None:
    harm = pickle.dumps(Harm(tmp_path / "harmed"))
    content = header("()", descr="'|O'") + harm
    (tmp_path / "m.npy").write_bytes(content)
    (tmp_path / "raw.npy").write_bytes(harm)
    for read in (
        lambda: mapped(tmp_path / "m.npy"),
        lambda: read_rows(tmp_path / "m.npy"),
        lambda: read_rows(tmp_path / "raw.npy"),
        lambda: arrays_in(io.BytesIO(archive(manifest=content)), tmp_path / "m.npz"),
    ):
        refusal(read)
    assert not (tmp_path / "harmed").exists()


def test_an_archive_that_unpacks_to_more_than_is_allowed_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros(2**20), b=np.zeros(2**20))
    assert len(buffer.getvalue()) < 2**15
    message = refusal(lambda: arrays_in(buffer, Path("r.npz"), bytes_max=2**23))
    assert message.startswith("r.npz: has 2 arrays of 16777472 bytes, allowed are 4096 of 8388608")


def test_an_archive_that_says_it_is_small_and_is_not_is_refused() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.zeros(2**20))
    true, said = (2**23 + 128).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    content = buffer.getvalue()
    assert true in content
    assert "is no .npz file" in refusal(lambda: arrays_in(io.BytesIO(content.replace(true, said)), Path("r.npz")))


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
