"""The index of a pool on its way to disk."""

from dataclasses import dataclass, field

from assayd_server.pool_manifest import KindName
from assayd_server.stored_vectors import StoredVectors


@dataclass(frozen=True, slots=True)
class WrittenIndex:
    """What index a pool got."""

    kind: KindName
    why: str
    """The reason for the kind, in a sentence."""
    recall: float
    recall_k: int
    queries_per_second: float
    exact_queries_per_second: float
    parameters: dict[str, str] = field(default_factory=dict)


def write_index(stored: StoredVectors) -> WrittenIndex:
    """None is needed for exact search."""
    return WrittenIndex("flat", "it was asked for", 1.0, min(100, len(stored)), 0.0, 0.0)
