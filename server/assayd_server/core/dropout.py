"""Monte Carlo dropout of a linear layer: several answers from one forward pass."""

import numpy as np

from assayd_server.core.arrays import Floats
from assayd_server.core.hashing import uniform


def dropout_logits(
    embeddings: Floats, *, weights: Floats, bias: Floats | None, samples: int, rate: float, seed: int
) -> Floats:
    """Class scores of a linear layer whose inputs are left out at random, a mask for each sample.

    All rows of a sample have the same mask, so that a sample is one model that could be: the disagreement of two
    rows is then no accident of their masks. The masks depend on the seed alone.

    Args:
        embeddings: (n, d).
        weights: (c, d).
        bias: (c,), or None for zero.
        samples: m, 2 or more.
        rate: the share of the d inputs that is left out; what is kept is scaled by 1 / (1 - rate).
        seed: from 0 to 2^64 - 1.

    Returns:
        (m, n, c), the dtype of embeddings.

    Source: Gal and Ghahramani 2016, Dropout as a Bayesian Approximation; masks that all rows share as in Kirsch et
    al. 2019, BatchBALD.
    """
    logits = np.empty((samples, len(embeddings), len(weights)), embeddings.dtype)
    weights = weights.astype(embeddings.dtype, copy=False)
    inputs = np.arange(embeddings.shape[1])
    at_once = max(1, min(samples, len(weights) // max(1, len(embeddings))))
    for start in range(0, samples, at_once):
        some = range(start, min(start + at_once, samples))
        kept = np.stack([uniform(inputs, seed=seed, stream=sample) >= rate for sample in some])
        factors = (kept / (1 - rate)).astype(embeddings.dtype)
        if at_once > 1:  # few rows: several samples of them are fewer than the classes
            masked = (factors[:, None] * embeddings).reshape(-1, embeddings.shape[1])
            logits[start : some.stop] = (masked @ weights.T).reshape(len(some), *logits.shape[1:])
        else:
            np.matmul(embeddings, (weights * factors).T, out=logits[start])
    if bias is not None:
        logits += bias.astype(embeddings.dtype, copy=False)
    return logits
