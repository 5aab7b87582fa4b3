"""A number of rows divided over classes as a target distribution says."""

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats

PRIOR_TOLERANCE = 1e-6
"""How far from 1 the sum of a prior may be: single precision stays within it, shares of three digits do not."""
COUNT_MAX = 1 << 32
"""Up to which products of a share and a count are exact enough for their whole parts to add up."""


def quotas_of_prior(prior: Floats, count: int) -> NDArray[np.int64]:
    """How many rows each class may have, by the method of largest remainders: each is less than one row off.

    Args:
        prior: (c,), each in [0, 1], the sum 1 to within PRIOR_TOLERANCE, which is divided out.
        count: from 0 to COUNT_MAX.

    Returns:
        (c,), whose sum is the count; 0 for a class whose share is 0. Of equal remainders the lower class comes
        first.

    Source: Hamilton 1792; Balinski and Young 1982, Fair Representation.
    """
    shares = prior.astype(np.float64)
    exact = shares * (count / shares.sum())
    quotas = np.floor(exact).astype(np.int64)
    remainders = exact - quotas
    quotas[np.argsort(-remainders, kind="stable")[: count - int(quotas.sum())]] += 1
    return quotas
