"""The linear head: logits = h W^T + b."""

import numpy as np
import pytest

from assayd_server.core.heads import linear_head

EMBEDDINGS = np.array([[1.0, 2.0], [0.0, -1.0]])
WEIGHTS = np.array([[1.0, 0.0], [0.0, 1.0], [3.0, -2.0]])
BIAS = np.array([10.0, 20.0, 30.0])


def test_each_class_is_the_product_of_its_weights_with_the_embedding() -> None:
    logits = linear_head(EMBEDDINGS, weights=WEIGHTS)
    assert logits.tolist() == [[1, 2, 3 * 1 - 2 * 2], [0, -1, 2]]


def test_the_bias_is_added_to_each_class() -> None:
    logits = linear_head(EMBEDDINGS, weights=WEIGHTS, bias=BIAS)
    assert logits.tolist() == [[11, 22, 29], [10, 19, 32]]


def test_logits_agree_with_a_naive_loop() -> None:
    rng = np.random.default_rng(9)
    embeddings, weights, bias = rng.normal(size=(6, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)
    expected = [
        [sum(h * w for h, w in zip(row, weight, strict=True)) + b for weight, b in zip(weights, bias, strict=True)]
        for row in embeddings
    ]
    np.testing.assert_allclose(linear_head(embeddings, weights=weights, bias=bias), expected, rtol=1e-12)


@pytest.mark.parametrize("bias", [None, BIAS])
def test_no_rows_give_no_rows_of_logits(bias: np.ndarray | None) -> None:
    assert linear_head(np.empty((0, 2)), weights=WEIGHTS, bias=bias).shape == (0, 3)


def test_float32_in_gives_float32_out() -> None:
    parts = (array.astype(np.float32) for array in (EMBEDDINGS, WEIGHTS, BIAS))
    embeddings, weights, bias = parts
    assert linear_head(embeddings, weights=weights, bias=bias).dtype == np.float32


def test_arguments_are_left_as_they_were() -> None:
    arrays = [EMBEDDINGS.copy(), WEIGHTS.copy(), BIAS.copy()]
    for array in arrays:
        array.flags.writeable = False
    linear_head(arrays[0], weights=arrays[1], bias=arrays[2])
    for array, before in zip(arrays, (EMBEDDINGS, WEIGHTS, BIAS), strict=True):
        np.testing.assert_array_equal(array, before)
