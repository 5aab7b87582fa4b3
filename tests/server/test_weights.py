"""Models that keep weights in a file beside them, as PyTorch's exporter writes them."""

import json
import re
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

import onnx_models
from assayd_server import servable, weights
from assayd_server.bundle import Bundle, read_file, read_folder
from assayd_server.cli import app
from assayd_server.errors import ArtefactError
from assayd_server.rows import Inputs, NamedArray

WEIGHTS = "model.onnx.data"
X = np.random.default_rng(1).normal(size=(5, 64)).astype(np.float32)


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """A model whose weights all lie in another file."""
    path = tmp_path / "model.onnx"
    model = onnx.load_model_from_string(onnx_models.network())
    onnx.save(model, path, save_as_external_data=True, location=WEIGHTS, size_threshold=0)
    return path


def scored(bundle: Bundle) -> np.ndarray:
    model = servable.load(bundle, threads=1)
    logits = model.forward(model.match(Inputs((NamedArray("", X),), 5)), row_count=5, roles=["logits"]).logits
    assert logits is not None
    return logits


def expected(tmp_path: Path) -> np.ndarray:
    whole = tmp_path / "whole.onnx"
    whole.write_bytes(onnx_models.network())
    return scored(read_file(whole))


def changed(path: Path, **entries: str) -> None:
    """Say something else of where the first weight lies."""
    model = onnx.load_model_from_string(path.read_bytes())
    for entry in model.graph.initializer[0].external_data:
        entry.value = entries.get(entry.key, entry.value)
    path.write_bytes(model.SerializeToString())


def refusal(path: Path) -> str:
    with pytest.raises(ArtefactError) as caught:
        read_file(path)
    (line,) = str(caught.value).splitlines()
    return line


def test_a_model_scores_as_with_its_weights_inside(split: Path, tmp_path: Path) -> None:
    np.testing.assert_array_equal(scored(read_file(split)), expected(tmp_path))


def test_the_digest_of_a_bare_model_covers_its_weights(split: Path) -> None:
    weights = split.with_name(WEIGHTS)
    both = split.read_bytes() + weights.read_bytes()
    before = read_file(split).identity.digest
    assert before == f"sha256:{sha256(both).hexdigest()}"
    content = bytearray(weights.read_bytes())
    content[0] ^= 1
    weights.write_bytes(content)
    assert read_file(split).identity.digest != before


def test_a_bundle_is_made_as_one_file(split: Path, tmp_path: Path) -> None:
    version = tmp_path / "models" / "m" / "1"
    result = CliRunner().invoke(app, ["bundle", str(split), "--output", str(version)])
    assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in version.iterdir()) == ["bundle.json", "model.onnx"]
    np.testing.assert_array_equal(scored(read_folder(version)), expected(tmp_path))


def test_a_bundle_may_list_the_weights_with_their_digest(split: Path, tmp_path: Path) -> None:
    folder = by_hand(split, tmp_path / "models")
    np.testing.assert_array_equal(scored(read_folder(folder)), expected(tmp_path))
    (folder / WEIGHTS).write_bytes(b"\0" * (folder / WEIGHTS).stat().st_size)
    with pytest.raises(ArtefactError, match=f"{WEIGHTS}: its digest is sha256:"):
        read_folder(folder)


