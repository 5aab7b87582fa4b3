"""`assayctl labels evaluate`."""

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer

from assayd import Client, EvaluateOptions, Evaluation
from assayd.cli import flags, progress
from assayd.cli.connecting import connected
from assayd.cli.drift_document import number
from assayd.cli.exits import CommandError, one_sentence
from assayd.cli.labels.rows import DEADLINE_SECONDS, As, Asked, Input, Labels, Rows, known_by, open_rows, told
from assayd.cli.printing import print_columns, print_json
from assayd.label_results import joined_evaluations

_SHOWN_MAX = 10
_CLASSES_MAX = 50

_Bins = Annotated[
    int, typer.Option(min=1, max=1000, metavar="N", help="Of confidence, for the calibration error.")
]


def evaluate(
    *,
    rows: Input,
    labels: Labels,
    kind: As = "inputs",
    calibration_bins: _Bins = 15,
    columns: flags.Columns = None,
    id_column: flags.IdColumn = None,
    temperature: flags.Temperature = None,
    wire_type: flags.WireType = None,
    batch_rows: flags.BatchRows = None,
    quiet: flags.Quiet = False,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Say how good predictions are, beside verified labels: of all rows and of each class.

    Rows without a label are left out. Average precision is of rows that go in one call; all else is exact for a
    file of any length, of which some rows are in memory at a time.

    \b
    Examples:
      assayctl labels evaluate --input verified.parquet --labels label --id-column id
      assayctl labels evaluate --input verified.npy --as logits --labels labels.npy --json
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
    wanted = EvaluateOptions(calibration_bins=calibration_bins, temperature=temperature, wire_type=wire_type)
    with one_sentence(as_json=as_json):
        file = open_rows(asked)
        with connected(address, deadline_seconds) as client, told(rows):
            known = known_by(file, client)
            parts = [*_evaluated(client, known, wanted, quiet=quiet)]
        if not parts:
            raise CommandError(f"--labels: none of {labels} is a label: there is nothing to compare with")
        found = joined_evaluations(parts)
        if as_json:
            print_json(_document(found, known))
        elif not quiet:
            _print(found, known)


def _evaluated(client: Client, rows: Rows, wanted: EvaluateOptions, *, quiet: bool) -> Iterator[Evaluation]:
    """Of each part of the file that has a label."""
    with progress.shown(total=rows.row_count, done=0, quiet=quiet) as shown:
        for part in rows.parts(shown):
            verified = part.labels >= 0
            if verified.any():
                chosen = (
                    part.rows.filter(pa.array(verified)) if rows.file.columns.features else part.rows[verified]
                )
                yield client.evaluate(
                    **rows.given(chosen),
                    labels=part.labels[verified],
                    **rows.which,
                    **wanted,
                )


def _by_class(found: Evaluation) -> Iterator[tuple[int, dict[str, Any]]]:
    """What is said of each class that has a row or a prediction."""
    precisions = np.full(len(found.f1), np.nan) if found.average_precision is None else found.average_precision
    values = zip(found.precision, found.recall, found.f1, precisions, found.support, strict=True)
    for place, (precision, recall, f1, average_precision, support) in enumerate(values):
        if not np.isnan(f1):
            yield (
                place,
                {
                    "precision": number(float(precision)),
                    "recall": number(float(recall)),
                    "f1": number(float(f1)),
                    "average_precision": number(float(average_precision)),
                    "rows": int(support),
                },
            )


def _confused(found: Evaluation, rows: Rows) -> list[dict[str, Any]]:
    """The pairs of classes that are most often taken for each other, one direction at a time."""
    counts = found.confusion - np.diag(np.diagonal(found.confusion))
    largest = np.argsort(-counts, axis=None, kind="stable")[:_SHOWN_MAX]
    pairs = [(*divmod(int(place), len(counts)), int(counts.flat[place])) for place in largest]
    return [
        {"label": rows.names.of(label), "predicted": rows.names.of(predicted), "rows": count}
        for label, predicted, count in pairs
        if count
    ]


def _document(found: Evaluation, rows: Rows) -> dict[str, Any]:
    mean, pooled = found.mean_average_precision, found.pooled_average_precision
    return {
        "verified": found.verified,
        "invalid_rows": len(found.invalid_rows),
        "accuracy": found.accuracy,
        "mean_average_precision": None if mean is None else number(mean),
        "pooled_average_precision": None if pooled is None else number(pooled),
        "calibration_error": found.calibration_error,
        "classes": [{"class": rows.names.of(place), **said} for place, said in _by_class(found)],
        "confused": _confused(found, rows),
        "model": rows.model_document,
    }


def _print(found: Evaluation, rows: Rows) -> None:
    mean, pooled = found.mean_average_precision, found.pooled_average_precision
    of_one_call = (
        "of rows in several calls" if mean is None or pooled is None else f"{mean:.3f}, AP_all {pooled:.3f}"
    )
    by = "" if rows.model is None else f", by {rows.model.name}"
    invalid = f", {len(found.invalid_rows):,} rows are invalid" if len(found.invalid_rows) else ""
    print(f"accuracy {found.accuracy:.3f} of {found.verified:,} labels{invalid}{by}")
    print(f"mAP {of_one_call}; calibration error {found.calibration_error:.3f}\n")
    worst = sorted(_by_class(found), key=lambda each: each[1]["f1"])
    shown = [(rows.names.of(place), *_texts(said)) for place, said in worst[:_CLASSES_MAX]]
    print_columns([("class", "precision", "recall", "F1", "AP", "rows"), *shown])
    if len(worst) > _CLASSES_MAX:
        print(f"and {len(worst) - _CLASSES_MAX:,} classes with a higher F1")
    confused = _confused(found, rows)
    if confused:
        print("\nMost often taken for another class:\n")
        pairs = [(one["label"], one["predicted"], f"{one['rows']:,}") for one in confused]
        print_columns([("label", "predicted", "rows"), *pairs])


def _texts(said: dict[str, Any]) -> list[str]:
    shares = [said[name] for name in ("precision", "recall", "f1", "average_precision")]
    return [*("-" if share is None else f"{share:.3f}" for share in shares), f"{said['rows']:,}"]
