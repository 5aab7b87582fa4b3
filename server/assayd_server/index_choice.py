"""Which kind of index a pool gets where nobody says: the one that is fastest for its size, within memory."""

from assayd_server.core.similarity import Metric
from assayd_server.index_kind import Kind

FLAT_ELEMENTS_MAX = 2_000_000
"""Numbers that are compared with a query in well under a millisecond, which an index hardly beats."""
CODES_ROWS_MAX = 20_000_000
"""With more rows than this, a byte for each number of a row takes more memory than most machines have to spare."""


def choose(row_count: int, dimension: int, metric: Metric) -> tuple[Kind, str]:
    """The kind, and why, in a sentence.

    Args:
        row_count: N.
        dimension: d.
        metric: what the pool is searched by; it makes no difference.
    """
    del metric
    if row_count * dimension <= FLAT_ELEMENTS_MAX:
        return Kind.FLAT, f"{row_count:,} rows of {dimension} are compared one by one in well under a millisecond"
    if row_count <= CODES_ROWS_MAX:
        return (
            Kind.IVF,
            f"of {row_count:,} rows, cells leave a few thousand to compare, by codes of {dimension} bytes",
        )
    return Kind.IVFPQ, f"codes of {row_count:,} rows fit into memory at a quarter of a byte for each number"
