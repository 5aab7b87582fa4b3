"""Requests for a round of labelling, from what callers pass in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assayd.candidates import Candidates, candidates_message, checked_candidates, no_candidates
from assayd.errors import InvalidArgumentError
from assayd.ids import check_alike, id_array, id_tensor, joined_ids
from assayd.rank_options import ORDERS, check_whole, density_of, diversity_fields
from assayd.requests import MEASURES as ROW_MEASURES
from assayd.requests import TASKS, HeadOptions, head_message, one_of, selector
from assayd.search_options import PoolOptions, checked_k
from assayd.v1 import retrieval_pb2, scoring_pb2

MEASURES: dict[str, scoring_pb2.UncertaintyMeasure] = {
    **ROW_MEASURES,
    "information_density": scoring_pb2.UNCERTAINTY_MEASURE_INFORMATION_DENSITY,
}
DIVERSITIES = ("stochastic", "k_center", "badge", "cluster_margin")


class CandidateOptions(HeadOptions, PoolOptions, total=False):
    """How to choose from the candidates: the keywords of Client.select_candidates."""

    count: int
    """Required: how many rows to choose, 1 or more."""
    k: int
    """How many neighbours of each new row become candidates, 1 or more; default 100, or all where that is less."""
    measure: str
    """max_entropy (default), least_confidence, margin, ratio, entropy or information_density; multilabel_max or
    multilabel_mean."""
    order: str
    """descending (default), or ascending: the least uncertain first."""
    diversity: str | None
    """stochastic, k_center, badge or cluster_margin; default none."""
    beta: float | None
    """Of stochastic: 1e-6 to 1e6, default 1; the larger, the nearer to no diversity."""
    bits: int
    """Of cluster_margin, where the pool's index has no cells: clusters are the buckets of so many random
    hyperplanes, 1 to 20, default 8."""
    diverse_from: int
    """From how many of the first candidates a diverse batch is chosen; default 10 times count."""
    random_share: float
    """The share of the batch, 0 (default) to 1, that is drawn from all unlabelled rows of the pool by chance."""
    direction: object
    """Of information_density: (d,) a mean direction; default that of the pool's rows that are not labelled."""
    density_beta: float | None
    """Of information_density: the exponent, 0 to 100, default 1."""
    density_base: str
    """Of information_density: the measure that is weighted, default entropy."""
    seed: int
    """Of all randomness, 0 to 2^64 - 1; default 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelingState:
    """What has been labelled, and what may be, as the caller has it."""

    new_ids: object
    """(b,), or None: labelled since the last round."""
    labeled_ids: object
    """(l,): all that is labelled."""
    candidates: Candidates | None
    """Of the rounds before."""


def candidates_request(
    state: LabelingState,
    *,
    count: int,
    k: int | None = None,
    measure: str = "max_entropy",
    order: str = "descending",
    diversity: str | None = None,
    beta: float | None = None,
    bits: int = 0,
    diverse_from: int = 0,
    random_share: float = 0.0,
    direction: object = None,
    density_beta: float | None = None,
    density_base: str = "entropy",
    seed: int = 0,
    temperature: float | None = None,
    head: Sequence[object] | None = None,
    task: str | None = None,
    pool_digest: str = "",
    model: str = "",
    version: int = 0,
) -> retrieval_pb2.SelectCandidatesRequest:
    """A whole round; the keywords are those of CandidateOptions.

    Raises:
        InvalidArgumentError: a name is unknown, a number is out of range, or ids do not fit together.
    """
    check_whole("count", count, lowest=1)
    check_whole("diverse_from", diverse_from, lowest=0)
    check_whole("bits", bits, lowest=0)
    check_whole("seed", seed, lowest=0, highest=2**64 - 1)
    if not 0 <= random_share <= 1:  # False for NaN
        raise InvalidArgumentError(f"random_share: is {random_share}, allowed are 0 to 1", field="random_share")
    known = no_candidates() if state.candidates is None else checked_candidates(state.candidates)
    return retrieval_pb2.SelectCandidatesRequest(
        model=selector(model, version),
        pool_digest=pool_digest or known.pool_digest,
        **_sets(state, known),
        k=checked_k(k),
        head=None if head is None else head_message(head),
        task=None if task is None else one_of(TASKS, task, "task"),
        temperature=temperature,
        measure=one_of(MEASURES, measure, "measure"),
        density=density_of(measure, direction, density_beta, density_base),
        count=count,
        order=one_of(ORDERS, order, "order"),
        **diversity_fields(diversity, beta=beta, bits=bits, allowed=DIVERSITIES),
        diverse_from=diverse_from,
        random_share=random_share,
        seed=seed,
    )


def _sets(state: LabelingState, candidates: Candidates) -> dict[str, Any]:
    """The fields that hold ids."""
    new = id_array(() if state.new_ids is None else state.new_ids, "new_ids")
    labeled = id_array(state.labeled_ids, "labeled_ids")
    check_alike("labeled_ids", labeled, "new_ids", new)
    check_alike("candidates", candidates.ids, "labeled_ids", joined_ids(labeled, new))
    return {
        "new_ids": id_tensor(np.unique(new), "new_ids"),
        "labeled_ids": id_tensor(labeled, "labeled_ids"),
        "candidates": candidates_message(candidates),
    }
