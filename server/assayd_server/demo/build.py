"""Builds the demo bundle that the wheel carries: a small classifier of handwritten digits.

    python server/assayd_server/demo/build.py [OUTPUT_DIR]

Needs scikit-learn and skl2onnx besides the server; the service itself needs only the files written here.
Two runs on one machine write the same bytes; another processor may round the training differently.
"""

import argparse
import json
import shutil
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from scipy.special import softmax
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler
from threadpoolctl import threadpool_limits

from assayd_server import servable
from assayd_server.bundle import REFERENCE_FILE, digest_of, read_folder
from assayd_server.bundle_writing import name_file
from assayd_server.core.similarity import Metric
from assayd_server.given_ids import row_numbers
from assayd_server.given_rows import rows_in_arrays
from assayd_server.given_vectors import GivenVectors
from assayd_server.index_kind import Kind
from assayd_server.index_writing import Measured, WrittenIndex
from assayd_server.pool_manifest import POOL_MANIFEST
from assayd_server.pool_writing import Origin, write_content, write_pool_manifest
from assayd_server.reference_content import reference_content
from assayd_server.reference_rows import run

SEED = 0
PIXEL_COUNT = 64
HELD_OUT_ROWS = 450
HIDDEN_WIDTHS = (64, 32)
# The lowest log loss in five-fold cross-validation on the training rows alone; mean confidence (0.978) lies
# next to accuracy (0.975) there, so that doubtful images look doubtful.
WEIGHT_DECAY = 0.01
EPOCHS = 120

# Upper bounds: onnxruntime has read opset 21 and IR 10 since 1.20, and so have its peers.
OPSETS = {"": 17, "ai.onnx.ml": 3}
IR_VERSION = 8
DIFFERENCE_MAX = 1e-5


class Digits(NamedTuple):
    """`images`: (n, 64), row-major 8 x 8 pixels of 0..16; `labels`: (n,) of 0..9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def rows(self, indices: NDArray[np.intp]) -> "Digits":
        return Digits(self.images[indices], self.labels[indices])


def load() -> Digits:
    images, labels = load_digits(return_X_y=True)
    return Digits(images.astype(np.uint8), labels.astype(np.uint8))


def split(labels: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of the training and of the held-out rows: ascending, disjoint, every digit in both."""
    indices = np.arange(len(labels))
    parts = train_test_split(indices, test_size=HELD_OUT_ROWS, stratify=labels, random_state=SEED)
    return np.sort(parts[0]), np.sort(parts[1])


def train(digits: Digits) -> Pipeline:
    # Fitted on one full-scale row, so that the factor is 1/16 for every pixel, dark corners included.
    scaler = MaxAbsScaler().fit(np.full((1, PIXEL_COUNT), 16.0))
    mlp = MLPClassifier(HIDDEN_WIDTHS, alpha=WEIGHT_DECAY, batch_size=64, max_iter=EPOCHS, random_state=SEED)
    # More threads may split the sums differently. The warning is that the epochs ended before the loss
    # settled, which is intended.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(scaler.transform(digits.images.astype(np.float64)), digits.labels.astype(np.int64))
    return Pipeline([("scaler", scaler), ("mlp", mlp)])


def export(pipeline: Pipeline) -> bytes:
    """The serialized ONNX graph: `image` to `label`, `probabilities` and `embedding`."""
    model = convert_sklearn(
        pipeline,
        name="digits",
        initial_types=[("image", FloatTensorType([None, PIXEL_COUNT]))],
        options={"zipmap": False},
        target_opset=OPSETS,
    )
    add_embedding(model.graph)
    name_batch_axis(model.graph)
    normalize(model)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def add_embedding(graph: onnx.GraphProto) -> None:
    """Publishes the last hidden activation as the output `embedding`, (rows, 32)."""
    hidden = [node for node in graph.node if node.op_type == "Relu"][-1]
    converted_name = hidden.output[0]
    hidden.output[0] = "embedding"
    for node in graph.node:
        node.input[:] = ["embedding" if name == converted_name else name for name in node.input]
    shape = [None, HIDDEN_WIDTHS[-1]]
    graph.output.append(onnx.helper.make_tensor_value_info("embedding", onnx.TensorProto.FLOAT, shape))


def name_batch_axis(graph: onnx.GraphProto) -> None:
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "rows"


def normalize(model: onnx.ModelProto) -> None:
    """Clears or pins what varies between runs or exporters and not with the network."""
    for field in ("producer_name", "producer_version", "domain", "doc_string", "metadata_props"):
        model.ClearField(field)
    # The exporter lists the operator sets in an order that changes from run to run.
    model.opset_import.sort(key=lambda opset: opset.domain)
    for node in model.graph.node:
        node.ClearField("name")  # Misleading: the exporter calls the softmax `Relu2`.
    model.model_version = 1
    model.ir_version = IR_VERSION


