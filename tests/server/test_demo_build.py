"""The demo bundle is reproducible, whole and honest, and the committed copy is what its script makes."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime
import pytest

DEMO_DIR = Path(__file__).resolve().parents[2] / "server" / "assayd_server" / "demo"
SCRIPT = DEMO_DIR / "build.py"
MODEL = Path("models", "digits", "1", "model.onnx")
MANIFEST = MODEL.with_name("bundle.json")
POOL = MODEL.with_name("pool")
REFERENCE = MODEL.with_name("reference.npz")
HELD_OUT = Path("held_out.npz")
ARTEFACTS = (
    MODEL,
    MANIFEST,
    HELD_OUT,
    REFERENCE,
    *(POOL / name for name in ("pool.json", "vectors.npy", "lengths.npy", "mean.npy")),
)
BUNDLE_BYTES_MAX = 400_000


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    # By path, so that the test does not depend on the service being installed.
    spec = importlib.util.spec_from_file_location("demo_build", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def fresh_dirs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of two runs, each in its own process so that hash seeds and addresses differ."""
    output_dirs = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    for seed, output_dir in enumerate(output_dirs):
        command = [sys.executable, SCRIPT, output_dir]
        environment = os.environ | {"PYTHONHASHSEED": str(seed)}
        run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env=environment)
        assert run.returncode == 0, run.stderr
        assert "held out: 450 rows, accuracy 0.9" in run.stdout
    return output_dirs


def probabilities(output_dir: Path, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(output_dir / MODEL, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["probabilities"], {"image": images.astype(np.float32)})[0])


def committed_held_out() -> tuple[np.ndarray, np.ndarray]:
    with np.load(DEMO_DIR / HELD_OUT) as archive:
        return archive["images"], archive["labels"]


def check_bundle(output_dir: Path) -> None:
    manifest = json.loads((output_dir / MANIFEST).read_text(encoding="utf-8"))
    digest, pool_digest, reference_digest = (
        hashlib.sha256((output_dir / path).read_bytes()).hexdigest()
        for path in (MODEL, POOL / "pool.json", REFERENCE)
    )
    assert manifest == {
        "format": 1,
        "inputs": [{"name": "image", "data_type": "float32", "shape": [None, 64]}],
        "outputs": {"probabilities": "probabilities", "embedding": "embedding"},
        "labels": [str(digit) for digit in range(10)],
        "activation": "softmax",
        "temperature": 1.0,
        "files": {
            "model.onnx": f"sha256:{digest}",
            "pool/pool.json": f"sha256:{pool_digest}",
            "reference.npz": f"sha256:{reference_digest}",
        },
    }


@pytest.mark.parametrize("artefact", ARTEFACTS, ids=str)
def test_two_runs_write_the_same_bytes(fresh_dirs: list[Path], artefact: Path) -> None:
    first, second = ((output_dir / artefact).read_bytes() for output_dir in fresh_dirs)
    assert first == second


def test_a_run_writes_the_artefacts_and_nothing_else(fresh_dirs: list[Path]) -> None:
    written = {path.relative_to(fresh_dirs[0]) for path in fresh_dirs[0].rglob("*") if path.is_file()}
    assert written == set(ARTEFACTS)


def test_digests_match_in_a_fresh_bundle(fresh_dirs: list[Path]) -> None:
    check_bundle(fresh_dirs[0])


def test_digests_match_in_the_committed_bundle() -> None:
    check_bundle(DEMO_DIR)


def test_committed_model_scores_as_a_fresh_one(fresh_dirs: list[Path]) -> None:
    images, _ = committed_held_out()
    committed, fresh = (probabilities(output_dir, images) for output_dir in (DEMO_DIR, fresh_dirs[0]))
    same_class = committed.argmax(axis=1) == fresh.argmax(axis=1)
    near = np.abs(committed - fresh).max(axis=1) <= 1e-4
    # Not all rows: training on another processor may round differently.
    assert (same_class & near).mean() >= 0.99


def test_held_out_rows_are_disjoint_from_the_training_rows(builder: ModuleType) -> None:
    digits = builder.load()
    training, held_out = builder.split(digits.labels)
    assert not set(training) & set(held_out)
    assert sorted([*training, *held_out]) == list(range(len(digits.labels)))
    images, labels = committed_held_out()
    np.testing.assert_array_equal(images, digits.images[held_out])
    np.testing.assert_array_equal(labels, digits.labels[held_out])


def test_no_held_out_image_repeats_a_training_image(builder: ModuleType) -> None:
    digits = builder.load()
    training, held_out = (digits.rows(part).images for part in builder.split(digits.labels))
    assert not {row.tobytes() for row in training} & {row.tobytes() for row in held_out}


def test_held_out_rows_have_the_stated_types_and_bounds() -> None:
    images, labels = committed_held_out()
    assert (images.dtype.name, images.shape, images.min(), images.max()) == ("uint8", (450, 64), 0, 16)
    assert (labels.dtype.name, labels.shape) == ("uint8", (450,))
    # Stratified: 450 rows of ten nearly equal classes.
    assert set(np.bincount(labels, minlength=10)) <= set(range(43, 48))


def test_accuracy_is_high_and_some_rows_are_uncertain() -> None:
    images, labels = committed_held_out()
    rows = probabilities(DEMO_DIR, images)
    assert (rows.argmax(axis=1) == labels).mean() >= 0.97
    assert (rows.max(axis=1) < 0.8).sum() >= 10


def test_graph_declares_one_input_and_three_outputs_with_a_dynamic_batch_axis() -> None:
    model = onnx.load(DEMO_DIR / MODEL)
    tensors = {
        value.name: (
            value.type.tensor_type.elem_type,
            [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim],
        )
        for value in (*model.graph.input, *model.graph.output)
    }
    assert [value.name for value in model.graph.input] == ["image"]
    assert tensors == {
        "image": (onnx.TensorProto.FLOAT, ["rows", 64]),
        "label": (onnx.TensorProto.INT64, ["rows"]),
        "probabilities": (onnx.TensorProto.FLOAT, ["rows", 10]),
        "embedding": (onnx.TensorProto.FLOAT, ["rows", 32]),
    }
    assert model.ir_version <= 9
    assert all(opset.version <= 17 for opset in model.opset_import)


def test_verification_refuses_a_model_of_another_network(builder: ModuleType) -> None:
    digits = builder.load()
    # A few rows of every digit: enough for two networks that differ.
    pipelines = [builder.train(digits.rows(np.arange(start, start + 100))) for start in (0, 100)]
    with pytest.raises(ValueError, match=r"^The exported model's probabilities differ"):
        builder.verify(builder.export(pipelines[0]), pipelines[1], digits.images)


def test_verification_refuses_nan(builder: ModuleType) -> None:
    with pytest.raises(ValueError, match="differ from scikit-learn's by nan"):
        builder.require_close("probabilities", np.array([np.nan]), np.array([0.5]))


def test_whole_bundle_is_small() -> None:
    assert sum((DEMO_DIR / artefact).stat().st_size for artefact in ARTEFACTS) < BUNDLE_BYTES_MAX
