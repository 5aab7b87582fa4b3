"""What a table becomes for a model of some inputs, with no server."""

from typing import Any

import numpy as np
import pytest

from assayd import InvalidArgumentError, TensorSpec
from assayd.rows import table_rows
from assayd.tables.detection import table_of


def takes(*lengths: int | None, data_type: str = "float64", name: str = "x") -> TensorSpec:
    """An input of a model: the lengths of its axes but for the rows."""
    return TensorSpec(name, data_type, (None, *lengths))


ANY = takes(None)
TEXT = takes(None, data_type="string")
SCALAR = takes()


def fed(table: object, *specs: TensorSpec) -> dict[str, np.ndarray]:
    """The arrays by input."""
    found = table_of(table)
    assert found is not None
    return table_rows(found, specs or (ANY,)).arrays


def fed_one(table: object, spec: TensorSpec = ANY) -> np.ndarray:
    """The array of the only input."""
    (array,) = fed(table, spec).values()
    return array


def refusal(table: object, *specs: TensorSpec) -> str:
    """With which words a table is refused."""
    with pytest.raises(InvalidArgumentError) as caught:
        fed(table, *specs)
    assert caught.value.field == "inputs"
    return caught.value.message


def assert_same(array: np.ndarray, values: Any, dtype: Any) -> None:
    """An array is just that, NaN and type and all."""
    expected = np.array(values, dtype)
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array, expected)
