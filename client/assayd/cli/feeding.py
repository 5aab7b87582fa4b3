"""Sends rows from a source through a client, and gives their scores as record batches, with their ids."""

from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from assayd import Client, InvalidArgumentError, ModelInfo, ScoreOptions, Scores
from assayd.cli.columns import Columns
from assayd.cli.exits import CommandError, UsageError
from assayd.cli.sources.reading import Batch, Reading, Source


@dataclass(frozen=True, slots=True)
class Origin:
    """What all scores are to be from."""

    model: ModelInfo
    reference: str
    """The digest of the reference that novelty is told by; empty where it is not asked for."""


def scored(
    client: Client, source: Source, columns: Columns, reading: Reading, *, origin: Origin, wanted: ScoreOptions
) -> Iterator[pa.RecordBatch]:
    """The scores of each batch, in order, the ids first; a source without rows gives one batch without rows.

    Args:
        client: where to ask.
        source: the rows.
        columns: which of its columns are what.
        reading: which rows, and how many at a time.
        origin: scores all of them.
        wanted: what is asked for; the model is set here. No outputs are predictions, or values of a regression.

    Raises:
        CommandError: the rows do not fit the model, or replicas do not agree on it or on its reference.
        AssaydError: a call failed.
    """
    feed = _Feed(source, columns, reading)
    stream: Any = client.score_stream(feed.features(), **_options(wanted, origin.model))
    try:
        with closing(stream):
            for scores in stream:
                _check_model(scores, origin.model)
                _check_reference(scores, origin)
                yield feed.with_ids(scores)
    except InvalidArgumentError as error:
        if error.reason:  # the server's, whichever batch it is about
            raise
        raise CommandError(f"{feed.place}: {error.message}") from None


class _Feed:
    """Gives the model's columns of each batch, and keeps its ids until its scores come."""

    def __init__(self, source: Source, columns: Columns, reading: Reading) -> None:
        """Nothing is read yet."""
        self._source = source
        self._columns = columns
        self._reading = reading
        self._begin = self._end = reading.start
        self._ids: deque[Any] = deque()

    @property
    def place(self) -> str:
        """Of the batch that was given last."""
        return f"{self._source.path}, counted from row {self._begin:,}" if self._begin else str(self._source.path)

    def features(self) -> Iterator[Batch]:
        """What feeds the model."""
        for batch in self._source.batches(self._reading):
            yield self._split(batch)
        if not self._end:
            yield self._split(self._source.no_rows(self._reading))

    def with_ids(self, scores: Scores) -> pa.RecordBatch:
        """The scores of the earliest batch that still waits, with its ids as the first column."""
        name, ids, table = self._columns.id_column, self._ids.popleft(), scores.to_arrow()
        if name in table.column_names:
            raise UsageError(f"--id-column: the scores have a column {name!r} of their own")
        if name is not None:
            table = table.add_column(0, name, ids)
        return table.combine_chunks().to_batches()[0] if len(table) else _no_rows(table.schema)

    def _split(self, batch: Any) -> Batch:
        self._begin, self._end = self._end, self._end + len(batch)
        name = self._columns.id_column
        self._ids.append(None if name is None else _plain(batch.column(name)))
        return batch.select(list(self._columns.features)) if self._columns.features else batch


def _options(wanted: ScoreOptions, model: ModelInfo) -> ScoreOptions:
    options = wanted.copy()
    options["model"], options["version"] = model.name, model.version
    if options["outputs"] is None:  # a column for each class is asked for, or not there
        options["outputs"] = ["values"] if model.task == "regression" else ["predictions"]
    return options


def _no_rows(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema)


def _plain(ids: pa.Array) -> pa.Array:
    """Without a dictionary, which may change from batch to batch."""
    return ids.dictionary_decode() if pa.types.is_dictionary(ids.type) else ids


def _check_model(scores: Scores, model: ModelInfo) -> None:
    digest = scores.model and scores.model.digest
    if digest != model.digest:
        raise CommandError(
            f"replicas serve different files as {model.name} version {model.version}: {model.digest} and {digest}"
        )


def _check_reference(scores: Scores, origin: Origin) -> None:
    digest = "" if scores.novelty is None else scores.novelty.reference_digest
    if digest != origin.reference:
        raise CommandError(
            f"replicas have different references of {origin.model.name} version {origin.model.version}: "
            f"{origin.reference} and {digest}"
        )
