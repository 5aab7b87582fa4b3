"""Which rows of a whole file are discoveries: told once the p-values of all of them are there."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from assayd.false_discoveries import Floats, threshold

_DISCOVERY, _P_VALUE = "discovery", "p_class"


def discovered(batches: Iterable[pa.RecordBatch], limit: float) -> Iterator[pa.RecordBatch]:
    """The same rows, with the column of discoveries written anew.

    Args:
        batches: with columns of discoveries and of p-values.
        limit: the largest p-value that is one.
    """
    for batch in batches:
        place = batch.schema.get_field_index(_DISCOVERY)
        yield batch.set_column(place, _DISCOVERY, pa.array(_p_values(batch) <= limit))


def limit_of(batches: Iterable[pa.RecordBatch], alpha: float) -> float:
    """The largest p-value that is a discovery among all rows; memory holds how often each value is there."""
    values, counts = np.empty(0), np.empty(0, np.int64)
    for batch in batches:
        p_values = _p_values(batch)
        met, often = np.unique(p_values[~np.isnan(p_values)], return_counts=True)
        values, places = np.unique(np.concatenate([values, met]), return_inverse=True)
        counts, before = np.zeros(len(values), np.int64), np.concatenate([counts, often])
        np.add.at(counts, places, before)
    return threshold(values, counts, alpha)


def _p_values(batch: pa.RecordBatch) -> Floats:
    found: Floats = batch.column(_P_VALUE).to_numpy(zero_copy_only=False)
    return found
