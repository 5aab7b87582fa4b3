"""Requests about pools, from messages to what the engine takes."""

import math

from assayd.v1 import retrieval_pb2, tensor_pb2
from assayd_server.checks import wrong
from assayd_server.errors import InvalidArgumentError
from assayd_server.ranking_wanted import Density, RankWanted
from assayd_server.retrieval_wanted import (
    BoundaryWanted,
    ExpandWanted,
    KnownCandidates,
    PoolChoice,
    PoolNames,
    SearchWanted,
    SelectWanted,
)
from assayd_server.rpc import rank_requests, requests
from assayd_server.rpc.requests import RowLimits
from assayd_server.wanted import ModelChoice, Wanted

_Selected = retrieval_pb2.SelectCandidatesRequest
_InPool = (
    retrieval_pb2.SearchRequest
    | retrieval_pb2.ExpandCandidatesRequest
    | _Selected
    | retrieval_pb2.SearchBoundaryRequest
    | retrieval_pb2.GetVectorsRequest
    | retrieval_pb2.GetPoolRequest
)


def pool(request: _InPool) -> PoolChoice:
    """Which pool is meant.

    Raises:
        InvalidArgumentError: the model's version is negative.
    """
    model = requests.model_choice(request.model) if request.HasField("model") else ModelChoice()
    digest = "" if isinstance(request, retrieval_pb2.GetPoolRequest) else request.pool_digest
    return PoolChoice(model=model, digest=digest)


def search(request: retrieval_pb2.SearchRequest, limits: RowLimits) -> SearchWanted:
    """How to search.

    Raises:
        InvalidArgumentError: a field is not what it may be.
    """
    least = request.similarity_min if request.HasField("similarity_min") else None
    if least is not None and math.isnan(least):
        raise wrong("similarity_min", "is NaN", "NOT_A_SIMILARITY")
    return SearchWanted(
        pool=pool(request),
        k=request.k,
        excluded=_names(request.exclude_ids, "exclude_ids", limits.ids_max, "ids_max")
        if request.HasField("exclude_ids")
        else None,
        similarity_min=least,
    )


def expand(request: retrieval_pb2.ExpandCandidatesRequest | _Selected, limits: RowLimits) -> ExpandWanted:
    """What was labelled.

    Raises:
        InvalidArgumentError: a field is not what it may be.
    """
    new, labeled = (
        _names(getattr(request, field), field, length_max, limit) if request.HasField(field) else None
        for field, length_max, limit in (
            ("new_ids", limits.rows_max, "rows_max"),
            ("labeled_ids", limits.ids_max, "ids_max"),
        )
    )
    return ExpandWanted(pool=pool(request), new=new, labeled=labeled, k=request.k)


def select(request: _Selected, limits: RowLimits) -> SelectWanted:
    """A round.

    Raises:
        InvalidArgumentError: a field is not what it may be.
    """
    if not 0 <= request.random_share <= 1:  # False for NaN
        raise wrong("random_share", f"is {request.random_share:g}, allowed are 0 to 1", "OUT_OF_RANGE")
    return SelectWanted(
        expand=expand(request, limits),
        known=_known(request.candidates, limits) if request.HasField("candidates") else None,
        ranking=_ranking(request, limits),
        random_share=request.random_share,
    )


def boundaries(request: retrieval_pb2.SearchBoundaryRequest, limits: RowLimits) -> BoundaryWanted:
    """Pairs of rows, and what tells their classes.

    Raises:
        InvalidArgumentError: a field is not what it may be.
    """
    labeled = request.labeled_ids if request.HasField("labeled_ids") else None
    return BoundaryWanted(
        pool=pool(request),
        first=_names(request.first_ids, "first_ids", limits.rows_max, "rows_max"),
        second=_names(request.second_ids, "second_ids", limits.rows_max, "rows_max"),
        labeled=None if labeled is None else _names(labeled, "labeled_ids", limits.ids_max, "ids_max"),
        scoring=Wanted(
            head=requests.head(request.head, limits) if request.HasField("head") else None,
            temperature=requests.temperature(request.temperature) if request.HasField("temperature") else None,
        ),
        k=request.k,
    )


def vector_ids(request: retrieval_pb2.GetVectorsRequest, limits: RowLimits) -> PoolNames:
    """Whose vectors are wanted.

    Raises:
        InvalidArgumentError: they are no ids, or too many.
    """
    return _names(request.ids, "ids", limits.rows_max, "rows_max")


def _ranking(request: _Selected, limits: RowLimits) -> RankWanted:
    if not 1 <= request.count <= limits.rows_max:
        raise wrong("count", f"is {request.count}, allowed are 1 to {limits.rows_max}", "COUNT_OUT_OF_RANGE")
    if request.diverse_from and request.diverse_from < request.count:
        message = f"is {request.diverse_from}, allowed are {request.count}, the count, and above"
        raise wrong("diverse_from", message, "CANDIDATES_OUT_OF_RANGE")
    return RankWanted(
        scoring=Wanted(
            model=requests.model_choice(request.model) if request.HasField("model") else None,
            head=requests.head(request.head, limits) if request.HasField("head") else None,
            temperature=requests.temperature(request.temperature) if request.HasField("temperature") else None,
            task=requests.task(request.task),
        ),
        measure=rank_requests.measure("measure", request.measure),
        count=request.count,
        descending=rank_requests.descending(request.order),
        diversity=rank_requests.diversity(request),
        candidates=request.diverse_from,
        density=rank_requests.density(request.density) if request.HasField("density") else Density(),
        seed=request.seed,
    )


def _known(candidates: retrieval_pb2.Candidates, limits: RowLimits) -> KnownCandidates:
    similarities = requests.floats(candidates.similarities, "candidates.similarities")
    if similarities.ndim != 1:
        message = f"is {list(similarities.shape)}, allowed is [m]"
        raise wrong("candidates.similarities.shape", message, "BAD_SHAPE")
    return KnownCandidates(
        ids=_names(candidates.ids, "candidates.ids", limits.ids_max, "ids_max"),
        sources=_names(candidates.sources, "candidates.sources", limits.ids_max, "ids_max"),
        similarities=similarities,
    )


def _names(tensor: tensor_pb2.Tensor, field: str, length_max: int, limit: str) -> PoolNames:
    names = requests.ids(tensor, field)
    if len(names) > length_max:
        message = f"has {len(names)} ids, allowed are {length_max} (setting {limit})"
        if limit == "rows_max":  # callers cut these as they cut rows
            details = {"rows_max": str(length_max)}
            raise InvalidArgumentError(message, reason="TOO_MANY_ROWS", field=field, details=details)
        raise wrong(field, message, "TOO_MANY_IDS")
    return names
