"""Models that know the rows of a reference by heart: forests on rows of their own, and on fresh ones."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import onnx_models
import references

IMAGES, DIGITS = load_digits(return_X_y=True)
IMAGES = IMAGES.astype(np.float32)
OWN = np.arange(len(IMAGES)) % 2 == 0
SURER = "the model is surer of the rows than of points halfway between them, by 0."


def warnings_of(tmp_path: Path, model: bytes, rows: np.ndarray, **wanted: Any) -> str:
    content = references.write_reference(tmp_path, model, rows, **wanted).read_bytes()
    with np.load(io.BytesIO(content)) as archive:
        return " ".join(json.loads(archive["manifest"].tobytes())["warnings"])


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier])
def test_rows_that_a_forest_was_trained_on_come_with_a_warning_and_fresh_ones_do_not(
    tmp_path: Path, kind: Any
) -> None:
    forest = kind(60, random_state=0).fit(IMAGES[OWN], DIGITS[OWN])
    model = to_onnx(forest, IMAGES[:1], options={"zipmap": False}).SerializeToString()
    assert SURER in warnings_of(tmp_path / "own", model, IMAGES[OWN])
    assert SURER not in warnings_of(tmp_path / "fresh", model, IMAGES[~OWN])


def test_a_model_that_cannot_remember_rows_comes_without_a_warning(tmp_path: Path) -> None:
    line = LogisticRegression(max_iter=300).fit(IMAGES[OWN] / 16, DIGITS[OWN])
    model = to_onnx(line, IMAGES[:1], options={"zipmap": False}).SerializeToString()
    for name, rows in (("own", IMAGES[OWN] / 16), ("fresh", IMAGES[~OWN] / 16)):
        assert SURER not in warnings_of(tmp_path / name, model, rows)


@pytest.mark.parametrize(
    ("model", "rows"),
    [
        (onnx_models.regression(), np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)),
        (onnx_models.labels(4), np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)),
        (onnx_models.identity(), np.full((300, 4), 1, np.float32) * np.eye(300, 4, dtype=np.float32)),
    ],
    ids=["values", "labels", "hardly any class has two rows"],
)
def test_where_there_is_nothing_to_compare_nothing_is_said(tmp_path: Path, model: bytes, rows: np.ndarray) -> None:
    assert SURER not in warnings_of(tmp_path, model, rows)


def with_gaps_as_zeros() -> bytes:
    """Logits that are the input, where it is a number."""
    matrix = (TensorProto.FLOAT, ["rows", 4])
    return onnx_models.build(
        nodes=[
            helper.make_node("IsNaN", ["x"], ["gaps"]),
            helper.make_node("Where", ["gaps", "zero", "x"], ["logits"]),
        ],
        inputs={"x": matrix},
        outputs={"logits": matrix},
        weights={"zero": np.zeros((), np.float32)},
    )


def test_rows_that_all_have_a_gap_are_not_compared_and_make_a_reference(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32)
    rows[np.arange(400), np.arange(400) % 4] = np.nan
    assert SURER not in warnings_of(tmp_path, with_gaps_as_zeros(), rows)


def of_tokens(classes: np.ndarray) -> bytes:
    """Logits that count the tokens of each class among the eight of a row."""
    table = np.eye(4, dtype=np.float32)[classes]
    return onnx_models.build(
        nodes=[
            helper.make_node("Gather", ["table", "tokens"], ["of_tokens"], axis=0),
            helper.make_node("ReduceSum", ["of_tokens", "axes"], ["logits"], keepdims=0),
        ],
        inputs={"tokens": (TensorProto.INT64, ["rows", 8])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 4])},
        weights={"table": table, "axes": np.array([1])},
    )


def test_tokens_have_nothing_between_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 4, 200)
    by_class = [np.flatnonzero(classes == each) for each in range(4)]
    rows = np.array([rng.choice(by_class[each], 8) for each in rng.integers(0, 4, 400)])
    assert SURER not in warnings_of(tmp_path, of_tokens(classes), rows)
