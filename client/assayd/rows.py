"""What callers pass in, as rows: checked, counted, and measured against a message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from assayd.arrays import TEXTS_MAX, Array, TensorError, as_floats, encode
from assayd.errors import InvalidArgumentError
from assayd.ids import id_array
from assayd.results import TensorSpec
from assayd.tables.detection import table_of
from assayd.tables.feeding import inputs_of, matrix
from assayd.tables.table import Table, TableError
from assayd.v1 import rows_pb2
from assayd.wire import DType, check_fits, sent_dtype

Kind: TypeAlias = Literal["inputs", "logits", "probabilities", "embeddings", "pool_ids"]
MemberKind: TypeAlias = Literal["member_logits", "member_probabilities", "member_values"]

_KINDS: dict[str, Kind] = {
    "x": "inputs",
    "logits": "logits",
    "probabilities": "probabilities",
    "embeddings": "embeddings",
    "pool_ids": "pool_ids",
}
"""By what callers call them."""
_LABEL_BYTES = 64
"""What a tensor costs on the wire besides its name and its data, at most: shape, type, lengths."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Arrays with the same number of rows, and how the server is to read them."""

    kind: Kind | MemberKind
    arrays: dict[str, Array]
    """Of members (n, m, c), so that rows come first as everywhere."""
    wire_dtype: DType | None = None
    """As what numbers are sent; None is as what they are."""
    beside: dict[str, Array] = field(default_factory=dict)
    """What goes along with each row in other fields of the request, by field."""

    @property
    def count(self) -> int:
        """The number of rows."""
        return int(next(iter(self.arrays.values())).shape[0])

    def part(self, start: int, stop: int) -> "Rows":
        """Rows from start up to stop, as views."""
        return self.taken(slice(start, stop))

    def taken(self, rows: slice | Array) -> "Rows":
        """Some of the rows: a slice as views, positions as copies."""
        return replace(
            self,
            arrays={name: array[rows] for name, array in self.arrays.items()},
            beside={name: array[rows] for name, array in self.beside.items()},
        )

    def sent_as(self, wire_dtype: DType | None) -> "Rows":
        """The same rows, converted as each part of them is made a message.

        Raises:
            InvalidArgumentError: a number does not fit that type.
        """
        if self.kind == "pool_ids":  # they are no numbers
            return self
        if wire_dtype is not None:
            for name, array in self.arrays.items():
                check_fits(array, wire_dtype, f"{self.kind}[{name!r}]" if name else self.kind)
        return replace(self, wire_dtype=wire_dtype)

    def dtype(self, array: Array) -> DType:
        """As what one of the arrays is sent."""
        return sent_dtype(array.dtype, self.wire_dtype)

    def message(self) -> rows_pb2.Rows:
        """The rows as a message."""
        try:
            tensors = [
                encode(array.astype(self.dtype(array), copy=False), name) for name, array in self._sent().items()
            ]
        except TensorError as error:
            raise InvalidArgumentError(f"{self.kind}: {error}", field=self.kind) from None
        if self.kind == "inputs":
            return rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=tensors))
        if self.kind.startswith("member_"):
            committee = rows_pb2.Committee(**{self.kind.removeprefix("member_"): tensors[0]})
            return rows_pb2.Rows(committee=committee)
        return rows_pb2.Rows(**{self.kind: tensors[0]})  # type: ignore[arg-type]

    def _sent(self) -> dict[str, Array]:
        """With the axes as they are on the wire: members come before rows."""
        if not self.kind.startswith("member_"):
            return self.arrays
        return {name: array.swapaxes(0, 1) for name, array in self.arrays.items()}


def collect(
    x: object = None,
    *,
    logits: object = None,
    probabilities: object = None,
    embeddings: object = None,
    pool_ids: object = None,
) -> Rows | Table:
    """The one of these that was given, as rows; a table for the model as that, until its inputs are known.

    Args:
        x: an array for the model's only input, a dict of arrays by input name, or a table.
        logits: (n, c).
        probabilities: (n, c).
        embeddings: (n, d).
        pool_ids: (n,) ids of rows of the pool.

    Raises:
        InvalidArgumentError: none or several were given, or the arrays do not fit together.
    """
    values = (x, logits, probabilities, embeddings, pool_ids)
    given = {name: value for name, value in zip(_KINDS, values, strict=True) if value is not None}
    if len(given) != 1:
        raise InvalidArgumentError(
            f"rows: give exactly one of {', '.join(_KINDS)}, got {', '.join(given) or 'none'}", field="rows"
        )
    ((name, value),) = given.items()
    kind = _KINDS[name]
    if kind == "pool_ids":
        return Rows(kind, {"": id_array(value, "pool_ids")})
    try:
        table = table_of(value)
        if table is not None and kind == "inputs":
            return table
        value = value if table is None else matrix(table)
    except TableError as error:
        raise InvalidArgumentError(f"{kind}: {error}", field=kind) from None
    arrays = value if kind == "inputs" and isinstance(value, Mapping) else {"": value}
    return _checked(Rows(kind, {str(name): _array(array, kind=kind) for name, array in arrays.items()}))


