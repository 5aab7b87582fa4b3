"""The roles that each RPC is for: a caller needs one of them. A test fails for an RPC that is not here."""

from collections.abc import Mapping

from assayd_server.access import Role, Roles

_SCORE, _MONITOR, _LABEL = Role.SCORE, Role.MONITOR, Role.LABEL
_ANY: Roles = frozenset(Role)
"""Contracts, which every client reads before it sends a table, and whether the server is there."""

ROLES: Mapping[str, Roles] = {
    "/assayd.v1.ScoringService/Score": frozenset({_SCORE}),
    "/assayd.v1.ScoringService/GetModel": _ANY,
    "/assayd.v1.ScoringService/ListModels": frozenset({_MONITOR}),
    "/assayd.v1.SelectionService/Rank": frozenset({_SCORE, _LABEL}),
    "/assayd.v1.SelectionService/SelectStream": frozenset({_SCORE, _LABEL}),
    "/assayd.v1.RetrievalService/Search": frozenset({_SCORE, _LABEL}),
    "/assayd.v1.RetrievalService/ExpandCandidates": frozenset({_LABEL}),
    "/assayd.v1.RetrievalService/SelectCandidates": frozenset({_LABEL}),
    "/assayd.v1.RetrievalService/SearchBoundary": frozenset({_LABEL}),
    "/assayd.v1.RetrievalService/GetVectors": frozenset({_LABEL}),
    "/assayd.v1.RetrievalService/GetPool": _ANY,
    "/assayd.v1.MonitoringService/TestDrift": frozenset({_MONITOR}),
    "/assayd.v1.MonitoringService/WatchDrift": frozenset({_MONITOR}),
    "/assayd.v1.MonitoringService/GetReference": frozenset({_MONITOR}),
    "/assayd.v1.LabelingService/AssessLabels": frozenset({_LABEL}),
    "/assayd.v1.LabelingService/Evaluate": frozenset({_LABEL}),
    "/assayd.v1.LabelingService/ProposeLabels": frozenset({_LABEL}),
    "/inference.GRPCInferenceService/ServerLive": _ANY,
    "/inference.GRPCInferenceService/ServerReady": _ANY,
    "/inference.GRPCInferenceService/ModelReady": _ANY,
    "/inference.GRPCInferenceService/ServerMetadata": _ANY,
    "/inference.GRPCInferenceService/ModelMetadata": _ANY,
    "/inference.GRPCInferenceService/ModelInfer": frozenset({_SCORE}),
    "/inference.GRPCInferenceService/RepositoryIndex": frozenset({_MONITOR}),
    "/inference.GRPCInferenceService/ModelStatistics": frozenset({_MONITOR}),
    "/inference.GRPCInferenceService/RepositoryModelLoad": frozenset({_MONITOR}),
    "/inference.GRPCInferenceService/RepositoryModelUnload": frozenset({_MONITOR}),
}
OPEN = ("grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection")
"""Services that ask nobody who calls: probes and load balancers have no credentials, and both show names alone."""


def sentence(roles: Roles) -> str:
    """Such as "the role score or label", in the order of the roles."""
    names = [role.value for role in Role if role in roles]
    return f"the role {' or '.join(names)}" if names else "a role that nobody has"
