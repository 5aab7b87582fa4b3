"""How much the members of a committee disagree: six measures in [0, 1], where 1 is most uncertain.

Every function takes the members' probabilities (m, n, c), float32 or float64, rows sum to 1, m >= 2, c >= 2, and
returns (n,) in [0, 1]; the order of members and of classes does not matter.
"""

import math

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.entropies import entropies, logarithms, sums


def vote_entropy(probabilities: Floats) -> Floats:
    """Entropy of the members' votes, each for its most probable class (ties: the lower), over ln min(m, c).

    1 where the votes are spread evenly over c classes, or each has one of its own.

    Source: Dagan and Engelson 1995, Committee-Based Sampling for Training Probabilistic Classifiers.
    """
    member_count, _, class_count = probabilities.shape
    shares = _votes(probabilities) / member_count
    return _clipped(entropies(shares) / math.log(min(member_count, class_count)))


def variation_ratio(probabilities: Floats) -> Floats:
    """1 less the largest share of the votes: at most 1 - ceil(m / c) / m, which is 1 - 1/m where m <= c.

    Source: Freeman 1965, Elementary Applied Statistics.
    """
    return 1 - _votes(probabilities).max(axis=1) / len(probabilities)


def consensus_entropy(probabilities: Floats) -> Floats:
    """Entropy of the mean of the members' probabilities, over ln c: all of the uncertainty.

    Source: Settles 2009, Active Learning Literature Survey (soft vote entropy).
    """
    return _clipped(entropies(probabilities.mean(axis=0)) / math.log(probabilities.shape[2]))


def expected_entropy(probabilities: Floats) -> Floats:
    """The mean of the members' entropies, over ln c: the uncertainty that they agree upon, called aleatoric.

    Source: Depeweg et al. 2018, Decomposition of Uncertainty in Bayesian Deep Learning.
    """
    return _clipped(entropies(probabilities).mean(axis=0) / math.log(probabilities.shape[2]))


def mean_kl(probabilities: Floats) -> Floats:
    """The mean of KL(p_m || mean p), over ln min(m, c): the uncertainty that the members disagree upon.

    It equals H(mean p) - mean H(p_m), which is BALD, the mutual information of class and member, called epistemic.
    1 where each member is certain, and the members are spread evenly over c classes, or each has one of its own.

    Source: McCallum and Nigam 1998, Employing EM and Pool-Based Active Learning for Text Classification; Houlsby
    et al. 2011, Bayesian Active Learning for Classification and Preference Learning.
    """
    information = entropies(probabilities.mean(axis=0)) - entropies(probabilities).mean(axis=0)
    return _clipped(information / math.log(min(len(probabilities), probabilities.shape[2])))


def max_kl(probabilities: Floats) -> Floats:
    """The largest KL(p_m || mean p), over its bound ln m (mean p >= p_m / m), whatever c: one dissenter is enough.

    1 where a member is certain of a class that no other gives any chance.

    Source: Danka and Horvath 2018, modAL: A modular active learning framework for Python (max disagreement).
    """
    mean = probabilities.mean(axis=0)
    terms = logarithms(probabilities)
    terms -= logarithms(mean)
    terms *= probabilities
    return _clipped(sums(terms).max(axis=0) / math.log(len(probabilities)))


def _votes(probabilities: Floats) -> Integers:
    """(n, c): how many members vote for each class."""
    _, row_count, class_count = probabilities.shape
    flat = probabilities.argmax(axis=2) + class_count * np.arange(row_count)
    return np.bincount(flat.ravel(), minlength=row_count * class_count).reshape(row_count, class_count)


def _clipped(values: Floats) -> Floats:
    """Rounding can leave [0, 1] by a few units in the last place."""
    return np.clip(values, 0, 1)
