"""Whether a model seems to know rows by heart: it is surer of them than of what lies between them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats
from assayd_server.core.halfway import Gap, gap, nearest_alike
from assayd_server.core.tasks import Task
from assayd_server.given_rows import GivenRows
from assayd_server.monitored import watched_scores
from assayd_server.plan import Plan
from assayd_server.reference_rows import watched
from assayd_server.rows import inputs_of
from assayd_server.servable import Servable

SAMPLE_ROWS = 1500
ELEMENTS_MAX = 1 << 24
"""Of the sample: fewer rows are taken of wide ones."""
_MEASURED = ("float16", "float32", "float64", "uint8", "int8")
"""Types of numbers that measure something; those of one byte are mostly pixels."""
_BATCH_ROWS = 1024
_SEED = 0
Arrays = Mapping[str, NDArray[Any]]


def known_by_heart(model: Servable, rows: GivenRows, row_count: int) -> Gap | None:
    """How much surer the model is of a sample of the rows than of points halfway between them.

    Args:
        model: of classes.
        rows: what it may have been trained on.
        row_count: how many there are.

    Returns:
        None where it has no classes of which a row has one, or where halfway between its inputs there is nothing:
        they are texts, or integers that may be codes, such as tokens.
    """
    measured = all(spec.data_type in _MEASURED for spec in model.contract.inputs)
    if model.contract.task is not Task.MULTICLASS or not measured:
        return None
    sample = _sample(rows, row_count)
    if not all(values.dtype.kind in "fiu" for values in sample.values()):
        return None
    flat = _flat(sample)
    probabilities = _probabilities(model, sample)
    usable = np.flatnonzero(np.isfinite(flat).all(axis=1) & np.isfinite(probabilities).all(axis=1))
    if not len(usable):
        return None
    classes = probabilities[usable].argmax(axis=1)
    nearest = nearest_alike(flat[usable], classes)
    pairs = np.flatnonzero(nearest >= 0)
    first, second, predicted = usable[pairs], usable[nearest[pairs]], classes[pairs]
    if not len(pairs):
        return None
    between = _probabilities(model, {name: _halfway(values, first, second) for name, values in sample.items()})
    places = np.arange(len(pairs))
    return gap(probabilities[first, predicted], between[places, predicted])


def _sample(rows: GivenRows, row_count: int) -> Arrays:
    """Some rows, drawn by chance and the same each time."""
    count = min(row_count, SAMPLE_ROWS, max(2, ELEMENTS_MAX // max(1, rows.row_elements)))
    drawn = np.sort(np.random.default_rng(_SEED).choice(row_count, count, replace=False))
    parts: dict[str, list[NDArray[Any]]] = {}
    start = 0
    for arrays in rows.batches(0, _BATCH_ROWS):
        size = len(next(iter(arrays.values())))
        own = drawn[slice(*np.searchsorted(drawn, [start, start + size]))] - start
        for name, values in arrays.items():
            parts.setdefault(name, []).append(np.array(values[own]))
        start += size
    return {name: np.concatenate(values) for name, values in parts.items()}


def _flat(arrays: Arrays) -> Floats:
    """(n, d): all that there is of each row, side by side."""
    return np.concatenate(
        [values.reshape(len(values), -1).astype(np.float64) for values in arrays.values()], axis=1
    )


def _halfway(values: NDArray[Any], first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[Any]:
    middle = (values[first].astype(np.float64) + values[second].astype(np.float64)) / 2
    return (middle if values.dtype.kind == "f" else np.rint(middle)).astype(values.dtype)


def _probabilities(model: Servable, arrays: Arrays) -> Floats:
    """(n, c); NaN for a row that cannot be scored."""
    found = []
    for start in range(0, len(next(iter(arrays.values()))), _BATCH_ROWS):
        batch = inputs_of({name: values[start : start + _BATCH_ROWS] for name, values in arrays.items()})
        plan = Plan(batch, watched(model), model)
        forward = model.forward(model.match(batch), row_count=batch.count, roles=plan.roles)
        found.append(watched_scores(forward, plan).rows.probabilities)
    return np.concatenate(found)
