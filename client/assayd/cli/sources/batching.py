"""Cuts a stream of record batches anew."""

from collections.abc import Iterable, Iterator

import pyarrow as pa


def of_equal_size(batches: Iterable[pa.RecordBatch], rows: int, *, skip: int = 0) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of so many; the last one has what is left.

    Args:
        batches: of one schema, any sizes.
        rows: of each batch; 1 or more.
        skip: how many rows at the beginning are left out.
    """
    waiting: list[pa.RecordBatch] = []
    count = 0
    for given in batches:
        batch = given.slice(min(skip, given.num_rows))
        skip -= given.num_rows - batch.num_rows
        while count + batch.num_rows >= rows:
            yield _joined([*waiting, batch.slice(0, rows - count)])
            batch, waiting, count = batch.slice(rows - count), [], 0
        if batch.num_rows:
            waiting.append(batch)
            count += batch.num_rows
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    filled = [batch for batch in batches if batch.num_rows]
    if len(filled) == 1:
        return filled[0]
    (joined,) = pa.Table.from_batches(filled).combine_chunks().to_batches()
    return joined
