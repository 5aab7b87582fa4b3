"""Distances of gradients that are never written out, against those of gradients that are."""

import numpy as np
import pytest

from assayd_server.core.gradients import gradients, squared_distances_from


def written_out(probabilities: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    errors = probabilities.astype(float).copy()
    errors[np.arange(len(errors)), probabilities.argmax(axis=1)] -= 1
    return (errors[:, :, None] * embeddings.astype(float)[:, None, :]).reshape(len(errors), -1)


def rows(count: int, seed: int = 0, dtype: str = "f8") -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.dirichlet(np.ones(5), count).astype(dtype), random.normal(2, 1, (count, 7)).astype(dtype)


def test_the_gradient_is_that_of_the_cross_entropy_at_the_most_probable_class() -> None:
    """By finite differences of the loss in the weights of the last layer."""
    random = np.random.default_rng(1)
    weights, embedding = random.normal(size=(4, 3)), random.normal(size=3)

    def loss(changed: np.ndarray, label: int) -> float:
        logits = changed @ embedding
        return float(np.log(np.exp(logits).sum()) - logits[label])

    probabilities = np.exp(weights @ embedding) / np.exp(weights @ embedding).sum()
    steps = 1e-6 * np.eye(12).reshape(12, 4, 3)
    label = int(probabilities.argmax())
    slopes = [(loss(weights + step, label) - loss(weights - step, label)) / 2e-6 for step in steps]
    np.testing.assert_allclose(written_out(probabilities[None], embedding[None])[0], slopes, atol=1e-8)


@pytest.mark.parametrize(("dtype", "tolerance"), [("f4", 1e-3), ("f8", 1e-10)])
def test_lengths_and_distances_are_those_of_the_gradients_written_out(dtype: str, tolerance: float) -> None:
    probabilities, embeddings = rows(60, dtype=dtype)
    whole = written_out(probabilities, embeddings)
    factored = gradients(probabilities, embeddings)
    np.testing.assert_allclose(factored.squares, (whole**2).sum(axis=1), rtol=1e-5)
    for position in range(0, 60, 7):
        expected = ((whole - whole[position]) ** 2).sum(axis=1)
        np.testing.assert_allclose(
            squared_distances_from(position, factored), expected, rtol=tolerance, atol=1e-12
        )


def test_gradients_that_are_close_keep_their_digits_and_equal_ones_are_no_distance_apart() -> None:
    probabilities, embeddings = rows(1)
    steps = np.concatenate([[0], np.geomspace(1e-9, 1e-2, 8)])
    near = embeddings + steps[:, None]
    other = np.repeat(probabilities, 9, axis=0) + steps[:, None] * np.array([1, -1, 0, 0, 0])
    whole = written_out(other, near)
    found = squared_distances_from(0, gradients(other, near))
    assert found[0] == 0
    np.testing.assert_allclose(found, ((whole - whole[0]) ** 2).sum(axis=1), rtol=1e-4, atol=0)


def test_no_distance_is_below_zero_however_it_is_rounded() -> None:
    """Between rows that differ in a and in h, and whose gradients are the same all the same."""
    probabilities, embeddings = rows(1)
    certain = np.eye(5)[probabilities.argmax(axis=1)]
    shares = 1 - np.geomspace(1e-9, 1e-3, 200)[:, None]
    nearer = np.concatenate([probabilities, certain + (probabilities - certain) * shares])
    longer = np.concatenate([embeddings, embeddings / shares])
    found = squared_distances_from(0, gradients(nearer, longer))
    assert found.min() >= 0
    assert found.max() < 1e-15


def test_a_certain_row_has_no_gradient() -> None:
    factored = gradients(np.eye(3), np.ones((3, 4)))
    assert factored.squares.tolist() == [0, 0, 0]
    assert squared_distances_from(1, factored).tolist() == [0, 0, 0]


def test_rows_that_are_not_finite_have_no_length_and_raise_no_alarm() -> None:
    probabilities, embeddings = rows(4)
    probabilities[0, 1], embeddings[1, 2], embeddings[2, 0] = np.nan, np.inf, 1e300
    with np.errstate(all="raise", under="ignore"):
        factored = gradients(probabilities, embeddings)
        distances = squared_distances_from(3, factored)
    assert np.isfinite(factored.squares).tolist() == [False, False, False, True]
    assert np.isfinite(distances).tolist() == [False, False, False, True]
