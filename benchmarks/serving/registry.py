"""The benchmarks, by the names that they are run alone by."""

from collections.abc import Callable, Iterator

from benchmarks.serving import (
    client_cost,
    heavy,
    options,
    retrieval,
    scaling,
    score_loads,
    selection,
    start_up,
    wide_softmax,
)
from benchmarks.serving.field import Field
from benchmarks.serving.measured import Measured

BENCHMARKS: dict[str, Callable[[Field], Iterator[Measured]]] = {
    each.__name__: each
    for each in (
        score_loads.one_row,
        score_loads.one_row_alone,
        score_loads.rows_32,
        score_loads.rows_256,
        score_loads.rows_256_uint8,
        score_loads.plain_calls,
        score_loads.open_inference,
        heavy.resnet50,
        retrieval.search,
        options.drift_counting,
        options.novelty,
        selection.rank,
        client_cost.client_cost,
        start_up.start_up,
        scaling.cores,
        score_loads.by_rows,
        wide_softmax.classes,
        retrieval.by_pool_size,
    )
}
"""In the order in which they are run."""
