"""Ranking requests, from messages to what the engine takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from assayd.v1 import retrieval_pb2, scoring_pb2, selection_pb2, tensor_pb2
from assayd_server.checks import wrong
from assayd_server.core.committee import CommitteeMeasure
from assayd_server.core.uncertainty import Measure
from assayd_server.ranking_wanted import (
    Badge,
    BatchBald,
    ClusterMargin,
    CommitteeSource,
    Density,
    Diversity,
    Dropout,
    Ids,
    KCenter,
    RankWanted,
    Stochastic,
    named,
)
from assayd_server.rpc import enums, requests
from assayd_server.rpc.requests import RowLimits
from assayd_server.wanted import Wanted

MEMBERS_MAX = 64
_DESCENDING = {
    selection_pb2.ORDER_UNSPECIFIED: True,
    selection_pb2.ORDER_DESCENDING: True,
    selection_pb2.ORDER_ASCENDING: False,
}
_BETA_MIN, _BETA_MAX = 1e-6, 1e6
_DENSITY_BETA_MAX = 100.0
_OFFSET_MAX = 2**62
"""Positions behind it are int64 too."""

_OF_COMMITTEES: Mapping[scoring_pb2.UncertaintyMeasure, Measure | CommitteeMeasure] = {
    scoring_pb2.UNCERTAINTY_MEASURE_INFORMATION_DENSITY: Measure.INFORMATION_DENSITY,
    scoring_pb2.UNCERTAINTY_MEASURE_VOTE_ENTROPY: CommitteeMeasure.VOTE_ENTROPY,
    scoring_pb2.UNCERTAINTY_MEASURE_CONSENSUS_ENTROPY: CommitteeMeasure.CONSENSUS_ENTROPY,
    scoring_pb2.UNCERTAINTY_MEASURE_VARIATION_RATIO: CommitteeMeasure.VARIATION_RATIO,
    scoring_pb2.UNCERTAINTY_MEASURE_MEAN_KL: CommitteeMeasure.MEAN_KL,
    scoring_pb2.UNCERTAINTY_MEASURE_EXPECTED_ENTROPY: CommitteeMeasure.EXPECTED_ENTROPY,
    scoring_pb2.UNCERTAINTY_MEASURE_MAX_KL: CommitteeMeasure.MAX_KL,
    scoring_pb2.UNCERTAINTY_MEASURE_VARIANCE: CommitteeMeasure.VARIANCE,
}
MEASURES: Mapping[scoring_pb2.UncertaintyMeasure, Measure | CommitteeMeasure] = {
    **enums.MEASURES,
    **_OF_COMMITTEES,
}


def wanted(request: selection_pb2.RankRequest, limits: RowLimits) -> RankWanted:
    """What a rank request asks for, besides its rows.

    Raises:
        InvalidArgumentError: a field is not what it may be.
    """
    if not 0 <= request.offset <= _OFFSET_MAX:
        message = f"is {request.offset}, allowed are 0 to {_OFFSET_MAX}"
        raise wrong("offset", message, "OFFSET_OUT_OF_RANGE")
    if request.candidates < 0:
        raise wrong("candidates", f"is {request.candidates}, allowed are 0 and above", "CANDIDATES_OUT_OF_RANGE")
    return RankWanted(
        scoring=Wanted(
            model=requests.model_choice(request.model) if request.HasField("model") else None,
            head=requests.head(request.head, limits) if request.HasField("head") else None,
            temperature=requests.temperature(request.temperature) if request.HasField("temperature") else None,
            task=requests.task(request.task),
        ),
        measure=measure("measure", request.measure),
        count=request.count,
        descending=descending(request.order),
        diversity=diversity(request),
        candidates=request.candidates,
        committee=_committee(request.committee) if request.HasField("committee") else None,
        density=density(request.density) if request.HasField("density") else Density(),
        ids=ids(request.ids) if request.HasField("ids") else None,
        embeddings=_embeddings(request.embeddings) if request.HasField("embeddings") else None,
        offset=request.offset,
        seed=request.seed,
        part=request.part,
    )


def descending(order: selection_pb2.Order) -> bool:
    """Whether the most uncertain rows come first.

    Raises:
        InvalidArgumentError: it is neither the one nor the other.
    """
    return enums.meant("order", order, _DESCENDING, selection_pb2.Order)


def measure(field: str, number: scoring_pb2.UncertaintyMeasure) -> Measure | CommitteeMeasure:
    """What rows are ranked by.

    Raises:
        InvalidArgumentError: it is not given or not known.
    """
    return enums.meant(field, number, MEASURES, scoring_pb2.UncertaintyMeasure)


def ids(tensor: tensor_pb2.Tensor) -> Ids:
    """Names of rows.

    Raises:
        InvalidArgumentError: they are not one for each row, of int64 or text.
    """
    return named(requests.ids(tensor, "ids"))


def diversity(request: selection_pb2.RankRequest | retrieval_pb2.SelectCandidatesRequest) -> Diversity | None:
    """How the rows of a batch are kept from repeating each other.

    Raises:
        InvalidArgumentError: a parameter is out of its range.
    """
    kind = request.WhichOneof("diversity")
    if kind == "stochastic":
        given = request.stochastic.HasField("beta")
        return Stochastic(_beta(request.stochastic.beta) if given else 1.0)
    if kind == "cluster_margin":
        return ClusterMargin(_whole("cluster_margin.bits", request.cluster_margin.bits or 8, 1, 20))
    if isinstance(request, selection_pb2.RankRequest) and kind == "batch_bald":
        return BatchBald(_whole("batch_bald.samples", request.batch_bald.samples or 10_000, 10, 100_000))
    if kind == "badge":
        return Badge()
    return KCenter() if kind else None


def _committee(source: selection_pb2.CommitteeSource) -> CommitteeSource:
    kind = source.WhichOneof("source")
    if kind is None:
        raise wrong("committee", "is empty: give models or dropout", "COMMITTEE_MISSING")
    if kind == "models":
        models = source.models.models
        if not 2 <= len(models) <= MEMBERS_MAX:
            message = f"has {len(models)} models, allowed are 2 to {MEMBERS_MAX}"
            raise wrong("committee.models.models", message, "BAD_COMMITTEE")
        return tuple(map(requests.model_choice, models))
    dropout = source.dropout
    rate = dropout.rate or 0.5
    if not 0 < rate < 1:
        raise wrong("committee.dropout.rate", f"is {rate:g}, allowed are above 0 and below 1", "BAD_COMMITTEE")
    return Dropout(_whole("committee.dropout.samples", dropout.samples or 20, 2, 1000), rate)


def density(message: selection_pb2.Density) -> Density:
    """How uncertainty is weighted by density.

    Raises:
        InvalidArgumentError: a parameter is out of its range.
    """
    direction = requests.floats(message.direction, "density.direction") if message.HasField("direction") else None
    if direction is not None and (direction.ndim != 1 or not np.isfinite(direction).all()):
        came = f"is {list(direction.shape)}, allowed is [d] of finite numbers"
        raise wrong("density.direction.shape", came, "BAD_SHAPE")
    beta = message.beta if message.HasField("beta") else 1.0
    if not 0 <= beta <= _DENSITY_BETA_MAX:
        came = f"is {beta:g}, allowed are 0 to {_DENSITY_BETA_MAX:g}"
        raise wrong("density.beta", came, "BETA_OUT_OF_RANGE")
    base = measure("density.base", message.base or scoring_pb2.UNCERTAINTY_MEASURE_ENTROPY)
    return Density(direction, beta, base)


def _embeddings(tensor: tensor_pb2.Tensor) -> Any:
    return requests.matrix(tensor, "embeddings", columns_min=1)


def _beta(value: float) -> float:
    if not _BETA_MIN <= value <= _BETA_MAX:
        message = f"is {value:g}, allowed are {_BETA_MIN:g} to {_BETA_MAX:g}"
        raise wrong("stochastic.beta", message, "BETA_OUT_OF_RANGE")
    return value


def _whole(field: str, value: int, lowest: int, highest: int) -> int:
    if not lowest <= value <= highest:
        raise wrong(field, f"is {value}, allowed are {lowest} to {highest}", "OUT_OF_RANGE")
    return value
