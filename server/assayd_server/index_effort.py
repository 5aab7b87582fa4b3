"""How hard an index searches: just hard enough to find what is there, as measured when it is built."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from assayd_server.index_kind import Kind

RECALL_TARGET = 0.98
"""Of the nearest ones, on rows of the pool: what is stored as the pool's recall is about this, or more."""
LITTLE = 0.005
NEIGHBORS = (10, 100)
"""How many are searched for when recall is measured; the lower recall counts."""
COUNT_MIN = 40
"""For fewer neighbours as many are proposed as for these: the first few are where rough distances err most."""
COUNT_MORE = 12
"""Distances of a byte a number err less: proposals are for so many neighbours more than are wanted, with which a
few of them are found about as surely as many.
"""
FETCHES = (1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
_FETCH_MAX = {Kind.IVF: 2.0, Kind.HNSW: 1.5, Kind.LSH: 16.0, Kind.IVFPQ: 16.0}
_WIDTH_MIN = {Kind.IVF: 1, Kind.HNSW: 64, Kind.LSH: 1, Kind.IVFPQ: 1}
_OF_BYTES = (Kind.IVF, Kind.HNSW)
_NAMES = {Kind.HNSW: "visited", Kind.IVF: "probes", Kind.LSH: "probes", Kind.IVFPQ: "probes"}


@dataclass(frozen=True, slots=True)
class Effort:
    """What a search may cost."""

    kind: Kind
    width: int
    """How many cells are searched, or how many rows of a graph are kept in sight."""
    fetch: float
    """How many rows are proposed for each one that is wanted, from 1."""

    @property
    def parameters(self) -> dict[str, str]:
        """As the manifest has them."""
        return {_NAMES[self.kind]: str(self.width), "fetch": str(self.fetch)}

    def width_for(self, count: int) -> int:
        """For more neighbours than it was measured with, as much wider."""
        return math.ceil(self.width * max(1.0, count / (NEIGHBORS[-1] + 1)))

    def proposals_for(self, count: int) -> int:
        """How many rows are proposed where so many neighbours are wanted."""
        return math.ceil(self.fetch * (count + COUNT_MORE if self.kind in _OF_BYTES else max(count, COUNT_MIN)))


def effort_of(kind: Kind, parameters: Mapping[str, str]) -> Effort:
    """What a manifest tells.

    Raises:
        ValueError: a parameter is missing or out of its range.
    """
    effort = Effort(kind, int(parameters[_NAMES[kind]]), float(parameters["fetch"]))
    if effort.width < 1 or not 1 <= effort.fetch <= FETCHES[-1]:
        raise ValueError(f"{_NAMES[kind]} is {effort.width} and fetch is {effort.fetch}, which is out of range")
    return effort


def least_effort(kind: Kind, *, width_max: int, recall_of: Callable[[Effort], float]) -> Effort:
    """The narrowest search that reaches the target, and then the fewest proposals.

    Where none reaches it, as the codes are too rough, the target is what can be reached, less LITTLE.

    Args:
        kind: of the index.
        width_max: no search is wider.
        recall_of: measures an effort.
    """
    fetches = [fetch for fetch in FETCHES if fetch <= _FETCH_MAX[kind]]
    widths = [width for width in _widths(width_max) if width >= min(_WIDTH_MIN[kind], width_max)]
    widest = _least((Effort(kind, width, fetches[-1]) for width in widths), recall_of)
    return _least((Effort(kind, widest.width, fetch) for fetch in fetches), recall_of)


def _widths(width_max: int) -> Iterator[int]:
    """1, 2, 3, 4, 6, 8, 12 and so on, and the largest one at last."""
    yield from (width for power in range(width_max.bit_length()) for width in _between(power) if width < width_max)
    yield width_max


def _between(power: int) -> tuple[int, ...]:
    return (2**power, 3 * 2 ** (power - 1)) if power else (1,)


def _least(efforts: Iterable[Effort], recall_of: Callable[[Effort], float]) -> Effort:
    """The first that reaches the target, or nearly as much as any does."""
    recalls: dict[Effort, float] = {}
    for effort in efforts:
        recalls[effort] = recall_of(effort)
        if recalls[effort] >= RECALL_TARGET:
            return effort
    reachable = max(recalls.values()) - LITTLE
    return next(effort for effort, recall in recalls.items() if recall >= reachable)
