"""Dropout samples of a linear layer: each is the layer with some of its inputs left out."""

import numpy as np
import pytest

from assayd_server.core.dropout import dropout_logits

RNG = np.random.default_rng(0)
EMBEDDINGS = RNG.normal(size=(6, 40))
BIAS = RNG.normal(size=3)
MANY_CLASSES = RNG.normal(size=(50, 40))
FEW_CLASSES = MANY_CLASSES[:3]


def sampled(weights: np.ndarray, rows: np.ndarray = EMBEDDINGS, **wanted: float) -> np.ndarray:
    settings = {"samples": 30, "rate": 0.4, "seed": 1} | wanted
    return dropout_logits(rows, weights=weights, bias=None, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("weights", [FEW_CLASSES, MANY_CLASSES], ids=["few classes", "many classes"])
def test_a_sample_leaves_out_the_same_inputs_of_every_row_and_class(weights: np.ndarray) -> None:
    contributions = sampled(weights, np.eye(40))  # (m, d, c): what each input adds
    kept = contributions != 0
    assert (kept == kept[:, :, :1]).all()
    share = 1 - kept[:, :, 0].mean()
    assert share == pytest.approx(0.4, abs=0.05)
    np.testing.assert_allclose(contributions[kept], np.broadcast_to(weights.T / 0.6, kept.shape)[kept])
    rows = np.einsum("nd,mdc->mnc", EMBEDDINGS, contributions)
    np.testing.assert_allclose(sampled(weights), rows, rtol=1e-9, atol=1e-9)


def test_few_classes_and_many_are_sampled_by_the_same_masks() -> None:
    np.testing.assert_allclose(sampled(FEW_CLASSES), sampled(MANY_CLASSES)[:, :, :3])


def test_a_row_has_the_same_samples_in_any_batch_and_none_is_needed() -> None:
    np.testing.assert_allclose(sampled(MANY_CLASSES, EMBEDDINGS[4:5])[:, 0], sampled(MANY_CLASSES)[:, 4])
    assert sampled(FEW_CLASSES, EMBEDDINGS[:0]).shape == (30, 0, 3)


def test_the_mean_of_many_samples_is_the_layer_itself() -> None:
    mean = sampled(FEW_CLASSES, samples=1000, rate=0.1).mean(axis=0)
    np.testing.assert_allclose(mean, EMBEDDINGS @ FEW_CLASSES.T, atol=1)


def test_the_bias_is_never_left_out_and_the_type_is_that_of_the_embeddings() -> None:
    rows = EMBEDDINGS.astype(np.float32)
    with_bias = dropout_logits(rows, weights=FEW_CLASSES, bias=BIAS, samples=2, rate=0.999999, seed=0)
    np.testing.assert_allclose(with_bias, np.broadcast_to(BIAS, (2, 6, 3)), rtol=1e-6)
    assert with_bias.dtype == np.float32


def test_another_seed_gives_other_masks() -> None:
    assert (sampled(FEW_CLASSES) != sampled(FEW_CLASSES, seed=2)).any()
