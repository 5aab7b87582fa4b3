"""Scores as the columns of a table: plain arrays, a pandas DataFrame or an Arrow table."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from assayd.arrays import Array

if TYPE_CHECKING:
    from assayd.results import Scores


def columns(scores: "Scores") -> dict[str, Array]:
    """(n,) arrays by name; the names depend on what was asked for and on the model, never on the rows."""
    return dict(_columns(scores))


def to_pandas(scores: "Scores") -> Any:
    """A pandas.DataFrame of the columns.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise _missing("pandas", "to_pandas") from None
    return pandas.DataFrame(columns(scores))


def to_arrow(scores: "Scores") -> Any:
    """A pyarrow.Table of the columns; what lies in one piece already is not copied.

    Raises:
        ImportError: pyarrow is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise _missing("pyarrow", "to_arrow") from None
    arrays = {
        name: pyarrow.array(values, pyarrow.string() if values.dtype.kind == "O" else None)
        for name, values in columns(scores).items()
    }
    return pyarrow.table(arrays)


def _columns(scores: "Scores") -> Iterator[tuple[str, Array]]:
    yield "prediction", scores.predictions
    if scores.labels.dtype.kind == "O":  # the model has names
        yield "label", scores.labels
    yield "valid", scores.valid
    yield from scores.uncertainty.items()
    if scores.top is not None:
        for place in range(scores.top.classes.shape[1]):
            yield f"top_{place + 1}", scores.top.labels[:, place]
            yield f"top_{place + 1}_probability", scores.top.probabilities[:, place]
    for name, matrix in _matrices(scores):
        for position in range(matrix.shape[1]):
            yield f"{name}_{position}", matrix[:, position]
    if scores.neighbors is not None:
        yield from scores.neighbors.columns().items()
    if scores.novelty is not None:
        yield from scores.novelty.columns().items()


def _matrices(scores: "Scores") -> Iterator[tuple[str, Array]]:
    named = {
        "probability": scores.probabilities,
        "logit": scores.logits,
        "embedding": scores.embeddings,
        "value": scores.values,
    }
    return ((name, matrix) for name, matrix in named.items() if matrix is not None)


def _missing(name: str, method: str) -> ImportError:
    return ImportError(f"Scores.{method} needs {name}, which is not installed: pip install {name}", name=name)
