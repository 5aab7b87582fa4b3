"""Which kind of index a pool gets where none is asked for."""

from assayd_server.core.similarity import Metric
from assayd_server.index_kind import Kind
from assayd_server.recall import Measured

FLAT_NUMBERS_MAX = 4_000_000
"""Up to here comparing with every vector takes a millisecond or so, for which nobody misses a neighbour."""
IVF_BYTES_MAX = 8 << 30
"""Up to here the codes of ivf, a byte for each number, are taken to fit into memory."""


def choose(row_count: int, dimension: int, metric: Metric) -> tuple[Kind, str]:
    """The kind, and a sentence that says why.

    Args:
        row_count: N, from 1.
        dimension: d, from 1.
        metric: the similarity; all kinds do for each.
    """
    numbers = row_count * dimension
    size = f"{row_count:,} rows of {dimension:,} are {numbers:,} numbers"
    if numbers <= FLAT_NUMBERS_MAX:
        return Kind.FLAT, f"{size}, and up to {FLAT_NUMBERS_MAX:,} are compared by {metric} with every query"
    if numbers <= IVF_BYTES_MAX:
        return Kind.IVF, f"{size}, too many to compare all with every query, and {_bytes(numbers)} at a byte each"
    limit = f"more than {_bytes(IVF_BYTES_MAX)} of memory"
    return Kind.LSH, f"{size}, at a byte each {limit}; the bits of their signs are {_bytes(numbers / 8)}"


def no_faster(kind: Kind, measured: Measured) -> str | None:
    """Why a pool of such a size is searched exactly all the same; None where its index is faster."""
    rate, exact_rate = measured.queries_per_second, measured.exact_queries_per_second
    if rate >= exact_rate:
        return None
    found = f"found {measured.recall:.1%} of the nearest at {rate:,.0f} queries a second"
    why = "these vectors lie in no clusters that it could make use of"
    return f"an index of kind {kind} {found}, where exact search answers {exact_rate:,.0f}: {why}"


def _bytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"
