"""The boundaries between pairs of rows of a pool, and the unlabelled rows beside them; some pairs at a time."""

from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np

from assayd_server.boundary_plan import BoundaryPlan
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.boundaries import NO_CLASS, Boundaries, between, boundaries, have_direction
from assayd_server.core.row_uncertainty import uncertainty_of_logits
from assayd_server.core.similarity import Metric
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure
from assayd_server.neighboring import Neighbors
from assayd_server.searching import Searching

_BLOCK_ELEMENTS = 1 << 20
"""Of vectors, or of scores, at a time: four megabytes."""


class NoBoundary(StrEnum):
    """Why a pair has none."""

    SAME_CLASS = "same_class"
    NOT_FINITE = "not_finite"
    NO_DIRECTION = "no_direction"


@dataclass(frozen=True, slots=True)
class BoundaryRows:
    """What was found between m pairs."""

    plan: BoundaryPlan
    boundaries: Boundaries
    without: dict[int, NoBoundary]
    """The pairs that have none, ascending."""
    neighbors: Neighbors
    """Of each boundary."""
    uncertainties: Floats
    """(m, k) float32: the margin measure of each neighbour; NaN where there is none."""


def search_boundaries(plan: BoundaryPlan, searching: Searching) -> BoundaryRows:
    """Find them, in the turn of the calling thread."""
    size = max(1, _BLOCK_ELEMENTS // plan.row_elements)
    points = np.empty((len(plan.first), plan.pool.stored.dimension), np.float32)
    blocks = [slice(start, start + size) for start in range(0, max(1, len(points)), size)]
    found = _joined([_bounded(plan, block, points) for block in blocks])
    without = _without(found, points)
    neighbors = searching.neighbors(plan.model, points, plan.k, excluded=plan.excluded)
    return BoundaryRows(plan, found, without, neighbors, _uncertainties(plan, neighbors, size))


def _bounded(plan: BoundaryPlan, block: slice, points: Floats) -> Boundaries:
    """The boundaries of some pairs; where they are is put among the points, NaN for none."""
    first, second = plan.first[block], plan.second[block]
    found = boundaries(plan.logits(first), plan.logits(second), temperature=plan.scored(first).temperature)
    ends = [plan.pool.stored.original(rows) for rows in (first, second)]
    points[block] = between(ends[0], ends[1], found.positions)
    if plan.pool.stored.metric is Metric.COSINE:
        points[block][~have_direction(points[block], *ends)] = np.nan
    return found


def _joined(parts: list[Boundaries]) -> Boundaries:
    names = [field.name for field in fields(Boundaries)]
    return Boundaries(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _without(found: Boundaries, points: Floats) -> dict[int, NoBoundary]:
    """Why, by position; what such a pair was said to have is taken back."""
    reasons = {}
    for pair in np.flatnonzero(np.isnan(points).any(axis=1)).tolist():
        if found.first_classes[pair] == NO_CLASS:
            reasons[pair] = NoBoundary.NOT_FINITE
        elif found.next_classes[pair] == NO_CLASS:
            reasons[pair] = NoBoundary.SAME_CLASS
        else:
            reasons[pair] = NoBoundary.NO_DIRECTION
    lost = np.array(list(reasons), np.int64)
    found.positions[lost] = found.probabilities[lost] = np.nan
    found.next_classes[lost] = NO_CLASS
    return reasons


def _uncertainties(plan: BoundaryPlan, neighbors: Neighbors, size: int) -> Floats:
    """Of each neighbour; a row that several pairs have found is scored once."""
    there = ~np.isnan(neighbors.nearest.similarities)
    rows, places = np.unique(neighbors.nearest.rows[there], return_inverse=True)
    each = [_margins(plan, rows[start : start + size]) for start in range(0, len(rows), size)]
    found = np.full(there.shape, np.nan, np.float32)
    found[there] = np.concatenate([np.empty(0, np.float32), *each])[places]
    return found


def _margins(plan: BoundaryPlan, rows: Integers) -> Floats:
    temperature = plan.scored(rows).temperature
    return uncertainty_of_logits(
        plan.logits(rows), task=Task.MULTICLASS, temperature=temperature, measure=Measure.MARGIN
    )
