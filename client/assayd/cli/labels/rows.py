"""Files of rows, with labels in one of the columns or in an array beside them, some rows at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer
from numpy.typing import NDArray

from assayd import Client, InvalidArgumentError, ModelInfo
from assayd.cli import flags, sources
from assayd.cli.bulk import batch_rows
from assayd.cli.columns import Columns, choose, types
from assayd.cli.exits import CommandError, UsageError
from assayd.cli.labels.names import ClassNames
from assayd.cli.progress import Progress
from assayd.cli.sources.reading import Batch, Reading, Source

DEADLINE_SECONDS = 60.0
KINDS = {"inputs": "x", "logits": "logits", "probabilities": "probabilities"}
"""What the SDK calls them."""

Input = Annotated[Path, typer.Option("--input", help="The rows: .parquet, .csv or .npy.")]
As = Annotated[
    str, typer.Option("--as", metavar="NAME", callback=flags.one_of(KINDS), help=f"One of {', '.join(KINDS)}.")
]
Labels = Annotated[
    str,
    typer.Option("--labels", metavar="COLUMN|FILE", help="The column with the labels, or a .npy file of them."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which rows, as the flags have it."""

    path: Path
    kind: str
    columns: str | None
    id_column: str | None
    labels: str | None
    """None where rows need no labels."""
    batch_rows: int | None
    model: str
    version: int


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows."""

    start: int
    """How many came before."""
    rows: Any
    """A record batch, or an array."""
    labels: NDArray[np.int64]
    """(n,), or nothing where rows need none."""
    ids: pa.Array | None

    def __len__(self) -> int:
        """n."""
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of rows that was opened."""

    asked: Asked
    source: Source
    columns: Columns
    label_column: str | None
    label_file: Source | None

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Those to be read."""
        return tuple(dict.fromkeys((*self.columns.all, *([self.label_column] if self.label_column else []))))

    def labels_differ(self) -> CommandError:
        """There are more or fewer of them than rows."""
        return CommandError(f"--labels: {self.asked.labels} has not as many labels as the input has rows")


@dataclass(frozen=True, slots=True)
class Rows:
    """A file of rows, and who judges them."""

    file: RowFile
    model: ModelInfo | None
    """None where rows are scores already, and nobody named a model."""
    names: ClassNames

    @property
    def which(self) -> dict[str, Any]:
        """The model, as the SDK's calls take it."""
        return {} if self.model is None else {"model": self.model.name, "version": self.model.version}

    @property
    def model_document(self) -> dict[str, Any] | None:
        """The model as plain JSON values."""
        model = self.model
        return None if model is None else {"name": model.name, "version": model.version, "digest": model.digest}

    @property
    def row_count(self) -> int | None:
        """None where only reading it all would tell."""
        return self.file.source.row_count

    def given(self, rows: Batch) -> dict[str, Any]:
        """Rows, as the SDK's calls take them."""
        return {KINDS[self.file.asked.kind]: rows}

    def parts(self, progress: Progress) -> Iterator[Part]:
        """All rows, in order.

        Raises:
            CommandError: the file cannot be read, has no rows, or other labels than rows.
        """
        file, start = self.file, 0
        for rows, labels in zip_longest(file.source.batches(self._reading), self._labels()):
            if rows is None or (labels is not None and len(labels) != len(rows)):
                raise file.labels_differ()
            yield self._part(start, rows, labels)
            start += len(rows)
            progress.advance(len(rows))
        if not start:
            raise CommandError(f"{file.source.path}: holds no rows")

    def ids(self) -> Iterator[pa.Array]:
        """What the rows are called, some of them at a time; there must be a column that says it."""
        name = str(self.file.columns.id_column)
        reading = Reading(columns=(name,), batch_rows=self._reading.batch_rows, types={name: pa.string()})
        batches: Iterator[Any] = self.file.source.batches(reading)
        return (_plain(batch.column(name)) for batch in batches)

    @property
    def _reading(self) -> Reading:
        file, asked = self.file, self.file.asked
        if asked.kind == "inputs":
            assert self.model is not None  # inputs have one
            found = dict(types(file.columns, self.model.inputs)) if file.columns.features else {}
        else:
            found = dict.fromkeys(file.columns.features, pa.float64())
        texts = [name for name in (file.columns.id_column, file.label_column) if name]
        return Reading(
            columns=file.all_columns,
            batch_rows=asked.batch_rows or batch_rows(file.source, file.columns),
            types={**found, **dict.fromkeys(texts, pa.string())},
        )

    def _labels(self) -> Iterator[Batch]:
        """Those of the file beside the rows, in batches as long as theirs."""
        if self.file.label_file is not None:
            reading = Reading(columns=(), batch_rows=self._reading.batch_rows)
            yield from self.file.label_file.batches(reading)

    def _part(self, start: int, rows: Any, labels: Batch | None) -> Part:
        file, path = self.file, self.file.source.path
        found: NDArray[np.int64] = np.empty(0, np.int64)
        if labels is not None:
            found = self.names.positions(labels, str(file.asked.labels))
        elif file.label_column is not None:
            found = self.names.positions(rows.column(file.label_column), f"{path}: {file.label_column}")
        elif file.label_file is not None:
            raise file.labels_differ()
        name = file.columns.id_column
        ids = None if name is None else _plain(rows.column(name))
        return Part(start, rows.select(list(file.columns.features)) if file.columns.features else rows, found, ids)


