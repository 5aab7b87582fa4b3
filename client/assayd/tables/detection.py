"""Whether a value is a table, told by the names of its type, so that no library is imported for it."""

from collections.abc import Callable
from typing import Any

from assayd.errors import InvalidArgumentError
from assayd.tables.arrow_columns import arrow_table
from assayd.tables.pandas_columns import pandas_table
from assayd.tables.polars_columns import polars_table
from assayd.tables.table import Table, TableError

_TABLES: dict[tuple[str, str], Callable[[Any], Table]] = {
    ("pandas", "DataFrame"): pandas_table,
    ("polars", "DataFrame"): polars_table,
    ("pyarrow", "Table"): arrow_table,
    ("pyarrow", "RecordBatch"): arrow_table,
}
_NO_TABLES = {
    ("polars", "LazyFrame"): "collect() it first",
    ("pyarrow", "RecordBatchReader"): "read_all() of it, or give it to score_stream",
    ("dask", "DataFrame"): "compute() it first, or give its partitions to score_stream",
    ("pyspark", "DataFrame"): "toPandas() or toArrow() it first",
}


def table_of(value: object) -> Table | None:
    """The table that a value is, None where it is none.

    Raises:
        TableError: it would be one once it was computed, or it has no columns.
    """
    for name in _names(value):
        if name in _NO_TABLES:
            raise TableError(f"a {'.'.join(name)} holds no rows yet: {_NO_TABLES[name]}")
        if name in _TABLES:
            table = _TABLES[name](value)
            if not table.columns:
                raise TableError("the table has no columns")
            return table
    return None


def check_batches(batches: Any) -> Any:
    """What score_stream was given, unless it is one table: to iterate over it would give its columns.

    Raises:
        InvalidArgumentError: it is one.
    """
    for name in _names(batches):
        if name in _TABLES:
            raise InvalidArgumentError(
                f"batches: a {'.'.join(name)} is one batch, give a list of them, or call score", field="batches"
            )
    return batches


def _names(value: object) -> list[tuple[str, str]]:
    return [(kind.__module__.partition(".")[0], kind.__name__) for kind in type(value).__mro__]
