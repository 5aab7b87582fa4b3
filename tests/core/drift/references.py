"""References and windows for tests."""

from typing import Any

import numpy as np

from assayd_server.core.drift import BinKind, ColumnValues, DriftReference, Role, WindowState, fit_drift_reference

CLASS_COUNT, WIDTH = 4, 20
CENTRES = np.random.default_rng(99).normal(0, 2, (CLASS_COUNT, WIDTH))


def rows_of(count: int, *, seed: int, shares: list[float] | None = None) -> dict[str, Any]:
    """Rows of four classes in a space of 20 dimensions, as a model would score them."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASS_COUNT, count, p=shares or [0.4, 0.3, 0.2, 0.1])
    embeddings = CENTRES[labels] + rng.normal(0, 1, (count, WIDTH)) @ np.diag(np.linspace(2, 0.2, WIDTH))
    logits = -((embeddings[:, None] - CENTRES) ** 2).sum(axis=2) / 20
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    return {"labels": labels, "embeddings": embeddings, "probabilities": probabilities}


def columns_of(rows: dict[str, Any]) -> dict[str, np.ndarray]:
    """The values of each column."""
    probabilities = rows["probabilities"]
    entropy = -(probabilities * np.log(np.maximum(probabilities, 1e-300))).sum(axis=1)
    by_class = {f"probability_{place}": probabilities[:, place] for place in range(CLASS_COUNT)}
    return {
        "predicted_class": probabilities.argmax(axis=1).astype(np.float64),
        "top_probability": probabilities.max(axis=1),
        "entropy": entropy,
        **by_class,
    }


def reference_of(rows: dict[str, Any]) -> DriftReference:
    """With labels, embedding and probabilities of each class."""
    columns = [
        ColumnValues(
            name=name,
            values=values,
            kind=BinKind.CATEGORIES if name == "predicted_class" else BinKind.INTERVALS,
            role=Role.CLASS_PROBABILITY if name.startswith("probability") else Role.DECIDES,
        )
        for name, values in columns_of(rows).items()
    ]
    labels, count = rows["labels"].astype(np.float64), len(rows["labels"])
    return fit_drift_reference(count, columns, embeddings=rows["embeddings"], labels=labels)


def window_of(reference: DriftReference, rows: dict[str, Any]) -> WindowState:
    """The state of some rows."""
    return reference.layout.count(len(rows["labels"]), columns_of(rows), rows["embeddings"])


def plain_reference(**columns: np.ndarray) -> DriftReference:
    """Of columns that decide, strings and integers as categories."""
    sources = [
        ColumnValues(
            name=name,
            values=values,
            kind=BinKind.INTERVALS if values.dtype.kind == "f" else BinKind.CATEGORIES,
        )
        for name, values in columns.items()
    ]
    return fit_drift_reference(len(next(iter(columns.values()))), sources)
