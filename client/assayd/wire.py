"""In which type numbers are sent: one that the wire has, or a narrower one that was asked for."""

from typing import Any

import numpy as np

from assayd.arrays import DTYPES, Array, name_of
from assayd.errors import InvalidArgumentError

DType = np.dtype[Any]

WIRE_TYPES: dict[str, DType] = {name_of(number): dtype for number, dtype in DTYPES.items() if dtype.kind in "iuf"}
_WIDER: dict[DType, DType] = {
    np.dtype(np.int16): np.dtype(np.int32),
    np.dtype(np.uint16): np.dtype(np.int32),
    np.dtype(np.uint32): np.dtype(np.int64),
}
"""For types that the wire lacks, the narrowest that it has for all their values."""
_CHECKED_AT_ONCE = 1 << 18
"""Elements; what a check allocates besides the array is bounded by it."""


def wire_dtype(name: str | None) -> DType | None:
    """The type with that name, None where none was asked for.

    Raises:
        InvalidArgumentError: it is no type of numbers that can be sent.
    """
    if name is None:
        return None
    if name not in WIRE_TYPES:
        raise InvalidArgumentError(
            f"wire_type: {name!r} is unknown, allowed are {', '.join(WIRE_TYPES)}", field="wire_type"
        )
    return WIRE_TYPES[name]


def sent_dtype(dtype: DType, wanted: DType | None) -> DType:
    """As what an array of that type is sent: numbers as wanted, text as it is."""
    if wanted is not None and dtype.kind in "biuf":
        return wanted
    return _WIDER.get(dtype.newbyteorder("="), dtype)


def check_fits(array: Array, wanted: DType, field: str) -> None:
    """Refuse numbers that the wanted type cannot hold; of a float, only what is beyond its range.

    Args:
        array: any shape; text passes.
        wanted: whole numbers or floats.
        field: whose values they are.

    Raises:
        InvalidArgumentError: names the field, the first value that does not fit, and what is allowed.
    """
    if array.dtype.kind not in "biuf" or np.can_cast(array.dtype, wanted) or not array.size:
        return
    rows_at_once = max(1, _CHECKED_AT_ONCE // max(1, array[0].size))
    for start in range(0, len(array), rows_at_once):
        block = array[start : start + rows_at_once]
        unfit = ~_fits(block, wanted)
        if unfit.any():
            position = np.unravel_index(unfit.argmax(), unfit.shape)
            raise InvalidArgumentError(
                f"{field}: wire_type {wanted.name} holds {_range(wanted)}, got {block[position]} in row "
                f"{start + position[0]}",
                field=field,
            )


def _fits(block: Array, wanted: DType) -> Array:
    if wanted.kind == "f":
        with np.errstate(over="ignore"):
            return np.isfinite(block.astype(wanted)) | ~np.isfinite(block)
    limits = np.iinfo(wanted)
    if block.dtype.kind != "f":
        return (block >= limits.min) & (block <= limits.max)
    exact = block.astype(np.promote_types(block.dtype, np.float64), copy=False)  # where both bounds are exact
    return (exact >= limits.min) & (exact < float(limits.max + 1)) & (np.trunc(exact) == exact)


def _range(wanted: DType) -> str:
    if wanted.kind == "f":
        return f"{np.finfo(wanted).min} to {np.finfo(wanted).max}"
    return f"whole numbers from {np.iinfo(wanted).min} to {np.iinfo(wanted).max}"
