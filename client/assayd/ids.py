"""Ids of rows of a pool, from what callers pass in: whole numbers, or text."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from assayd.arrays import Array, TensorError, encode
from assayd.errors import InvalidArgumentError
from assayd.v1 import tensor_pb2

ALLOWED = "text and whole numbers of 64 bits with a sign"


def id_array(value: Any, field: str) -> Array:
    """(m,) int64, or an object array of str.

    Args:
        value: any iterable of ids, all of one kind: an array, a column of a table, a list, a set.
        field: what they are called in errors.

    Raises:
        InvalidArgumentError: they are anything else.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise InvalidArgumentError(f"{field}: is {value!r}, allowed are lists and arrays of ids", field=field)
    array = np.asarray(value) if hasattr(value, "__array__") else _objects(list(value))
    if array.ndim != 1:
        raise InvalidArgumentError(f"{field}: is of shape {list(array.shape)}, allowed is (n,)", field=field)
    if array.dtype.kind in "OUST":
        return _read(array.astype(object), field)
    if array.dtype.kind not in "iu" or (array.dtype == np.uint64 and array.max(initial=0) >= 2**63):
        raise InvalidArgumentError(f"{field}: is of type {array.dtype}, allowed are {ALLOWED}", field=field)
    return array.astype(np.int64)


def id_tensor(ids: Array, field: str) -> tensor_pb2.Tensor | None:
    """Ids as a message; None where there are none, so that no type is claimed for them.

    Raises:
        InvalidArgumentError: a text cannot be sent.
    """
    if not len(ids):
        return None
    try:
        return encode(ids)
    except TensorError as error:
        raise InvalidArgumentError(f"{field}: {error}", field=field) from None


def check_alike(field: str, ids: Array, others_field: str, others: Array) -> None:
    """Refuse ids of two kinds, of which one cannot be of the pool.

    Raises:
        InvalidArgumentError: the ones are text and the others numbers.
    """
    if len(ids) and len(others) and is_text(ids) != is_text(others):
        raise InvalidArgumentError(
            f"{field}: are {_kind(ids)} and {others_field} {_kind(others)}, a pool has ids of one kind",
            field=field,
        )


def is_text(ids: Array) -> bool:
    """Whether ids are text."""
    return ids.dtype.kind == "O"


def joined_ids(ids: Array, others: Array) -> Array:
    """Some ids, and others of the same kind, each once and in order."""
    if not len(ids) or not len(others):  # what is empty has no kind
        return np.unique(ids if len(ids) else others)
    return np.unique(np.concatenate([ids, others]))


def _kind(ids: Array) -> str:
    return "text" if is_text(ids) else "numbers"


def _objects(values: list[Any]) -> Array:
    """As they are: NumPy would make texts of the numbers among texts."""
    if not values:
        return np.empty(0, np.int64)
    return np.fromiter(values, object, len(values))


def _read(array: Array, field: str) -> Array:
    kinds = dict.fromkeys(map(type, array))
    if all(issubclass(kind, bytes) for kind in kinds):
        array, kinds = _decoded(array, field), {str: None}
    if all(issubclass(kind, str) for kind in kinds):
        return array
    wrong = next((kind for kind in kinds if not issubclass(kind, int | np.integer) or kind is bool), None)
    if wrong is not None:
        both = " beside others" if len(kinds) > 1 else ""
        raise InvalidArgumentError(
            f"{field}: has an element of type {wrong.__name__}{both}, allowed are {ALLOWED}", field=field
        )
    try:
        return array.astype(np.int64)
    except OverflowError:
        raise InvalidArgumentError(
            f"{field}: has a number that is too large, allowed are {ALLOWED}", field=field
        ) from None


def _decoded(array: Array, field: str) -> Array:
    try:
        return _objects([element.decode() for element in array])
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"{field}: has a text that is not UTF-8: {error.reason}", field=field) from None
