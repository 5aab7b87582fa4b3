"""Requests about a pool, from what callers pass in."""

import numpy as np

from assayd.arrays import Array
from assayd.errors import InvalidArgumentError
from assayd.ids import check_alike, id_array, id_tensor, joined_ids
from assayd.rank_options import check_whole
from assayd.requests import SelectorOptions, selector
from assayd.rows import Rows, collect
from assayd.tables.table import Table
from assayd.v1 import retrieval_pb2

_NAMES = {"vectors": "embeddings", "x": "x", "ids": "pool_ids"}
"""What callers call the rows of a search, and what score calls them."""


class PoolOptions(SelectorOptions, total=False):
    """Which pool is meant: that of the model, and no other one than this."""

    pool_digest: str
    """Of the pool that is meant; where the server has another, it refuses. Default: any."""


class SearchOptions(PoolOptions, total=False):
    """How to search: the keywords of Client.search."""

    k: int
    """How many neighbours of each row, 1 or more; default 10, or the pool's size where that is smaller."""
    exclude_ids: object
    """(m,) ids of rows that are not to be found."""
    similarity_min: float | None
    """Only neighbours of at least this similarity are found; default all."""
    wire_type: str | None
    """The type in which the numbers of the rows are sent, such as "float16"; default their own."""


class ExpandOptions(PoolOptions, total=False):
    """What to search: the keywords of Client.expand_candidates."""

    k: int
    """How many neighbours of each new row, 1 or more; default 100, or all there are where that is less."""


def collect_searched(vectors: object = None, *, x: object = None, ids: object = None) -> Rows | Table:
    """The rows of a search.

    Args:
        vectors: (n, d) embeddings.
        x: in place of them, what goes through the model.
        ids: in place of them, (n,) ids of rows of the pool.

    Raises:
        InvalidArgumentError: none or several were given, or they are no rows.
    """
    given = {name: value for name, value in zip(_NAMES, (vectors, x, ids), strict=True) if value is not None}
    if len(given) != 1:
        raise InvalidArgumentError(
            f"rows: give exactly one of {', '.join(_NAMES)}, got {', '.join(given) or 'none'}", field="rows"
        )
    ((name, value),) = given.items()
    if name == "ids":
        return Rows("pool_ids", {"": id_array(value, "ids")})
    rows = collect(**{_NAMES[name]: value})
    if isinstance(rows, Rows) and rows.kind == "embeddings" and rows.arrays[""].ndim != 2:
        shape = list(rows.arrays[""].shape)
        raise InvalidArgumentError(f"vectors: is of shape {shape}, allowed is [rows, dimension]", field="vectors")
    return rows


def search_request(
    *,
    k: int | None = None,
    exclude_ids: object = None,
    similarity_min: float | None = None,
    pool_digest: str = "",
    model: str = "",
    version: int = 0,
) -> retrieval_pb2.SearchRequest:
    """Everything but the rows; the arguments are those of SearchOptions.

    Raises:
        InvalidArgumentError: k is out of range, or the ids are none.
    """
    excluded = () if exclude_ids is None else exclude_ids
    return retrieval_pb2.SearchRequest(
        model=selector(model, version),
        pool_digest=pool_digest,
        k=checked_k(k),
        exclude_ids=id_tensor(id_array(excluded, "exclude_ids"), "exclude_ids"),
        similarity_min=similarity_min,
    )


def expand_request(
    new_ids: Array,
    labeled_ids: Array,
    *,
    k: int | None = None,
    pool_digest: str = "",
    model: str = "",
    version: int = 0,
) -> retrieval_pb2.ExpandCandidatesRequest:
    """Everything but the new rows, of which any part may go in one call: all of them are labelled.

    Raises:
        InvalidArgumentError: k is out of range, or the ids are of two kinds.
    """
    check_alike("labeled_ids", labeled_ids, "new_ids", new_ids)
    return retrieval_pb2.ExpandCandidatesRequest(
        model=selector(model, version),
        pool_digest=pool_digest,
        labeled_ids=id_tensor(joined_ids(labeled_ids, new_ids), "labeled_ids"),
        k=checked_k(k),
    )


def vectors_request(
    *, pool_digest: str = "", model: str = "", version: int = 0
) -> retrieval_pb2.GetVectorsRequest:
    """Everything but the ids."""
    return retrieval_pb2.GetVectorsRequest(model=selector(model, version), pool_digest=pool_digest)


def newly_labeled(new_ids: object) -> Rows:
    """New rows, each once.

    Raises:
        InvalidArgumentError: there are none, or they are no ids.
    """
    ids = id_array(new_ids, "new_ids")
    if not len(ids):
        raise InvalidArgumentError("new_ids: there are none, at least one is needed", field="new_ids")
    return Rows("pool_ids", {"": np.unique(ids)})


def checked_k(k: int | None) -> int:
    """How many neighbours, 0 where the server decides.

    Raises:
        InvalidArgumentError: it is out of range.
    """
    if k is None:
        return 0
    check_whole("k", k, lowest=1)
    return k
