"""Models that take more than one float matrix: text, several inputs, narrow types."""

from collections.abc import Callable

import numpy as np
import pytest

import onnx_models
from assayd import Client, InvalidArgumentError
from assayd.testing import Server

Connect = Callable[..., Client]
Serve = Callable[..., Server]


@pytest.mark.parametrize("kind", [object, np.str_, np.bytes_])
def test_text_goes_in_as_text(serve: Serve, connect: Connect, kind: type) -> None:
    client = connect(serve(onnx_models.texts()))
    scores = client.score(np.array([["gold"], ["ore"], ["mud"]], kind), outputs=["logits"])
    np.testing.assert_array_equal(scores.logits, [[1, 0], [0, 1], [0, 0]])


def test_text_of_any_script_keeps_its_row(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.texts()))
    scores = client.score(np.array([["\N{SNOWMAN}" * 100], [""], ["gold"]], object), outputs=["logits"])
    np.testing.assert_array_equal(scores.logits, [[0, 0], [0, 0], [1, 0]])


def test_several_inputs_go_in_by_name(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.two_inputs(), rows_max=7))
    a = np.arange(60, dtype=np.float32).reshape(20, 3)
    b = np.arange(60, dtype=np.uint8).reshape(20, 3)
    np.testing.assert_array_equal(client.score({"b": b, "a": a}, outputs=["logits"]).logits, a + b)


def test_an_input_that_is_missing_is_named(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.two_inputs()))
    with pytest.raises(InvalidArgumentError, match=r"the model's inputs \['b'\] were not given"):
        client.score({"a": np.zeros((1, 3), np.float32)})


def test_numbers_that_a_narrow_input_cannot_hold_are_refused(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.two_inputs()))
    a = np.zeros((1, 3), np.float32)
    with pytest.raises(InvalidArgumentError, match=r"tensors\[1\]\.data: a value is outside of uint8, \[0, 255\]"):
        client.score({"a": a, "b": np.array([[0, 1, 256]], np.int64)})
    with pytest.raises(InvalidArgumentError, match="float32 cannot be cast to what the model takes, b: uint8"):
        client.score({"a": a, "b": a})
