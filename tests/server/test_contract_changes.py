"""What of a new version is a change to those who call it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import onnx_models
from assayd_server import servable
from assayd_server.bundle import read_folder
from assayd_server.contract_changes import contract_change
from assayd_server.servable import Servable

LABELS = ["ore", "gold", "rock", "mud"]


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[..., Servable]:
    """A version of a model: loaded(version, content, **manifest)."""

    def load(version: int, content: bytes, **manifest: Any) -> Servable:
        folder = onnx_models.write_bundle(tmp_path, content, version=version, **manifest)
        return servable.load(read_folder(folder), threads=1)

    return load


Loaded = Callable[..., Servable]
IDENTITY = onnx_models.identity()


def test_other_weights_are_no_change(loaded: Loaded) -> None:
    old, new = (loaded(seed, onnx_models.network(seed=seed)) for seed in (1, 2))
    assert contract_change(old, new) == ""


def test_another_temperature_and_labels_where_there_were_none_are_no_change(loaded: Loaded) -> None:
    old, new = loaded(1, IDENTITY), loaded(2, IDENTITY, temperature=2.0, labels=LABELS)
    assert contract_change(old, new) == ""


def test_an_output_in_addition_is_no_change_and_one_that_is_gone_is(loaded: Loaded) -> None:
    plain, more = loaded(1, onnx_models.passed_through("logits")), loaded(2, IDENTITY)
    assert contract_change(plain, more) == ""
    assert contract_change(more, plain) == "embedding width: it has 0, version 2 has 4"


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (
            IDENTITY,
            onnx_models.identity(5),
            "inputs: it has x: float32 (any, 5), version 1 has x: float32 (any, 4)",
        ),
        (
            IDENTITY,
            onnx_models.two_inputs(),
            "inputs: it has a: float32 (any, 3); b: uint8 (any, 3), version 1 has x: float32 (any, 4)",
        ),
        (
            onnx_models.network(class_count=10),
            onnx_models.network(class_count=11),
            "class count: it has 11, version 1 has 10",
        ),
        (
            onnx_models.passed_through("logits"),
            onnx_models.passed_through("probabilities"),
            "outputs: it gives no logits, version 1 does",
        ),
    ],
)
def test_a_change_is_told(loaded: Loaded, old: bytes, new: bytes, change: str) -> None:
    assert contract_change(loaded(1, old), loaded(2, new)) == change


@pytest.mark.parametrize(
    ("labels", "change"),
    [
        ([], "labels: it has none, version 1 has 4"),
        (["ore", "rock", "gold", "mud"], "labels: class 1 is 'rock', in version 1 it is 'gold'"),
    ],
)
def test_labels_that_are_gone_or_mean_another_class_are_a_change(
    loaded: Loaded, labels: list[str], change: str
) -> None:
    assert contract_change(loaded(1, IDENTITY, labels=LABELS), loaded(2, IDENTITY, labels=labels)) == change


def test_another_task_is_a_change(loaded: Loaded) -> None:
    old, new = loaded(1, IDENTITY), loaded(2, IDENTITY, activation="sigmoid")
    assert contract_change(old, new) == "task: it is multilabel, version 1 is multiclass"


def sequences(length: int | str, rows: int | str = "rows") -> bytes:
    """Logits that are the first of each row's vectors."""
    node = helper.make_node("Gather", ["x", "first"], ["logits"], axis=1)
    return onnx_models.build(
        nodes=[node],
        inputs={"x": (TensorProto.FLOAT, [rows, length, 4])},
        outputs={"logits": (TensorProto.FLOAT, [rows, 4])},
        weights={"first": np.array(0, np.int64)},
    )


def test_axes_of_any_length_take_what_fixed_ones_took_but_not_the_other_way_round(loaded: Loaded) -> None:
    fixed, free = loaded(1, sequences(6)), loaded(2, sequences("length"))
    assert contract_change(fixed, free) == ""
    assert contract_change(free, fixed) == (
        "inputs: it has x: float32 (any, 6, 4), version 2 has x: float32 (any, any, 4)"
    )


def test_how_many_rows_a_graph_takes_at_once_is_no_callers_concern(loaded: Loaded) -> None:
    free, fixed = loaded(1, sequences(6)), loaded(2, sequences(6, rows=8))
    assert contract_change(free, fixed) == ""
