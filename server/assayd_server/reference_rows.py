"""Rows through a model, for all that a reference is made of: what is watched, class scores and embeddings."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.drift.reference import ColumnValues
from assayd_server.core.novelty import Outputs
from assayd_server.core.tasks import Task
from assayd_server.core.validity import finite
from assayd_server.errors import ArtefactError, ServiceError
from assayd_server.features import Feature, feature_columns
from assayd_server.given_rows import GivenRows
from assayd_server.monitored import UNCERTAINTIES, score_columns, watched_scores
from assayd_server.plan import Plan
from assayd_server.progress import Progress
from assayd_server.rows import Inputs, inputs_of
from assayd_server.scored_rows import why_not
from assayd_server.scoring import Scores
from assayd_server.servable import Servable
from assayd_server.wanted import Output, Wanted

ROWS_MAX = 262_144
"""A random sample of so many rows is as good as more of them."""
ELEMENTS_MAX = 1 << 28
"""Of class scores and embeddings together: a gigabyte, of which fitting holds a few copies of half of it."""
_BATCH_ROWS = 1024


@dataclass(frozen=True, slots=True)
class ReferenceRows:
    """n rows, as a model sees them."""

    columns: tuple[ColumnValues, ...]
    outputs: Outputs
    """Class scores as the model gave them, unless it has no classes of which a row has one; and embeddings."""
    predictions: Integers
    """(n,), -1 for a row that has no class."""
    valid: Booleans
    """(n,), False for a row that could not be scored, or has no finite embedding."""

    def __len__(self) -> int:
        """n."""
        return len(self.valid)

    def part(self, rows: Integers) -> Outputs:
        """What novelty looks at, of some rows."""

        def of(values: Floats | None) -> Floats | None:
            return None if values is None else values[rows]

        outputs = self.outputs
        return replace(
            outputs,
            logits=of(outputs.logits),
            probabilities=of(outputs.probabilities),
            embeddings=of(outputs.embeddings),
        )


def watched(model: Servable, temperature: float | None = None) -> Wanted:
    """How rows are scored to be watched."""
    outputs = frozenset({Output.EMBEDDINGS} if model.contract.embedding_width else set[Output]())
    task = model.contract.task
    return Wanted(
        outputs=outputs,
        temperature=None if task is Task.REGRESSION else temperature,
        uncertainties=UNCERTAINTIES[task],
    )


def rows_allowed(model: Servable) -> int:
    """How many rows a reference may be made from: the wider they are, the fewer."""
    contract = model.contract
    return min(ROWS_MAX, ELEMENTS_MAX // max(1, contract.embedding_width + contract.columns))


def run(model: Servable, rows: GivenRows, features: Sequence[Feature] = ()) -> ReferenceRows:
    """Run all rows through a model, with a line on the progress.

    Raises:
        ArtefactError: they do not fit the model, it fails on them, or there are none or too many.
    """
    parts: list[ReferenceRows] = []
    rows_max = rows_allowed(model)
    with closing(Progress("rows scored", rows.row_count)) as progress:
        for batch, scores in _scored(model, rows):
            parts.append(_seen(scores, feature_columns(features, batch, model.contract.inputs)))
            progress.advance(batch.count)
            if sum(map(len, parts)) > rows_max:
                raise ArtefactError(
                    f"{rows.path}: has more than {rows_max:,} rows, give a random sample of so many of them"
                )
    if not parts:
        raise ArtefactError(f"{rows.path}: has no rows")
    return _joined(parts)


def _scored(model: Servable, rows: GivenRows) -> Iterator[tuple[Inputs, Scores]]:
    start = 0
    for arrays in rows.batches(0, _BATCH_ROWS):
        batch = inputs_of(arrays)
        plan = Plan(batch, watched(model), model)
        try:
            forward = model.forward(model.match(batch), row_count=batch.count, roles=plan.roles)
        except ServiceError as error:
            where = f"{rows.path}: rows {start:,} to {start + batch.count - 1:,}"
            raise ArtefactError(f"{where}: {why_not(error)}") from error
        yield batch, watched_scores(forward, plan)
        start += batch.count


def _seen(scores: Scores, features: Sequence[ColumnValues]) -> ReferenceRows:
    rows, forward, temperature = scores.rows, scores.forward, scores.plan.temperature
    valid = rows.valid if forward.embeddings is None else rows.valid & finite(forward.embeddings)
    classes = scores.plan.task is Task.MULTICLASS
    return ReferenceRows(
        columns=(*score_columns(scores, temperature=temperature), *features),
        outputs=Outputs(
            logits=forward.logits if classes else None,
            probabilities=forward.probabilities if classes else None,
            embeddings=forward.embeddings,
            temperature=temperature,
        ),
        predictions=np.asarray(rows.predictions, np.int64),
        valid=valid,
    )


def _joined(parts: Sequence[ReferenceRows]) -> ReferenceRows:
    def of(name: str) -> Floats | None:
        values = [getattr(part.outputs, name) for part in parts]
        return None if values[0] is None else np.concatenate(values)

    first = parts[0]
    columns = tuple(
        replace(column, values=np.concatenate([part.columns[place].values for part in parts]))
        for place, column in enumerate(first.columns)
    )
    outputs = replace(
        first.outputs, logits=of("logits"), probabilities=of("probabilities"), embeddings=of("embeddings")
    )
    return ReferenceRows(
        columns,
        outputs,
        np.concatenate([part.predictions for part in parts]),
        np.concatenate([part.valid for part in parts]),
    )
