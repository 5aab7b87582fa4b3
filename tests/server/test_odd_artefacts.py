"""Files that somebody really writes by mistake: each stops the start with one sentence that says what is wrong."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnxruntime import InferenceSession

import onnx_models
from assayd_server.bundle import read_folder
from assayd_server.contract import SAMPLE_ROWS, Choice, TensorSpec
from assayd_server.errors import ArtefactError
from assayd_server.graph import prepare
from assayd_server.inspection import describe
from assayd_server.model import OnnxModel
from assayd_server.reading import read_contract

WEIGHTS = "weights.bin"
MATRIX = (TensorProto.FLOAT, ["rows", 4])


def refusal(folder: Path) -> str:
    with pytest.raises(ArtefactError) as raised:
        read_folder(folder)
    (line,) = str(raised.value).splitlines()
    return line


def mean_over_the_rows() -> bytes:
    node = helper.make_node("ReduceMean", ["x"], ["logits"], axes=[0], keepdims=1)
    return onnx_models.build(nodes=[node], inputs={"x": MATRIX}, outputs={"logits": MATRIX})


def test_a_model_that_gives_another_number_of_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mean.onnx"
    path.write_bytes(mean_over_the_rows())
    with pytest.raises(ArtefactError, match=r"mean\.onnx: output 'logits' has 1 rows for 4 rows of input"):
        describe(path)


def test_an_output_without_columns_is_no_matrix_to_read() -> None:
    spec = TensorSpec("y", "float32", (None, 0))
    with pytest.raises(ArtefactError, match="no output is plainly logits or probabilities"):
        read_contract((), (spec,), chosen=Choice(), sample={"y": np.zeros((SAMPLE_ROWS, 0), np.float32)})


@pytest.mark.parametrize("name", ["presoftmax_logits", "probability_logits", "pooled_logits"])
def test_an_output_whose_name_fits_several_roles_gets_the_first(name: str) -> None:
    values = np.random.default_rng(0).normal(0, 3, (SAMPLE_ROWS, 5)).astype(np.float32)
    contract = read_contract((), (TensorSpec(name, "float32", (None, 5)),), chosen=Choice(), sample={name: values})
    assert contract.roles == {"logits": name}


def test_a_bundle_in_a_folder_without_a_version_is_refused(tmp_path: Path) -> None:
    folder = onnx_models.write_bundle(tmp_path, onnx_models.identity())
    assert "must be <name>/<version>" in refusal(folder.rename(folder.with_name("latest")))


@pytest.mark.parametrize("name", ["a\0b", "a\nb"])
def test_a_file_name_that_cannot_be_printed_is_refused(tmp_path: Path, name: str) -> None:
    folder = onnx_models.write_bundle(tmp_path, b"x", files={name: "sha256:" + 64 * "0"})
    assert "is not a file inside of the bundle" in refusal(folder)


def test_an_unknown_key_with_a_line_end_is_still_one_line(tmp_path: Path) -> None:
    assert "Extra inputs are not permitted" in refusal(onnx_models.write_bundle(tmp_path, b"x", **{"a\nb": 1}))


def test_a_label_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    folder = onnx_models.write_bundle(tmp_path, onnx_models.identity(), labels=["a", "a", "b", "c"])
    assert "labels: Value error, 'a' is there twice" in refusal(folder)


@pytest.mark.parametrize("temperature", [0, 1e-60, 1e60, "2", True])
def test_a_temperature_that_no_request_could_ask_for_is_refused(tmp_path: Path, temperature: object) -> None:
    folder = onnx_models.write_bundle(tmp_path, onnx_models.identity(), temperature=temperature)
    assert "bundle.json: temperature: Input should be" in refusal(folder)


@pytest.fixture
def split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A model that keeps its weights in another file, which lies in the working directory."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    model = onnx.load_model_from_string(onnx_models.network())
    onnx.save(model, "m.onnx", save_as_external_data=True, location=WEIGHTS, size_threshold=0)
    return Path("m.onnx").read_bytes()


def test_a_model_that_keeps_its_weights_in_a_file_that_nobody_read_is_refused(split: bytes) -> None:
    with pytest.raises(ArtefactError, match=f"it keeps weights in another file, '{WEIGHTS}', which was not read"):
        prepare(split, exposed=None)


def test_weights_that_lie_in_the_working_directory_are_not_read(split: bytes) -> None:
    InferenceSession(split, providers=["CPUExecutionProvider"])  # it would take them from there
    with pytest.raises(ArtefactError, match="External data path"):
        OnnxModel(split, threads=1)


@pytest.mark.parametrize("where", ["absolute", "above", "beside"])
def test_weights_that_lie_elsewhere_are_not_read_either(split: bytes, where: str) -> None:
    here = Path(WEIGHTS).resolve()
    place = {"absolute": here, "above": Path("../..", *here.parts[1:]), "beside": Path("..", "work", WEIGHTS)}[
        where
    ]
    model = onnx.load_model_from_string(split)
    for tensor in model.graph.initializer:
        next(entry for entry in tensor.external_data if entry.key == "location").value = str(place)
    with pytest.raises(ArtefactError):
        OnnxModel(model.SerializeToString(), threads=1)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_a_name_that_no_file_can_have_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(ArtefactError, match="cannot be read: "):
        describe(Path(name))


@pytest.mark.parametrize("version", [True, 1.0, 2, "1"])
def test_another_format_of_the_manifest_is_refused(tmp_path: Path, version: object) -> None:
    folder = onnx_models.write_bundle(tmp_path, onnx_models.identity(), format=version)
    assert "bundle.json: format: Input should be" in refusal(folder)
