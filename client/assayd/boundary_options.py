"""Requests about the boundaries between rows of a pool, from what callers pass in."""

from collections.abc import Sequence

from assayd.errors import InvalidArgumentError
from assayd.ids import check_alike, id_array, id_tensor, joined_ids
from assayd.requests import head_message, selector
from assayd.rows import Rows
from assayd.search_options import PoolOptions, checked_k
from assayd.v1 import retrieval_pb2


class BoundaryOptions(PoolOptions, total=False):
    """How to look for boundaries: the keywords of Client.search_boundary."""

    k: int
    """How many neighbours of each boundary, 1 or more; default 10, or the pool's size where that is smaller."""
    head: Sequence[object] | None
    """(weights, bias): (c, d) and (c,) or None; tells the classes. Default the model's own last layer."""
    temperature: float | None
    """For probabilities, in place of the model's own, 0.001 to 1000."""


def collect_pairs(first_ids: object, second_ids: object) -> Rows:
    """Pairs of rows of the pool: the first ones, with the second ones beside them.

    Raises:
        InvalidArgumentError: they are no ids, of two kinds, or not as many.
    """
    first, second = id_array(first_ids, "first_ids"), id_array(second_ids, "second_ids")
    if len(first) != len(second):
        message = f"second_ids: are {len(second)}, there are {len(first)} first_ids"
        raise InvalidArgumentError(message, field="second_ids")
    check_alike("second_ids", second, "first_ids", first)
    return Rows("pool_ids", {"": first}, beside={"second_ids": second})


def boundary_request(
    pairs: Rows,
    labeled_ids: object,
    *,
    k: int | None = None,
    head: Sequence[object] | None = None,
    temperature: float | None = None,
    pool_digest: str = "",
    model: str = "",
    version: int = 0,
) -> retrieval_pb2.SearchBoundaryRequest:
    """Everything but the pairs, of which any part may go in one call: the rows of none of them are found.

    Raises:
        InvalidArgumentError: k is out of range, the head is not (weights, bias), or the ids are of two kinds.
    """
    labeled = id_array(() if labeled_ids is None else labeled_ids, "labeled_ids")
    first, second = pairs.arrays[""], pairs.beside["second_ids"]
    check_alike("labeled_ids", labeled, "first_ids", first)
    return retrieval_pb2.SearchBoundaryRequest(
        model=selector(model, version),
        pool_digest=pool_digest,
        labeled_ids=id_tensor(joined_ids(labeled, joined_ids(first, second)), "labeled_ids"),
        head=None if head is None else head_message(head),
        temperature=temperature,
        k=checked_k(k),
    )