def table_rows(table: Table, specs: Sequence[TensorSpec]) -> Rows:
    """A table as rows for a model of these inputs.

    Raises:
        InvalidArgumentError: a column is missing, or does not fit its input.
    """
    try:
        return Rows("inputs", inputs_of(table, specs), beside=table.beside)
    except TableError as error:
        raise InvalidArgumentError(f"inputs: {error}", field="inputs") from None


def batch_rows(batch: Any) -> Rows | Table:
    """A batch of score_stream as rows: a dict with just one key that names a kind of rows is that kind."""
    if isinstance(batch, Mapping) and len(batch) == 1 and _KINDS.keys() >= batch.keys():
        return collect(**batch)
    return collect(batch)


def joined_rows(parts: Sequence[Rows]) -> Rows:
    """Rows of the same kind, one part after the other.

    Raises:
        InvalidArgumentError: they are of different kinds, widths or types, or have other things beside them.
    """
    first = parts[0]
    for part in parts[1:]:
        if _form(part) != _form(first):
            raise InvalidArgumentError(
                f"rows: a batch is of {_described(part)}, one before of {_described(first)}; all must be alike",
                field="rows",
            )
    return replace(
        first,
        arrays={name: np.concatenate([part.arrays[name] for part in parts]) for name in first.arrays},
        beside={name: np.concatenate([part.beside[name] for part in parts]) for name in first.beside},
    )


def rows_fitting(rows: Rows, bytes_max: int) -> int:
    """How many rows fit into a message, by the largest row there is.

    Raises:
        InvalidArgumentError: not even one does.
    """
    if rows.count == 0:
        return 1
    names = (*rows.arrays, *rows.beside)
    room = bytes_max - sum(len(name.encode()) + _LABEL_BYTES for name in names)
    row_bytes = sum(_row_bytes(array, rows.dtype(array)) for array in rows.arrays.values())
    row_bytes += sum(_row_bytes(array, array.dtype) for array in rows.beside.values())
    if row_bytes > room:
        raise InvalidArgumentError(f"{rows.kind}: one row takes {row_bytes} bytes, a message holds {room}")
    arrays = (*rows.arrays.values(), *rows.beside.values())
    texts = sum(array[:1].size for array in arrays if array.dtype.kind in "OUST")
    return min(room // max(row_bytes, 1), TEXTS_MAX // max(texts, 1))


def _form(rows: Rows) -> tuple[Any, ...]:
    """What rows must have in common to be joined."""
    shapes = {name: (array.shape[1:], array.dtype.kind in "OUST") for name, array in rows.arrays.items()}
    return (
        rows.kind,
        shapes,
        {name: (array.shape[1:], array.dtype.kind in "OUST") for name, array in rows.beside.items()},
    )


def _described(rows: Rows) -> str:
    arrays = {**{name or rows.kind: array for name, array in rows.arrays.items()}, **rows.beside}
    return ", ".join(f"{name} {list(array.shape[1:])} {array.dtype}" for name, array in arrays.items())


def _array(value: Any, *, kind: Kind) -> Array:
    try:
        array = np.asarray(value) if kind == "inputs" else as_floats(value)
    except ValueError as error:  # rows of different lengths
        raise InvalidArgumentError(f"{kind}: cannot be made into an array: {error}") from None
    if array.ndim == 0:
        raise InvalidArgumentError(f"{kind}: a single number is not rows, give an array of at least one axis")
    return array


def _checked(rows: Rows) -> Rows:
    if not rows.arrays:
        raise InvalidArgumentError("inputs: the dict of arrays is empty")
    lengths = {name: array.shape[0] for name, array in rows.arrays.items()}
    if len(set(lengths.values())) > 1:
        raise InvalidArgumentError(f"inputs: every array must have the same number of rows, got {lengths}")
    return rows


def _row_bytes(array: Array, dtype: DType) -> int:
    """Bytes of the largest row on the wire."""
    elements = array[:1].size
    if array.dtype.kind not in "OUST":
        return elements * dtype.itemsize
    return elements * (4 + max(map(_text_length, array.flat), default=0))


def _text_length(text: object) -> int:
    """In bytes; 0 for what is no text, which the encoder refuses by name."""
    if isinstance(text, str):
        return len(text.encode(errors="replace"))
    return len(text) if isinstance(text, bytes) else 0