def test_a_bundle_that_does_not_list_the_weights_is_refused(split: Path, tmp_path: Path) -> None:
    folder = by_hand(split, tmp_path / "models")
    manifest = json.loads((folder / "bundle.json").read_text())
    del manifest["files"][WEIGHTS]
    (folder / "bundle.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtefactError, match=f"files has no entry for {WEIGHTS}, where the model has weights$"):
        read_folder(folder)


def by_hand(split: Path, root: Path) -> Path:
    weights = split.with_name(WEIGHTS).read_bytes()
    parts = {"model.onnx": split.read_bytes(), WEIGHTS: weights}
    digests = {name: f"sha256:{sha256(part).hexdigest()}" for name, part in parts.items()}
    folder = onnx_models.write_bundle(root, split.read_bytes(), files=digests)
    (folder / WEIGHTS).write_bytes(weights)
    return folder


def test_a_file_of_weights_that_is_not_there_is_named(split: Path) -> None:
    split.with_name(WEIGHTS).unlink()
    assert refusal(split) == f"{split.with_name(WEIGHTS)}: cannot be read: No such file or directory"


@pytest.mark.parametrize("place", ["/etc/hostname", "../model.onnx.data", "", "a\nb", ".."])
def test_weights_anywhere_but_beside_the_model_are_refused(split: Path, place: str) -> None:
    changed(split, location=place)
    assert refusal(split) == f"it keeps weights in {place!r}: allowed are files beside the model"


@pytest.mark.parametrize(
    "entries", [{"offset": "100000000"}, {"length": "100000000"}, {"offset": "-4"}, {"length": "many"}]
)
def test_a_weight_that_is_not_in_its_file_is_named(split: Path, entries: dict[str, str]) -> None:
    changed(split, **entries)
    assert refusal(split).startswith(f"weight 'w1' is not in '{WEIGHTS}', which has ")


def test_a_weight_without_a_length_goes_to_the_end_of_its_file(tmp_path: Path) -> None:
    values = np.arange(4, dtype=np.float32)
    (tmp_path / "w").write_bytes(values.tobytes())
    path = tmp_path / "m.onnx"
    path.write_bytes(with_weights_in_a_node(values, in_a_branch=False))
    np.testing.assert_array_equal(first_row(path), values)


def test_weights_of_nodes_and_of_graphs_inside_of_nodes_are_found(tmp_path: Path) -> None:
    values = np.arange(4, dtype=np.float32)
    (tmp_path / "w").write_bytes(values.tobytes())
    path = tmp_path / "m.onnx"
    path.write_bytes(with_weights_in_a_node(values, in_a_branch=True))
    np.testing.assert_array_equal(first_row(path), values)


@pytest.mark.parametrize(("shared", "allowed"), [(1, True), (2, False)])
def test_weights_that_share_bytes_count_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: int, *, allowed: bool
) -> None:
    values = np.arange(1000, dtype=np.float32)
    (tmp_path / "w").write_bytes(values.tobytes())
    path = tmp_path / "m.onnx"
    model = onnx.load_model_from_string(with_weights_in_a_node(values, in_a_branch=False))
    model.graph.node.extend([model.graph.node[0]] * (shared - 1))
    path.write_bytes(model.SerializeToString())
    monkeypatch.setattr(weights, "_BYTES_MAX", 6000)
    if allowed:
        assert len(read_file(path).model) > values.nbytes
    else:
        assert re.fullmatch(r"the model and its weights have 8\d\d\d bytes, allowed are 6000", refusal(path))


def first_row(path: Path) -> np.ndarray:
    model = servable.load(read_file(path), threads=1)
    rows = Inputs((NamedArray("", np.zeros((1, 4), np.float32)),), 1)
    logits = model.forward(model.match(rows), row_count=1, roles=["logits"]).logits
    assert logits is not None
    return logits[0]


def with_weights_in_a_node(values: np.ndarray, *, in_a_branch: bool) -> bytes:
    """Logits that are the input and a constant, which lies in the file w."""
    tensor = numpy_helper.from_array(values, "constant")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w")
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    nodes = [constant]
    if in_a_branch:
        kind = helper.make_tensor_value_info("c", TensorProto.FLOAT, [4])
        branch = helper.make_graph([constant], "branch", [], [kind])
        yes = helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(np.array(True)))
        nodes = [yes, helper.make_node("If", ["yes"], ["c"], then_branch=branch, else_branch=branch)]
    matrix = (TensorProto.FLOAT, ["rows", 4])
    add = helper.make_node("Add", ["x", "c"], ["logits"])
    return onnx_models.build(nodes=[*nodes, add], inputs={"x": matrix}, outputs={"logits": matrix})
