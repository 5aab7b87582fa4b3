"""Search beside Faiss in process, for pools of several kinds and sizes: benchmarks/search_rate.py, shorter."""

from collections.abc import Iterator

from benchmarks.rare_concepts import clusters
from benchmarks.search_rate import BARE, BATCH, FETCHED, QUERIES, RERANKED, SERVED, measured
from benchmarks.serving.field import Field
from benchmarks.serving.measured import CALLS, Comparison, Measured, Rounds

_POOL = "overlapping clusters"


def search(field: Field) -> Iterator[Measured]:
    """Search in batches of 64, 6 in flight, in the largest pool by each kind of index."""
    size = field.plan.pool_sizes[-1]
    for kind in field.plan.pool_kinds:
        comparisons = [
            Comparison(SERVED, BARE, asked=0.85, stretch=0.95),
            Comparison(SERVED, FETCHED),
            Comparison(SERVED, RERANKED),
        ]
        yield Measured(f"{size:,} vectors, {kind}", _rounds(field, kind, size), comparisons)


def by_pool_size(field: Field) -> Iterator[Measured]:
    """How the cost of Search grows with the pool, compared with every vector."""
    for size in field.plan.pool_sizes:
        rounds = _rounds(field, "flat", size)
        yield Measured(f"{size:,} vectors, flat", rounds, [Comparison(SERVED, BARE)], size)


def _rounds(field: Field, kind: str, size: int) -> Rounds:
    if (kind, size) not in field.searched:
        plan, task = field.plan, clusters(_POOL, 0, row_count=size)
        queries = task.held_out[:QUERIES]
        found = measured(kind, task.vectors, queries, rounds=plan.rounds_more, seconds=plan.seconds)
        field.searched[kind, size] = {
            way: [{CALLS: rate / BATCH} for rate in rates] for way, rates in found.rates.items()
        }
    return field.searched[kind, size]