def score(model: bytes, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """`label` (n,) int64, `probabilities` (n, 10) and `embedding` (n, 32) float32."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": images.astype(np.float32)}), strict=True))


def verify(model: bytes, pipeline: Pipeline, images: NDArray[np.uint8]) -> None:
    """Raises ValueError unless the graph answers as scikit-learn does, the embedding included."""
    scores = score(model, images)
    expected = pipeline.predict_proba(images.astype(np.float64))
    require_close("probabilities", scores["probabilities"], expected)
    mlp = pipeline["mlp"]
    logits = scores["embedding"] @ mlp.coefs_[-1] + mlp.intercepts_[-1]
    require_close("probabilities rebuilt from the embedding", softmax(logits, axis=1), expected)
    require_close("labels", scores["label"], expected.argmax(axis=1))


def require_close(name: str, actual: NDArray[Any], expected: NDArray[Any]) -> None:
    difference_max = float(np.abs(actual - expected).max())
    # Negated so that NaN fails too.
    if not difference_max <= DIFFERENCE_MAX:
        raise ValueError(f"The exported model's {name} differ from scikit-learn's by {difference_max:.1e}.")


def write_pool(folder: Path, model: bytes, images: NDArray[np.uint8]) -> bytes:
    """A pool of images, whose ids are their positions; the text of its manifest.

    It is searched exactly. How fast is not measured, because the bytes are to be the same in every run.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    vectors = GivenVectors(score(model, images)["embedding"], "the embedding")
    content = write_content(folder, vectors, row_numbers(len(images)), metric=Metric.COSINE, skip_invalid=False)
    index = WrittenIndex(Kind.FLAT, f"{len(images)} rows are compared in no time", Measured(1.0, 100, 0.0, 0.0))
    write_pool_manifest(folder, content, index, Origin(digest_of(model), "embedding"))
    return (folder / POOL_MANIFEST).read_bytes()


def write_reference(bundle: Path, held_out: Digits) -> Path:
    """The reference of the held-out images, into a bundle that is whole but for it."""
    place, read = bundle / REFERENCE_FILE, read_folder(bundle)
    model = servable.load(read, threads=1)
    with TemporaryDirectory() as folder:
        rows = Path(folder, "rows.npy")
        np.save(rows, held_out.images.astype(np.float32))
        seen = run(model, rows_in_arrays(rows))
    labels = held_out.labels.astype(np.int64)
    content = reference_content(read, model, seen, train=None, labels=labels, features=())
    place.write_bytes(content)
    name_file(bundle, REFERENCE_FILE, digest_of(content))
    return place


def manifest(model: bytes, pool: bytes) -> str:
    """The text of bundle.json."""
    fields = {
        "format": 1,
        "inputs": [{"name": "image", "data_type": "float32", "shape": [None, PIXEL_COUNT]}],
        "outputs": {"probabilities": "probabilities", "embedding": "embedding"},
        "labels": [str(digit) for digit in range(10)],
        "activation": "softmax",
        "temperature": 1.0,
        "files": {"model.onnx": digest_of(model), "pool/pool.json": digest_of(pool)},
    }
    return json.dumps(fields, indent=2) + "\n"


def write(output_dir: Path, model: bytes, held_out: Digits) -> list[Path]:
    """The paths written, bundle.json last: its presence says that the bundle is complete."""
    model_dir = output_dir / "models" / "digits" / "1"
    rows, graph, bundle = output_dir / "held_out.npz", model_dir / "model.onnx", model_dir / "bundle.json"
    model_dir.mkdir(parents=True, exist_ok=True)
    bundle.unlink(missing_ok=True)
    # NumPy dates the archive's members 1980-01-01, so the bytes do not vary with the clock.
    np.savez_compressed(rows, images=held_out.images, labels=held_out.labels)
    graph.write_bytes(model)
    pool = write_pool(model_dir / "pool", model, held_out.images)
    bundle.write_text(manifest(model, pool), encoding="utf-8", newline="\n")
    reference = write_reference(model_dir, held_out)
    return [rows, graph, *sorted((model_dir / "pool").iterdir()), reference, bundle]


def report(name: str, model: bytes, digits: Digits) -> None:
    scores = score(model, digits.images)
    accuracy = (scores["label"] == digits.labels).mean()
    doubtful_count = (scores["probabilities"].max(axis=1) < 0.8).sum()
    print(f"{name}: {len(digits.labels)} rows, accuracy {accuracy:.4f}, {doubtful_count} less than 0.8 sure")


def build(output_dir: Path) -> None:
    digits = load()
    training, held_out = (digits.rows(part) for part in split(digits.labels))
    pipeline = train(training)
    model = export(pipeline)
    verify(model, pipeline, digits.images)
    paths = write(output_dir, model, held_out)
    report("training", model, training)
    report("held out", model, held_out)
    for path in paths:
        print(f"{path.relative_to(output_dir).as_posix()}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Builds the handwritten-digits demo bundle.")
    parser.add_argument("output_dir", nargs="?", type=Path, default=Path(__file__).resolve().parent)
    build(parser.parse_args().output_dir)
