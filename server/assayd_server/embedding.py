"""Rows through a model, for their embeddings alone."""

from collections.abc import Iterator
from contextlib import closing

from assayd_server.core.arrays import Floats
from assayd_server.embedded_rows import EmbeddedRows
from assayd_server.errors import ArtefactError, ServiceError
from assayd_server.given_rows import GivenRows
from assayd_server.progress import Progress
from assayd_server.rows import Inputs, inputs_of
from assayd_server.scored_rows import why_not
from assayd_server.servable import Servable

_BATCH_ROWS_MAX = 1024
_BATCH_ELEMENTS_MAX = 1 << 22
"""How many values one forward pass may take or give, where a row has no more of them by itself."""


def batch_rows(rows: GivenRows, width: int) -> int:
    """How many rows go through the model at once.

    Args:
        rows: what is embedded.
        width: of the embedding.
    """
    return max(1, min(_BATCH_ROWS_MAX, _BATCH_ELEMENTS_MAX // max(width, rows.row_elements)))


def embed(model: Servable, rows: GivenRows, kept: EmbeddedRows) -> None:
    """Embed the rows that are not kept yet, with a line on the progress.

    Raises:
        ArtefactError: they do not fit the model, the model fails on them, or they cannot be written. What was
            embedded before is kept.
    """
    size = batch_rows(rows, model.contract.embedding_width)
    with closing(Progress("rows embedded", rows.row_count, done=kept.rows_done)) as progress:
        try:
            for embeddings in _embeddings(model, rows, start=kept.rows_done, size=size):
                kept.add(embeddings)
                progress.advance(len(embeddings))
        finally:
            kept.flush()


def _embeddings(model: Servable, rows: GivenRows, *, start: int, size: int) -> Iterator[Floats]:
    for arrays in rows.batches(start, size):
        batch = inputs_of(arrays)
        try:
            embeddings = _of_batch(model, batch)
        except ServiceError as error:
            where = f"{rows.path}: rows {start:,} to {start + batch.count - 1:,}"
            raise ArtefactError(f"{where}: {why_not(error)}") from error
        yield embeddings
        start += batch.count


def _of_batch(model: Servable, batch: Inputs) -> Floats:
    forward = model.forward(model.match(batch), row_count=batch.count, roles=["embedding"])
    assert forward.embeddings is not None
    return forward.embeddings
