"""A table, of whichever library: columns that are read as arrays, each when it is needed."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from assayd.arrays import Array

ALLOWED = "numbers, truth values, text, and lists of these"
_NAMES_MAX = 20
"""How many columns an error lists."""


class TableError(ValueError):
    """A table that cannot be rows: what of it is wrong, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that was not read yet."""

    name: str
    type: str
    """As its library calls it."""
    holds_lists: Callable[[], bool]
    """Whether its values are lists or arrays."""
    values: Callable[[], Array]
    """Reads it: (n,), or (n, ...) of lists; numbers with NaN where one is missing, or an object array of str."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of the same length; several may have the same name."""

    columns: tuple[Column, ...]
    row_count: int
    beside: dict[str, Array] = field(default_factory=dict)
    """What goes along with each row in other fields of a request, by field."""

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            TableError: there is none, or there are several.
        """
        found = [column for column in self.columns if column.name == name]
        if len(found) != 1:
            there_are = "no column" if not found else f"{len(found)} columns"
            raise TableError(f"the table has {there_are} {name!r}, which the model takes; it has {self.listed()}")
        return found[0]

    def listed(self) -> str:
        """The names of the columns."""
        names = [repr(column.name) for column in self.columns[:_NAMES_MAX]]
        more = len(self.columns) - len(names)
        return ", ".join(names) + (f" and {more} more" if more else "") or "none"


@dataclass(frozen=True, slots=True)
class Reading:
    """Which column is read, so that an error says where something is wrong."""

    name: str
    type: str
    elements: int = 1
    """How many elements a row has."""

    def inside(self, length: int) -> "Reading":
        """The elements of lists of that length."""
        return Reading(self.name, self.type, self.elements * length)

    def unknown(self, of_what: str = "") -> TableError:
        """The error for a type that no tensor has."""
        of = f" of {of_what}" if of_what else ""
        return TableError(f"column {self.name!r} holds {self.type}{of}, allowed are {ALLOWED}")

    def check_there(self, missing: Array, what: str) -> None:
        """Refuse what is missing.

        Args:
            missing: one truth value for each element.
            what: "text" or "list".
        """
        if missing.any():
            row = int(missing.argmax()) // self.elements
            raise TableError(f"column {self.name!r} has no {what} in row {row}, only numbers may be missing")

    def length(self, lengths: Array) -> int:
        """How long every list is; 0 where there is none."""
        first = int(lengths[0]) if len(lengths) else 0
        others = lengths != first
        if others.any():
            other = int(others.argmax())
            raise TableError(
                f"column {self.name!r} has lists of different lengths: {first} in row 0, "
                f"{lengths[other]} in row {other // self.elements}"
            )
        return first


def nothing(count: int) -> Array:
    """What a column is read as of which all values are missing and whose type nobody knows."""
    return np.full(count, np.nan, np.float32)
