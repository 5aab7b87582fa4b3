"""assayd: scores rows of data over gRPC, says how unsure the model is of each, and which are worth a label.

    from assayd import Client

    with Client("localhost:50051") as client:
        scores = client.score(x, uncertainties=["entropy"])

Names load when they are first used, so that importing `assayd.v1` alone stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assayd.async_client import AsyncClient
    from assayd.boundaries import Boundaries
    from assayd.boundary_options import BoundaryOptions
    from assayd.candidate_options import CandidateOptions
    from assayd.candidates import Candidates, CandidateSelection
    from assayd.channel import ChannelSettings
    from assayd.client import Client
    from assayd.decisions import Decisions
    from assayd.drift_options import DriftOptions
    from assayd.drift_report import ColumnDrift, DriftReport
    from assayd.errors import (
        AssaydError,
        CallCancelledError,
        DeadlineExceededError,
        FailedPreconditionError,
        InternalError,
        InvalidArgumentError,
        NotFoundError,
        PermissionDeniedError,
        ResourceExhaustedError,
        UnauthenticatedError,
        UnavailableError,
        UnimplementedError,
    )
    from assayd.identity import ModelIdentity
    from assayd.label_options import AssessOptions, EvaluateOptions
    from assayd.label_proposals import LabelProposals
    from assayd.label_results import Evaluation, LabelAssessment
    from assayd.label_sums import LabelSums
    from assayd.neighbors import Neighbors
    from assayd.novelty import Novelty
    from assayd.pools import PoolInfo
    from assayd.proposal_options import ProposeOptions
    from assayd.rank_options import RankOptions
    from assayd.rankings import Ranking, merge_rankings
    from assayd.references import ReferenceColumn, ReferenceInfo
    from assayd.requests import ScoreOptions
    from assayd.results import FailedModel, ModelInfo, ModelList, Scores, TensorSpec, TopClasses
    from assayd.search_options import ExpandOptions, PoolOptions, SearchOptions
    from assayd.select_options import SelectOptions
    from assayd.tls import Tls
    from assayd.watch_options import WatchOptions
    from assayd.watch_report import Change, WatchReport, WindowDrift

__version__ = "0.1.0"

_MODULES = (
    "assayd.errors",
    "assayd.identity",
    "assayd.results",
    "assayd.requests",
    "assayd.decisions",
    "assayd.rank_options",
    "assayd.rankings",
    "assayd.select_options",
    "assayd.label_options",
    "assayd.label_results",
    "assayd.label_sums",
    "assayd.label_proposals",
    "assayd.proposal_options",
    "assayd.neighbors",
    "assayd.boundaries",
    "assayd.boundary_options",
    "assayd.candidates",
    "assayd.pools",
    "assayd.search_options",
    "assayd.novelty",
    "assayd.drift_options",
    "assayd.drift_report",
    "assayd.references",
    "assayd.watch_options",
    "assayd.watch_report",
    "assayd.candidate_options",
    "assayd.tls",
    "assayd.channel",
    "assayd.client",
    "assayd.async_client",
)

__all__ = [
    "AssaydError",
    "AssessOptions",
    "AsyncClient",
    "Boundaries",
    "BoundaryOptions",
    "CallCancelledError",
    "CandidateOptions",
    "CandidateSelection",
    "Candidates",
    "Change",
    "ChannelSettings",
    "Client",
    "ColumnDrift",
    "DeadlineExceededError",
    "Decisions",
    "DriftOptions",
    "DriftReport",
    "EvaluateOptions",
    "Evaluation",
    "ExpandOptions",
    "FailedModel",
    "FailedPreconditionError",
    "InternalError",
    "InvalidArgumentError",
    "LabelAssessment",
    "LabelProposals",
    "LabelSums",
    "ModelIdentity",
    "ModelInfo",
    "ModelList",
    "Neighbors",
    "NotFoundError",
    "Novelty",
    "PermissionDeniedError",
    "PoolInfo",
    "PoolOptions",
    "ProposeOptions",
    "RankOptions",
    "Ranking",
    "ReferenceColumn",
    "ReferenceInfo",
    "ResourceExhaustedError",
    "ScoreOptions",
    "Scores",
    "SearchOptions",
    "SelectOptions",
    "TensorSpec",
    "Tls",
    "TopClasses",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
    "WatchOptions",
    "WatchReport",
    "WindowDrift",
    "merge_rankings",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in map(import_module, _MODULES):
            if hasattr(module, name):
                globals()[name] = value = getattr(module, name)
                return value
    raise AttributeError(f"module 'assayd' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
