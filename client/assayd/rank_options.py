"""Ranking requests, from what callers pass in."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from assayd.arrays import as_floats
from assayd.errors import InvalidArgumentError
from assayd.rank_rows import beside_tensor
from assayd.requests import MEASURES as ROW_MEASURES
from assayd.requests import TASKS, ModelOptions, head_message, lane_of, one_of, selector
from assayd.v1 import scoring_pb2, selection_pb2

MEASURES: dict[str, scoring_pb2.UncertaintyMeasure] = {
    **ROW_MEASURES,
    "information_density": scoring_pb2.UNCERTAINTY_MEASURE_INFORMATION_DENSITY,
    "vote_entropy": scoring_pb2.UNCERTAINTY_MEASURE_VOTE_ENTROPY,
    "consensus_entropy": scoring_pb2.UNCERTAINTY_MEASURE_CONSENSUS_ENTROPY,
    "variation_ratio": scoring_pb2.UNCERTAINTY_MEASURE_VARIATION_RATIO,
    "mean_kl": scoring_pb2.UNCERTAINTY_MEASURE_MEAN_KL,
    "expected_entropy": scoring_pb2.UNCERTAINTY_MEASURE_EXPECTED_ENTROPY,
    "max_kl": scoring_pb2.UNCERTAINTY_MEASURE_MAX_KL,
    "variance": scoring_pb2.UNCERTAINTY_MEASURE_VARIANCE,
}
ORDERS: dict[str, selection_pb2.Order] = {
    "descending": selection_pb2.ORDER_DESCENDING,
    "ascending": selection_pb2.ORDER_ASCENDING,
}
DIVERSITIES = ("stochastic", "k_center", "badge", "cluster_margin", "batch_bald")
CANDIDATES_FACTOR = 10
INT32_MAX = 2**31 - 1


class RankOptions(ModelOptions, total=False):
    """What to rank by and how to choose: the keywords of Client.rank and its kin."""

    measure: str
    """Required: least_confidence, margin, ratio, entropy, max_entropy or information_density; multilabel_max or
    multilabel_mean; of a committee vote_entropy, consensus_entropy, variation_ratio, mean_kl (BALD),
    expected_entropy, max_kl, or variance (regression)."""
    count: int
    """Required: how many rows to choose, 1 or more."""
    order: str
    """descending (default), or ascending: the least uncertain first, as for a curriculum."""
    diversity: str | None
    """stochastic, k_center, badge, cluster_margin or batch_bald; default none."""
    beta: float | None
    """Of stochastic: 1e-6 to 1e6, default 1; the larger, the nearer to no diversity."""
    bits: int
    """Of cluster_margin: clusters are the buckets of so many random hyperplanes, 1 to 20, default 8."""
    samples: int
    """Of batch_bald: outcomes that are drawn where there are too many to count, 10 to 100,000, default 10,000."""
    candidates: int
    """From how many of the first rows a diverse batch is chosen, count or more; default 10 times count."""
    committee: Sequence[str | tuple[str, int]] | None
    """Models that give an opinion each: names, or (name, version)."""
    dropout: int
    """In place of that, how many samples of the model's last layer, 2 to 1000."""
    dropout_rate: float
    """The share that a sample leaves out, above 0 and below 1; default 0.5."""
    direction: object
    """Of information_density: (d,) the mean direction of a pool; default that of the batch."""
    density_beta: float | None
    """Of information_density: the exponent, 0 to 100, default 1."""
    density_base: str
    """Of information_density: the measure that is weighted, default entropy."""
    offset: int
    """The position of the first row in a pool that is ranked in shards: added to all positions; default 0."""
    seed: int
    """Of all randomness, 0 to 2^64 - 1; default 0."""
    lane: str
    """online or bulk: where calls wait for their turn at the model. Default online; in rank_stream bulk."""


