"""What callers rank, as rows: with ids and embeddings beside them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from assayd.arrays import Array, TensorError, as_floats, encode
from assayd.errors import InvalidArgumentError
from assayd.rows import Rows, collect
from assayd.tables.table import Table
from assayd.v1 import tensor_pb2

_OWN = ("x", "logits", "probabilities", "embeddings", "pool_ids")
_MEMBERS = ("member_logits", "member_probabilities", "member_values")
KINDS = (*_OWN, *_MEMBERS)


def collect_ranked(given: Mapping[str, Any]) -> Rows | Table:
    """The rows of a ranking.

    Args:
        given: one of x, logits, probabilities, embeddings, pool_ids and member_logits, member_probabilities,
            member_values (m, n, c); besides it ids (n,), which pool_ids are themselves, and embeddings (n, d)
            where it is none itself.

    Raises:
        InvalidArgumentError: none or several were given, or the arrays do not fit together.
    """
    values = {name: value for name, value in given.items() if value is not None}
    kinds = [name for name in KINDS if name in values]
    beside = {"embeddings"} if len(kinds) > 1 else set()
    kinds = [name for name in kinds if name not in beside]
    if len(kinds) != 1:
        raise InvalidArgumentError(
            f"rows: give exactly one of {', '.join(KINDS)}, got {', '.join(kinds) or 'none'}", field="rows"
        )
    (kind,) = kinds
    rows = _members(kind, values[kind]) if kind in _MEMBERS else collect(**{kind: values[kind]})
    if isinstance(rows, Rows) and rows.kind == "pool_ids":
        values.setdefault("ids", rows.arrays[""])
    count = rows.row_count if isinstance(rows, Table) else rows.count
    parts = {name: beside_array(name, values[name], count) for name in ("ids", *beside) if name in values}
    return replace(rows, beside=parts)


def batch_ranked(batch: Any) -> Rows | Table:
    """A batch of rank_stream: rows, or a dict of what collect_ranked takes."""
    known = {*KINDS, "ids"}
    if isinstance(batch, Mapping) and batch.keys() <= known and batch.keys() & set(KINDS):
        return collect_ranked(batch)
    return collect_ranked({"x": batch})


def beside_tensor(name: str, array: Array) -> tensor_pb2.Tensor:
    """What goes along with rows, as a message.

    Raises:
        InvalidArgumentError: an element cannot be sent, such as None for an id.
    """
    try:
        return encode(array)
    except TensorError as error:
        raise InvalidArgumentError(f"{name}: {error}", field=name) from None


def _members(kind: str, value: Any) -> Rows:
    array = _array(kind, value)
    if array.ndim != 3:
        raise InvalidArgumentError(
            f"{kind}: is of shape {list(array.shape)}, allowed is [members, rows, columns]", field=kind
        )
    return Rows(kind, {"": array.swapaxes(0, 1)})  # type: ignore[arg-type]


def beside_array(name: str, value: Any, count: int) -> Array:
    """What goes along with rows: (n,) ids, or (n, d) embeddings.

    Raises:
        InvalidArgumentError: it is not of as many rows.
    """
    array = _array(name, value) if name == "embeddings" else _ids(value)
    if array.ndim < 1 or len(array) != count:
        raise InvalidArgumentError(f"{name}: is of shape {list(array.shape)}, there are {count} rows", field=name)
    return array


def _array(name: str, value: Any) -> Array:
    try:
        return as_floats(value)
    except ValueError as error:  # rows of different lengths
        raise InvalidArgumentError(f"{name}: cannot be made into an array: {error}", field=name) from None


def _ids(value: Any) -> Array:
    array = np.asarray(value)
    if array.dtype.kind in "iu" and (array.dtype != np.uint64 or array.max(initial=0) < 2**63):
        return array.astype(np.int64)
    if array.dtype.kind not in "OUST":
        raise InvalidArgumentError(
            f"ids: is of type {array.dtype}, allowed are text and whole numbers of 64 bits with a sign",
            field="ids",
        )
    return array
