"""Rows for a model that lie in a file: read some at a time, from any row on."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from assayd_server.errors import ArtefactError
from assayd_server.given_ids import GivenIds
from assayd_server.held_out import read_rows

Arrays = Mapping[str, NDArray[Any]]
ARRAY_FILES = (".npy", ".npz")


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRows:
    """n rows, and where they are from."""

    path: Path
    layout: str
    """What they are made of, as a text that changes when that changes."""
    row_count: int | None
    """None where only reading them all would tell."""
    row_elements: int
    """About how many numbers a row has."""
    batches: Callable[[int, int], Iterator[Arrays]]
    """Arrays by input, from a row on, so many at a time."""
    ids: GivenIds | None
    """None where they have none of their own."""
    columns: tuple[str, ...] = ()
    """The names of what they are made of, where they lie in a table."""


def rows_in_arrays(path: Path) -> GivenRows:
    """The rows in a .npy file, or in a .npz file with an array for each input.

    Raises:
        ArtefactError: it cannot be read, or its arrays differ in their rows.
    """
    arrays = read_rows(path)
    count = len(next(iter(arrays.values())))

    def batches(start: int, batch_rows: int) -> Iterator[Arrays]:
        for begin in range(start, count, batch_rows):
            yield {name: values[begin : begin + batch_rows] for name, values in arrays.items()}

    return GivenRows(
        path=path,
        layout="; ".join(f"{name} {values.dtype.str} {list(values.shape)}" for name, values in arrays.items()),
        row_count=count,
        row_elements=max(math.prod(values.shape[1:]) for values in arrays.values()),
        batches=batches,
        ids=None,
    )


def check_has_rows(rows: GivenRows, count: int) -> None:
    """See to it that there are any.

    Raises:
        ArtefactError: there are none.
    """
    if not count:
        raise ArtefactError(f"{rows.path}: has no rows, and a pool has one at least")