def rank_request(
    *,
    measure: str,
    count: int,
    order: str = "descending",
    diversity: str | None = None,
    beta: float | None = None,
    bits: int = 0,
    samples: int = 0,
    candidates: int = 0,
    committee: Sequence[str | tuple[str, int]] | None = None,
    dropout: int = 0,
    dropout_rate: float = 0.0,
    direction: object = None,
    density_beta: float | None = None,
    density_base: str = "entropy",
    offset: int = 0,
    seed: int = 0,
    lane: str = "online",
    temperature: float | None = None,
    head: Sequence[object] | None = None,
    task: str | None = None,
    model: str = "",
    version: int = 0,
) -> selection_pb2.RankRequest:
    """Everything but the rows; the arguments are those of RankOptions.

    Raises:
        InvalidArgumentError: a name is unknown, or a number is out of range.
    """
    for field, value in (("count", count), ("candidates", candidates), ("bits", bits), ("samples", samples)):
        check_whole(field, value, lowest=1 if field == "count" else 0)
    check_whole("offset", offset, lowest=0, highest=2**62)
    check_whole("seed", seed, lowest=0, highest=2**64 - 1)
    return selection_pb2.RankRequest(
        model=selector(model, version),
        lane=lane_of(lane),
        head=None if head is None else head_message(head),
        task=None if task is None else one_of(TASKS, task, "task"),
        temperature=temperature,
        committee=_committee(committee, dropout, dropout_rate),
        measure=one_of(MEASURES, measure, "measure"),
        density=density_of(measure, direction, density_beta, density_base),
        count=count,
        order=one_of(ORDERS, order, "order"),
        candidates=candidates,
        offset=offset,
        seed=seed,
        **diversity_fields(diversity, beta=beta, bits=bits, samples=samples),
    )


def check_whole(field: str, value: Any, *, lowest: int, highest: int = INT32_MAX) -> None:
    """Refuse what is not a whole number in a range.

    Raises:
        InvalidArgumentError: names the field.
    """
    if not isinstance(value, int | np.integer) or not lowest <= value <= highest:
        raise InvalidArgumentError(f"{field}: is {value}, allowed are whole numbers from {lowest} on", field=field)


def diversity_fields(
    diversity: str | None,
    *,
    beta: float | None,
    bits: int,
    samples: int = 0,
    allowed: Sequence[str] = DIVERSITIES,
) -> dict[str, Any]:
    """The field of a request that says how the chosen rows are kept from repeating each other, if any.

    Raises:
        InvalidArgumentError: it is none of those that are allowed.
    """
    if diversity is None:
        return {}
    messages: dict[str, Any] = {
        "stochastic": selection_pb2.Stochastic(beta=beta),
        "k_center": selection_pb2.KCenter(),
        "badge": selection_pb2.Badge(),
        "cluster_margin": selection_pb2.ClusterMargin(bits=bits),
        "batch_bald": selection_pb2.BatchBald(samples=samples),
    }
    message = one_of({name: messages[name] for name in allowed}, diversity, "diversity")
    return {diversity: message}


def _committee(
    models: Sequence[str | tuple[str, int]] | None, dropout: int, rate: float
) -> selection_pb2.CommitteeSource | None:
    if models is not None and dropout:
        raise InvalidArgumentError("committee: give either committee or dropout, not both", field="committee")
    if dropout:
        check_whole("dropout", dropout, lowest=2, highest=1000)
        return selection_pb2.CommitteeSource(dropout=selection_pb2.Dropout(samples=dropout, rate=rate))
    if models is None:
        return None
    if isinstance(models, str):
        raise InvalidArgumentError("committee: is one name, allowed are a list of two or more", field="committee")
    named = [(each, 0) if isinstance(each, str) else each for each in models]
    selectors = [selector(name, version) for name, version in named]
    members = selection_pb2.CommitteeModels(models=[each for each in selectors if each is not None])
    return selection_pb2.CommitteeSource(models=members)


def density_of(measure: str, direction: object, beta: float | None, base: str) -> selection_pb2.Density | None:
    """How uncertainty is weighted by density, where it is; the arguments are those of RankOptions.

    Raises:
        InvalidArgumentError: the direction is no array, or the base unknown.
    """
    if measure != "information_density":
        return None
    return selection_pb2.Density(
        direction=None if direction is None else beside_tensor("direction", as_floats(direction)),
        beta=beta,
        base=one_of(MEASURES, base, "density_base"),
    )
