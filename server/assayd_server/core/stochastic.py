"""The most uncertain rows, with a little chance: so that a batch does not hold the same row many times over.

To each row's ln s a Gumbel draw is added; the b largest keys are the batch. That draws b rows without replacement
with chances proportional to s^beta, which Kirsch et al. call power acquisition. A row's key depends on its id, its
score and the seed alone: so keys of shards merge exactly, in any order.

Source: Kirsch et al. 2023, Stochastic Batch Acquisition: A Simple Baseline for Deep Active Learning; Kool, van
Hoof and Welling 2019, Stochastic Beams and Where to Find Them (for the Gumbel top-k).
"""

import numpy as np

from assayd_server.core.arrays import Floats, Hashes
from assayd_server.core.draws import exponentials


def gumbel_keys(scores: Floats, ids: Hashes, *, seed: int, beta: float) -> Floats:
    """ln s + G / beta, with a Gumbel draw G for each id.

    Args:
        scores: (n,), from 0, of any scale; NaN stays NaN.
        ids: (n,) uint64, as of hashing.id_hash.
        seed: any integer; another one gives another batch.
        beta: above 0. Small is nearly chance alone, 1 draws in proportion to s, inf is the plain order of s.

    Returns:
        (n,) float64; -inf where s is 0.
    """
    with np.errstate(divide="ignore"):  # ln 0 = -inf: no chance at all
        return np.log(scores.astype(np.float64)) - np.log(exponentials(ids, seed=seed)) / beta
