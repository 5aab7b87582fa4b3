"""Which columns of a table feed the model, and which one names its rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from assayd import TensorSpec
from assayd.cli.exits import UsageError
from assayd.cli.sources.reading import Readable

_LISTED_MAX = 20


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; none of a source whose rows have no columns."""

    features: tuple[str, ...]
    id_column: str | None

    @property
    def all(self) -> tuple[str, ...]:
        """Those to be read."""
        return tuple(dict.fromkeys((*self.features, *([self.id_column] if self.id_column else []))))


def choose(source: Readable, columns: str | None, id_column: str | None) -> Columns:
    """What the flags name; without --columns, every column but that of the ids feeds the model.

    Raises:
        UsageError: there is no such column.
    """
    if not source.columns:
        flag = "--columns" if columns is not None else "--id-column"
        if columns is not None or id_column is not None:
            raise UsageError(f"{flag}: the rows of {source.path} have no named columns")
        return Columns((), None)
    named = [] if columns is None else [name for name in columns.split(",") if name]
    _check(source, named, "--columns")
    _check(source, [id_column] if id_column is not None else [], "--id-column")
    features = source.columns if columns is None else tuple(named)
    if columns is None:
        features = tuple(name for name in features if name != id_column)
    chosen = Columns(features, id_column)
    _check_once(source, chosen)
    if not features:
        raise UsageError(f"--columns: no column of {source.path} is left to feed the model")
    return chosen


def types(columns: Columns, inputs: Sequence[TensorSpec]) -> Mapping[str, pa.DataType]:
    """How to read the columns of a format that has no types: what feeds the model as it takes it, else as text."""
    by_input = {spec.name: spec.data_type for spec in inputs}
    by_name = len(by_input) > 1 or not by_input.keys().isdisjoint(columns.features)
    others = "string" if by_name else inputs[0].data_type
    found = {name: _type(by_input.get(name, others)) for name in columns.features}
    return {columns.id_column: pa.string(), **found} if columns.id_column else found


def _type(name: str) -> pa.DataType:
    # half precision cannot be parsed
    return pa.float32() if name == "float16" else pa.type_for_alias(name)


def _check(source: Readable, names: list[str], flag: str) -> None:
    missing = next((name for name in names if name not in source.columns), None)
    if missing is not None:
        raise UsageError(f"{flag}: {source.path} has no column {missing!r}, it has {_listed(source.columns)}")


def _check_once(source: Readable, chosen: Columns) -> None:
    """Also of a name that is there twice in the source: nobody could say which of the two is meant."""
    there = Counter(source.columns)
    named = Counter(chosen.features)
    twice = next((name for name in chosen.all if named[name] > 1 or there[name] > 1), None)
    if twice is not None:
        raise UsageError(f"--columns: {twice!r} is there more than once in what is read of {source.path}")


def _listed(names: tuple[str, ...]) -> str:
    listed = ", ".join(map(repr, names[:_LISTED_MAX]))
    more = len(names) - _LISTED_MAX
    return f"{listed} and {more} more" if more > 0 else listed
