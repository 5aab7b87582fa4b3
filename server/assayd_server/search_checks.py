"""Whether a pool can be asked what is asked of it: everything is refused before anything is searched."""

from dataclasses import dataclass

import numpy as np

from assayd_server.checks import lacks, response_row_bytes, wrong
from assayd_server.core.similarity import Metric
from assayd_server.errors import FailedPreconditionError, InvalidArgumentError
from assayd_server.loaded_pool import LoadedPool
from assayd_server.nearest import searchable
from assayd_server.plan import Plan
from assayd_server.retrieval_wanted import PoolChoice
from assayd_server.rows import Embeddings, Inputs, PoolIds, Sent
from assayd_server.servable import Servable

SEARCH_K = 10
"""How many neighbours a search finds where nobody says."""
EXPAND_K = 100
"""How many neighbours a newly labelled row adds where nobody says: that of the paper."""
_ENVELOPE_BYTES = 1024
_SIMILARITY_BYTES, _COUNT_BYTES, _SCORE_BYTES = 4, 4, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchLimits:
    """How much one call may ask of a pool."""

    neighbors_max: int
    """The most neighbours of one row."""
    search_operations_max: int
    """The most multiplications of an exact search: no other computation runs meanwhile."""
    response_bytes_max: int
    """The largest message that a caller can take."""


def pool_of(model: Servable, digest: str = "", *, field: str = "") -> LoadedPool:
    """The pool beside a model.

    Args:
        model: that may have one.
        digest: of the pool that is meant; empty for any.
        field: of the request that needs it.

    Raises:
        FailedPreconditionError: it has none, or another one.
    """
    if model.pool is None:
        raise FailedPreconditionError(
            f"model {model.identity.name!r} has no pool: build one with assayd index build, into its bundle or "
            "for assayd serve --pool",
            reason="NO_POOL",
            field=field,
        )
    if digest not in ("", model.pool.digest):
        raise FailedPreconditionError(
            f"is {digest}, this server has {model.pool.digest}",
            reason="POOL_DIFFERS",
            field="pool_digest",
            details={"pool_digest": model.pool.digest},
        )
    return model.pool


def chosen_pool(model: Servable, choice: PoolChoice) -> LoadedPool:
    """The pool that a request means.

    Raises:
        FailedPreconditionError: as of pool_of.
    """
    return pool_of(model, choice.digest)


def neighbor_count(k: int, pool: LoadedPool, limits: SearchLimits, *, default: int, field: str = "k") -> int:
    """How many neighbours are looked for.

    Args:
        k: as it came; 0 for the default, or for all that there are where there are fewer.
        pool: where they are looked for.
        limits: what is allowed.
        default: what 0 stands for.
        field: where it came from.

    Raises:
        InvalidArgumentError: it is out of range.
    """
    k_max = min(len(pool), limits.neighbors_max)
    k = min(default, k_max) if k == 0 else k
    if not 1 <= k <= k_max:
        which = "the pool's size" if k_max == len(pool) else "the server's limit"
        raise wrong(field, f"is {k}, allowed are 1 to {k_max}, {which}", "K_OUT_OF_RANGE")
    return k


def check_neighbors(plan: Plan, limits: SearchLimits) -> None:
    """Refuse a scoring request whose rows' neighbours cannot be found.

    Raises:
        ServiceError: the model has no pool, the rows have no embedding that fits it, or too much is asked for.
    """
    k, model = plan.wanted.neighbors, plan.model
    if k == 0:
        return
    assert model is not None  # it is looked up where neighbours are wanted
    pool = pool_of(model, field="neighbors")
    neighbor_count(k, pool, limits, default=0, field="neighbors")
    if not plan.embedding_width:
        raise lacks(plan, "embedding", "neighbors")
    if plan.embedding_width != pool.stored.dimension:
        message = (
            f"are for embeddings of {pool.stored.dimension}, as in the pool; these have {plan.embedding_width}"
        )
        raise wrong("neighbors", message, "BAD_SHAPE")
    row_bytes = neighbors_bytes(pool, k) + response_row_bytes(plan)
    check_search_size(pool, limits, row_count=plan.rows.count, row_bytes=row_bytes, exact=pool.exact)