def open_rows(asked: Asked) -> RowFile:
    """Open what the flags name.

    Raises:
        UsageError: there is no such file or column.
        CommandError: a file is not what its extension says.
    """
    source = sources.open_source(asked.path)
    labels = asked.labels or ""
    if not labels.lower().endswith(".npy"):
        return RowFile(asked, source, *_columns(source, asked), None)
    beside = sources.open_source(Path(labels), "--labels")
    shape = next(iter(beside.batches(Reading(columns=(), batch_rows=1))), np.empty(0)).shape
    if len(shape) != 1:
        raise UsageError(f"--labels: {labels} has more than one label a row, this command takes one")
    return RowFile(asked, source, choose(source, asked.columns, asked.id_column), None, beside)


def known_by(file: RowFile, client: Client) -> Rows:
    """The rows, and what the model that judges them says of classes.

    Raises:
        AssaydError: there is no such model, or no server.
    """
    asked = file.asked
    if asked.kind == "inputs" or asked.model:
        model = client.model(asked.model, version=asked.version)
        return Rows(file, model, ClassNames(model.labels, count=model.class_count))
    return Rows(file, None, ClassNames(file.columns.features))


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Say of which file rows are that the client itself refuses.

    Raises:
        CommandError: they are refused.
    """
    try:
        yield
    except InvalidArgumentError as error:
        if error.reason:  # the server's
            raise
        raise CommandError(f"{path}: {error.message}") from None


def _columns(source: Source, asked: Asked) -> tuple[Columns, str | None]:
    """Those that feed the model, and the one with the labels, which does not."""
    label = asked.labels
    chosen = choose(source, asked.columns, asked.id_column)
    if label is None:
        return chosen, None
    if not source.columns:
        raise UsageError(f"--labels: the rows of {source.path} have no named columns, give a .npy file")
    if source.columns.count(label) != 1:
        there = "no column" if label not in source.columns else "more than one column"
        raise UsageError(f"--labels: {source.path} has {there} {label!r}, and it is no .npy file")
    if label == asked.id_column or (asked.columns is not None and label in chosen.features):
        raise UsageError(f"--labels: {label!r} is among the columns that are something else")
    features = tuple(name for name in chosen.features if name != label)
    if not features:
        raise UsageError(f"--columns: no column of {source.path} is left to feed the model")
    return Columns(features, chosen.id_column), label


def _plain(ids: pa.Array) -> pa.Array:
    """Without a dictionary, which may change from batch to batch."""
    return ids.dictionary_decode() if pa.types.is_dictionary(ids.type) else ids
