"""Virtual-logit matching: against the paper's steps, and references without residual or positive logits."""

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp

from assayd_server.core.novelty.vim import fit_vim, principal_count, vim

NAN, INF = np.nan, np.inf


def linear_model(row_count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, logits, and the weights and the bias between them."""
    random = np.random.default_rng(seed)
    embeddings = random.normal(1, 1, (row_count, 12)) * np.geomspace(4, 0.1, 12)
    weights, bias = random.normal(size=(5, 12)), random.normal(size=5)
    return embeddings.astype(np.float32), (embeddings @ weights.T + bias).astype(np.float32), weights, bias


def plain_vim(
    fit: tuple[np.ndarray, np.ndarray], rows: tuple[np.ndarray, np.ndarray], origin: np.ndarray
) -> np.ndarray:
    """As the authors' code has it, with a singular value decomposition."""
    centered = fit[0].astype(float) - origin
    null_space = np.linalg.svd(centered, full_matrices=True)[2][6:].T
    factor = fit[1].max(axis=1).mean() / np.linalg.norm(centered @ null_space, axis=1).mean()
    return factor * np.linalg.norm((rows[0] - origin) @ null_space, axis=1) - logsumexp(
        rows[1].astype(float), axis=1
    )


def test_scores_are_those_of_the_papers_steps() -> None:
    embeddings, logits, weights, bias = linear_model(500)
    rows = linear_model(80, seed=1)[:2]
    for origin in (None, -np.linalg.pinv(weights) @ bias):
        taken = embeddings.mean(axis=0, dtype=float) if origin is None else origin
        expected = plain_vim((embeddings, logits), rows, taken)
        np.testing.assert_allclose(vim(fit_vim(embeddings, logits, origin), *rows), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("width", "count"), [(1, 0), (2, 1), (128, 64), (767, 383), (768, 512), (2048, 1000)])
def test_as_many_directions_are_principal_as_in_the_paper(width: int, count: int) -> None:
    assert principal_count(width) == count


def test_a_residual_counts_however_the_logits_are_shifted() -> None:
    embeddings, logits, *_ = linear_model(400)
    log_probabilities = log_softmax(logits, axis=1)
    fitted = fit_vim(embeddings, log_probabilities)
    assert fitted.factor > 0
    far = embeddings[:50] + 3 * fitted.residual[:, 0]
    assert (
        vim(fitted, far, log_probabilities[:50]) > vim(fitted, embeddings[:50], log_probabilities[:50])
    ).mean() > 0.9


@pytest.mark.parametrize(
    ("embeddings", "logits"),
    [
        (np.column_stack([np.arange(9.0), np.zeros(9)]), np.ones((9, 2))),
        (np.ones((3, 4)), np.ones((3, 2))),
        (np.arange(6.0)[:, None], np.zeros((6, 3))),
        (np.ones((1, 1)), np.ones((1, 2))),
    ],
    ids=["no residual", "identical", "no logits to speak of", "one row"],
)
def test_references_that_say_little_give_finite_scores(embeddings: np.ndarray, logits: np.ndarray) -> None:
    fitted = fit_vim(embeddings, logits)
    assert np.isfinite(fitted.factor)
    assert fitted.factor > 0
    assert np.isfinite(vim(fitted, embeddings + 5, logits)).all()


def test_rows_that_are_not_finite_are_left_out_of_the_fit() -> None:
    embeddings, logits, *_ = linear_model(100)
    odd = embeddings[:3].copy(), logits[:3].copy()
    odd[0][0, 0], odd[1][1, 0], odd[1][2] = NAN, INF, -INF
    both = [np.concatenate(pair) for pair in zip((embeddings, logits), odd, strict=True)]
    for name, array in fit_vim(embeddings, logits).arrays().items():
        np.testing.assert_array_equal(fit_vim(*both).arrays()[name], array)
    with pytest.raises(ValueError, match="no row that is finite"):
        fit_vim(*odd)


def test_a_row_that_is_not_valid_gives_nan_and_spoils_no_other() -> None:
    embeddings, logits, *_ = linear_model(100)
    fitted = fit_vim(embeddings, logits)
    rows, scores = embeddings[:4].copy(), logits[:4].copy()
    rows[1, 0], scores[2, 0] = INF, NAN
    with np.errstate(all="raise"):
        found = vim(fitted, rows, scores)
    assert np.isnan(found).tolist() == [False, True, True, False]
