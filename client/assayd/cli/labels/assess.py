"""`assayctl labels assess`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer

from assayd import AssessOptions, Client, LabelAssessment, LabelSums
from assayd.cli import flags, progress
from assayd.cli.connecting import connected
from assayd.cli.exits import UsageError, one_sentence
from assayd.cli.labels.rows import (
    DEADLINE_SECONDS,
    As,
    Asked,
    Input,
    Labels,
    Part,
    Rows,
    known_by,
    open_rows,
    told,
)
from assayd.cli.labels.tally import Tally
from assayd.cli.printing import print_columns, print_json
from assayd.cli.progress import Progress
from assayd.cli.sinks import check_output, write_table
from assayd.label_options import QUALITIES

_OWN = ("position", "label", "quality", "suspected")

_Output = Annotated[Path, typer.Option(help="The quality of each label: .parquet or .csv, whole or not at all.")]
_Quality = Annotated[
    str, typer.Option(metavar="NAME", callback=flags.one_of(QUALITIES), help=f"One of {', '.join(QUALITIES)}.")
]


def assess(
    *,
    rows: Input,
    labels: Labels,
    output: _Output,
    kind: As = "inputs",
    quality: _Quality = "self_confidence",
    columns: flags.Columns = None,
    id_column: flags.IdColumn = None,
    temperature: flags.Temperature = None,
    wire_type: flags.WireType = None,
    batch_rows: flags.BatchRows = None,
    overwrite: flags.Overwrite = False,
    quiet: flags.Quiet = False,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Find the labels of a file that are probably wrong.

    A model that was trained on these rows with these labels has learned their mistakes: give the probabilities of
    cross-validation. The file is read twice, some rows at a time: what is to be expected of each class is counted
    first, and each label is judged by that.

    \b
    Examples:
      assayctl labels assess --input rows.parquet --labels label --id-column id --output found.parquet
      assayctl labels assess --input held_out.npy --as probabilities --labels labels.npy --output found.csv
    """
    asked = Asked(
        path=rows,
        kind=kind,
        columns=columns,
        id_column=id_column,
        labels=labels,
        batch_rows=batch_rows,
        model=model,
        version=version,
    )
    wanted = AssessOptions(quality=quality, temperature=temperature, wire_type=wire_type)
    with one_sentence(as_json=as_json):
        check_output(output, rows=rows, overwrite=overwrite)
        if id_column in _OWN:
            raise UsageError(f"--id-column: the output has a column {id_column!r} of its own")
        file = open_rows(asked)
        with connected(address, deadline_seconds) as client, told(rows):
            found = Assessing(client, known_by(file, client), wanted, quiet=quiet)
            write_table(output, found.batches(), folder=output.parent)
        if as_json:
            print_json(
                {**found.tally.document(found.rows), "output": str(output), "model": found.rows.model_document}
            )
        elif not quiet:
            _print(found, output)


class Assessing:
    """Two passes over a file, of which the second one is written as it goes."""

    def __init__(self, client: Client, rows: Rows, wanted: AssessOptions, *, quiet: bool) -> None:
        """Nothing is read yet."""
        self.rows = rows
        self.tally = Tally()
        self._client, self._wanted, self._quiet = client, wanted, quiet

    def batches(self) -> Iterator[pa.RecordBatch]:
        """What is said of each row, as record batches."""
        total = None if self.rows.row_count is None else 2 * self.rows.row_count
        with progress.shown(total=total, done=0, quiet=self._quiet) as shown:
            sums = self._sums(shown)
            self.tally.counts = sums.counts
            wanted: dict[str, Any] = {**self._wanted, **self._which(sums), "given": sums}
            for part in self.rows.parts(shown):
                found = self._client.assess_labels(**self.rows.given(part.rows), labels=part.labels, **wanted)
                self.tally.add(part, found, self.rows)
                yield _table(part, found, self.rows)

    def _sums(self, shown: Progress) -> LabelSums:
        wanted: dict[str, Any] = {name: value for name, value in self._wanted.items() if name != "quality"}
        sums = None
        for part in self.rows.parts(shown):
            found = self._client.label_sums(
                **self.rows.given(part.rows), labels=part.labels, **wanted, **self.rows.which
            )
            sums = found if sums is None else sums + found
        assert sums is not None  # a file without rows was refused
        return sums

    def _which(self, sums: LabelSums) -> dict[str, Any]:
        """The model that the sums are by."""
        return {} if sums.model is None else {"model": sums.model.name, "version": sums.model.version}


def _table(part: Part, found: LabelAssessment, rows: Rows) -> pa.RecordBatch:
    positions = pa.array(np.arange(part.start, part.start + len(part)))
    ids = {} if part.ids is None else {str(rows.file.columns.id_column): part.ids}
    return pa.RecordBatch.from_pydict(
        {
            "position": positions,
            **ids,
            "label": rows.names.column(part.labels),
            "quality": pa.array(found.quality),
            "suspected": pa.array(found.suspected),
        }
    )


def _print(found: Assessing, output: Path) -> None:
    tally, rows = found.tally, found.rows
    invalid = f", {tally.invalid:,} rows are invalid" if tally.invalid else ""
    by = "" if rows.model is None else f", by {rows.model.name}"
    print(
        f"{output}: {tally.suspected:,} of {tally.labeled:,} labels are probably wrong, "
        f"{tally.noise_share:.1%} are estimated to be{invalid}{by}"
    )
    confusions = tally.confusions(rows)
    if confusions:
        print("\nOf the rows that truly are of a class, such a share is labelled as another one:\n")
        pairs = [(one["truly"], one["label"], f"{one['share']:.1%}") for one in confusions]
        print_columns([("truly", "labelled", "share"), *pairs])
    if tally.worst:
        print("\nThe least likely labels:\n")
        named = rows.file.columns.id_column is not None
        shown = [("row", "id", "label", "quality")]
        shown += [
            (f"{position:,}", name, label, f"{quality:.2g}") for quality, position, name, label in tally.worst
        ]
        print_columns([each if named else (each[0], *each[2:]) for each in shown])
