"""Requests about drift, from what callers pass in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd.errors import InvalidArgumentError
from assayd.label_options import with_labels
from assayd.rank_options import check_whole
from assayd.rank_rows import beside_array
from assayd.requests import SelectorOptions, level, names, selector
from assayd.rows import Rows, collect
from assayd.tables.table import Table
from assayd.v1 import monitoring_pb2

_KINDS = ("x", "logits", "probabilities", "embeddings")


class DriftOptions(SelectorOptions, total=False):
    """How to compare a window with the reference: the keywords of Client.test_drift."""

    alpha: float | None
    """The level of the whole test, above 0 and up to 0.5; default 0.01."""
    delta: float | None
    """How large an effect must be, above 0; default 0.1."""
    columns: Iterable[str]
    """The columns to compare; default all that the reference has."""
    reference_digest: str
    """Of the reference that is meant; where the server has another, it refuses. Default: any."""
    wire_type: str | None
    """The type in which the numbers of the rows are sent, such as "uint8" or "float16"; default their own."""
    sample_rows: int | None
    """Test a random sample of so many rows where there are more; default all of them."""
    seed: int
    """Of the sample, 0 to 2^64 - 1; default 0. The same rows and seed give the same sample."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A random sample of rows, in their order."""

    row_count: int
    """At most."""
    seed: int

    def of(self, rows: Rows) -> Rows:
        """All rows where there are no more, else a sample of them: those with the smallest random keys."""
        if rows.count <= self.row_count:
            return rows
        return rows.taken(self.smallest(self.random().random(rows.count)))

    def random(self) -> np.random.Generator:
        """Draws a key for each row, one after the other."""
        return np.random.default_rng(self.seed)

    def smallest(self, keys: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which rows of more have the smallest keys, in their order."""
        return np.sort(np.argpartition(keys, self.row_count)[: self.row_count])


def sample_of(sample_rows: int | None, seed: int) -> Sample | None:
    """What is taken of a window, None for all of it.

    Raises:
        InvalidArgumentError: a number is out of range.
    """
    check_whole("seed", seed, lowest=0, highest=2**64 - 1)
    if sample_rows is None:
        return None
    check_whole("sample_rows", sample_rows, lowest=1)
    return Sample(sample_rows, seed)


def drift_request(
    *,
    alpha: float | None = None,
    delta: float | None = None,
    columns: Iterable[str] = (),
    reference_digest: str = "",
    model: str = "",
    version: int = 0,
) -> monitoring_pb2.TestDriftRequest:
    """Everything but the rows; the arguments are those of DriftOptions.

    Raises:
        InvalidArgumentError: a number is out of range.
    """
    return monitoring_pb2.TestDriftRequest(
        model=selector(model, version),
        reference_digest=reference_digest,
        alpha=level(alpha, "alpha"),
        delta=effect(delta, "delta"),
        columns=names(columns),
    )


def effect(delta: float | None, field: str) -> float:
    """How large an effect must be, 0 where the server decides.

    Raises:
        InvalidArgumentError: it is out of range.
    """
    if delta is not None and not 0 < delta < np.inf:  # False for NaN
        raise InvalidArgumentError(f"{field}: is {delta}, allowed are numbers above 0", field=field)
    return delta or 0.0


def batch_watched(batch: Any) -> Rows | Table:
    """A batch of watch_drift: rows, or a dict of what collect_window takes."""
    if isinstance(batch, Mapping) and batch and batch.keys() <= set(_KINDS):
        return collect_window(**batch)
    return collect_window(batch)


def collect_window(
    x: object = None,
    *,
    logits: object = None,
    probabilities: object = None,
    embeddings: object = None,
    labels: object = None,
) -> Rows | Table:
    """The rows of a window.

    Args:
        x: what goes through the model.
        logits: in place of it, (n, c).
        probabilities: in place of it, (n, c).
        embeddings: in place of it, or beside logits or probabilities, (n, d).
        labels: (n,) whole numbers, beside any of them.

    Raises:
        InvalidArgumentError: none or several were given, or the arrays do not fit together.
    """
    rows = _unlabeled(x, logits, probabilities, embeddings)
    return rows if labels is None else with_labels(rows, labels)


def _unlabeled(x: object, logits: object, probabilities: object, embeddings: object) -> Rows | Table:
    values = dict(zip(_KINDS, (x, logits, probabilities, embeddings), strict=True))
    given = [name for name, value in values.items() if value is not None]
    beside = given[1:] in (["embeddings"],) and given[0] != "x"
    if len(given) - beside != 1:
        raise InvalidArgumentError(
            f"rows: give exactly one of {', '.join(_KINDS)}, or embeddings beside logits or probabilities; got "
            f"{', '.join(given) or 'none'}",
            field="rows",
        )
    rows = collect(**{given[0]: values[given[0]]})
    if not beside or isinstance(rows, Table):
        return rows
    return replace(rows, beside={"embeddings": beside_array("embeddings", embeddings, rows.count)})