def check_searched_for(rows: Sent, model: Servable, pool: LoadedPool) -> None:
    """Refuse rows that cannot be searched for.

    Raises:
        ServiceError: they are not of a kind that has embeddings, or are not as wide as the pool's; or one that was
            given is not finite, or is zero under cosine.
    """
    if not isinstance(rows, Inputs | Embeddings | PoolIds):
        raise wrong("rows", "have no embeddings: give inputs, embeddings or pool_ids", "ROWS_NOT_USABLE")
    if isinstance(rows, Inputs) and not model.contract.embedding_width:
        raise FailedPreconditionError(
            f"model {model.identity.name!r} gives no embedding: export it with one as an output, or send "
            "embeddings",
            reason="NO_EMBEDDING",
            field="rows",
        )
    if isinstance(rows, Embeddings):
        _check_vectors(rows, pool)


def _check_vectors(rows: Embeddings, pool: LoadedPool) -> None:
    dimension = pool.stored.dimension
    if rows.values.shape[1] != dimension:
        message = f"is {list(rows.values.shape)}, allowed is [n, {dimension}], the pool's dimension"
        raise wrong("rows.embeddings.shape", message, "BAD_SHAPE")
    for row in np.flatnonzero(~searchable(rows.values, pool.stored.metric))[:1]:
        zero = pool.stored.metric is Metric.COSINE and not rows.values[row].any()
        what = "is zero, which has no direction" if zero else "is not of finite numbers, or too long or too short"
        raise wrong("rows.embeddings.data", f"row {row} {what}", "NOT_SEARCHABLE")


def check_search_size(
    pool: LoadedPool,
    limits: SearchLimits,
    *,
    row_count: int,
    row_bytes: int,
    exact: bool,
    field: str = "rows",
    besides_bytes: int = 0,
) -> None:
    """Refuse a search that would keep others waiting for long, or whose answer would not fit a message.

    Args:
        pool: that is searched.
        limits: what is allowed.
        row_count: how many rows are searched for.
        row_bytes: what each adds to the answer at most.
        exact: whether all rows of the pool may be looked at for each.
        field: that holds them.
        besides_bytes: what else the answer holds at most.

    Raises:
        InvalidArgumentError: it is too large; rows_max says how many rows are not.
    """
    at_once = max(1, limits.search_operations_max // (len(pool) * pool.stored.dimension)) if exact else row_count
    sent = max(0, limits.response_bytes_max - besides_bytes - _ENVELOPE_BYTES) // max(1, row_bytes)
    rows_max = min(at_once, sent)
    if row_count <= rows_max:
        return
    if row_count > sent:
        why = f"the answer could be larger than a message may be, {limits.response_bytes_max} bytes"
    else:
        why = f"an exact search in {len(pool)} rows may take {limits.search_operations_max} operations"
    raise InvalidArgumentError(
        f"{row_count} are too many: {why}; send at most {rows_max} at once, or ask for less",
        reason="ANSWER_TOO_LARGE",
        field=field,
        details={"rows_max": str(rows_max)},
    )


def neighbors_bytes(pool: LoadedPool, k: int) -> int:
    """What the neighbours of one row take in an answer at most."""
    return k * (pool.id_bytes_max + _SIMILARITY_BYTES) + _COUNT_BYTES


def batch_bytes(pool: LoadedPool, count: int) -> int:
    """What the rows of a batch take in an answer: ids, sources, similarities, scores, whether by chance."""
    return count * (2 * pool.id_bytes_max + _SIMILARITY_BYTES + _SCORE_BYTES + 1)


def candidates_bytes(pool: LoadedPool, k: int) -> int:
    """What the candidates from one labelled row take in an answer at most: ids, sources, similarities."""
    return k * (2 * pool.id_bytes_max + _SIMILARITY_BYTES)
