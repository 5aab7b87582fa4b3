"""Columns of pandas as arrays: of NumPy's types, of its own that know what is missing, and of Arrow's."""

from typing import Any

import numpy as np

from assayd.arrays import Array
from assayd.tables import arrow_columns
from assayd.tables.object_columns import LISTS, read_objects
from assayd.tables.table import Column, Reading, Table


def pandas_table(frame: Any) -> Table:
    """A table of a pandas.DataFrame; its columns are named by text, whatever their names are."""
    series = (frame.iloc[:, position] for position in range(frame.shape[1]))
    return Table(tuple(map(_column, map(str, frame.columns), series)), len(frame))


def _column(name: str, series: Any) -> Column:
    reading = Reading(name, _type(series.dtype))
    return Column(name, reading.type, lambda: _holds_lists(series), lambda: _read(series, reading))


def _type(dtype: Any) -> str:
    return f"{dtype} of {dtype.categories.dtype}" if str(dtype) == "category" else str(dtype)


def _holds_lists(series: Any) -> bool:
    if hasattr(series.dtype, "pyarrow_dtype"):
        return arrow_columns.holds_lists(series.dtype.pyarrow_dtype)
    return series.dtype == object and any(isinstance(value, LISTS) for value in series.array)


def _read(series: Any, reading: Reading) -> Array:
    if hasattr(series.dtype, "pyarrow_dtype"):
        return arrow_columns.read(series.array.__arrow_array__(), reading)
    if hasattr(series.dtype, "numpy_dtype"):
        return _numbers(series)
    values = np.asarray(series)
    if values.dtype.kind in "biuf":
        return values
    if values.dtype.kind != "O":
        raise reading.unknown()
    return read_objects(values, series.isna().to_numpy(), reading)


def _numbers(series: Any) -> Array:
    """Of a type such as Int64, which knows what is missing."""
    dtype = series.dtype.numpy_dtype
    if not series.hasnans:
        return series.to_numpy(dtype)
    return series.to_numpy(dtype if dtype.kind == "f" else np.float64, na_value=np.nan)
