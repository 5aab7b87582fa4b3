"""Rows whose labels, taken together, would tell most about which member of a committee is right.

BALD asks each row by itself, so a batch of it repeats one question. Here each next row has the largest I(y; w |
Y), which is what its label y would tell about the member w once the labels Y of the rows chosen before are
known, in the mean over all that these could be. A batch chosen so tells at least 1 - 1/e of what the best one
would. It cannot tell more than ln m: when that is reached, the rest of the batch is of the largest BALD.

The c^b configurations of the labels of b rows are all gone through while they are few, which is exact; then some
are drawn. What a row tells is never more than its BALD: rows whose BALD falls short of the best so far are
passed over.

Source: Kirsch, van Amersfoort and Gal 2019, BatchBALD: Efficient and Diverse Batch Acquisition for Deep Bayesian
Active Learning.
"""

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.blocks import blocks
from assayd_server.core.configurations import Configurations, drawn, extended, nothing_known
from assayd_server.core.entropies import entropies, logarithms
from assayd_server.core.validity import scorable_members

_TIE = 1e-6
"""In nats; more than rounding can put between equal rows."""


def batch_bald(probabilities: Floats, count: int, *, seed: int, samples_max: int) -> Integers:
    """Positions of rows in the order in which they are chosen.

    Takes up to O(count samples_max m n c) time; the memory beside the probabilities is O(n + samples_max m).

    Args:
        probabilities: (m, n, c), m >= 2. A row that any member spoils (see committee_uncertainty) is never chosen.
        count: how many, 0 to n.
        seed: any integer; of consequence where configurations are drawn.
        samples_max: how many configurations, above 0: all while c^b is within it, then as many drawn ones.

    Returns:
        (k,) int64, without repetition; k = count unless fewer rows can be chosen. Ties go to the row of the larger
        BALD, then to the lower position.
    """
    known = nothing_known(len(probabilities))
    candidates, bounds = _by_bald(known, probabilities)
    positions = np.empty(min(count, len(candidates)), np.int64)
    for step in range(len(positions)):
        best = _best(known, probabilities, candidates, bounds=bounds)
        positions[step] = candidates[best]
        row = probabilities[:, candidates[best]].astype(np.float64)
        candidates, bounds = np.delete(candidates, best), np.delete(bounds, best)
        if len(known.chances) * row.shape[1] <= samples_max:
            known = extended(known, row)
        else:
            known = drawn(known, row, count=samples_max, seed=seed, step=step)
    return positions


def _by_bald(nothing: Configurations, probabilities: Floats) -> tuple[Integers, Floats]:
    """Positions of the rows that can be chosen, and their BALD, the largest first."""
    candidates = _scorable(probabilities)
    informations = _gains(nothing, probabilities, candidates, bounds=np.full(len(candidates), np.inf))
    order = np.argsort(-informations, kind="stable")
    return candidates[order], informations[order]


def _scorable(probabilities: Floats) -> Integers:
    """Positions of the rows that can be chosen."""
    member_count, row_count, class_count = probabilities.shape
    scorable = np.empty(row_count, np.bool_)
    for part in blocks(row_count, member_count * class_count):
        scorable[part] = scorable_members(probabilities[:, part])
    return np.flatnonzero(scorable)


def _best(known: Configurations, probabilities: Floats, candidates: Integers, *, bounds: Floats) -> int:
    """Which of the candidates tells most."""
    gains = _gains(known, probabilities, candidates, bounds=bounds)
    tied = np.flatnonzero(gains >= gains.max() - _TIE)
    tied = tied[bounds[tied] >= bounds[tied].max() - _TIE]
    return int(tied[candidates[tied].argmin()])


def _gains(known: Configurations, probabilities: Floats, candidates: Integers, *, bounds: Floats) -> Floats:
    """I(y; w | Y) of each candidate, in nats; -inf where its bound shows that another tells more."""
    gains = np.full(len(candidates), -np.inf)
    member_count, _, class_count = probabilities.shape
    for part in blocks(len(candidates), max(len(known.chances), member_count) * class_count):
        if bounds[part.start] < gains.max() - _TIE:
            break
        gains[part] = _gains_of_block(known, probabilities[:, candidates[part]].astype(known.members.dtype))
    return gains


def _gains_of_block(known: Configurations, rows: Floats) -> Floats:
    """H(y | Y) - H(y | w, Y), where y depends on Y through w alone.

    The members are weighted as the configurations at hand have it, which evens out what chance does to both.
    """
    member_count, row_count, class_count = rows.shape
    predicted = known.members @ rows.reshape(member_count, -1)
    terms = logarithms(predicted)
    terms *= predicted
    given_labels = -(known.chances @ terms).reshape(row_count, class_count).sum(axis=1)
    given_member = (known.chances @ known.members) @ entropies(rows)
    return given_labels - given_member
