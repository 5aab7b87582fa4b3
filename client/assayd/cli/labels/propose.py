"""`assayctl labels propose`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer

from assayd import Client, LabelProposals, ProposeOptions
from assayd.cli import flags, progress
from assayd.cli.connecting import connected
from assayd.cli.drift_document import number
from assayd.cli.exits import CommandError, UsageError, one_sentence
from assayd.cli.labels.rows import DEADLINE_SECONDS, As, Asked, Input, Rows, known_by, open_rows, told
from assayd.cli.printing import print_columns, print_json
from assayd.cli.sinks import check_output, write_table
from assayd.label_proposals import joined_proposals
from assayd.requests import LEVEL_MAX

_ROWS_AT_ONCE = 65_536
_CLASSES_MAX = 50
_OWN = ("position", "label", "confidence", "reason")

_Output = Annotated[Path, typer.Option(help="The label of each row, or why it has none: .parquet or .csv.")]
_Thresholds = Annotated[
    str | None,
    typer.Option(metavar="P|A,B,C", help="The least confidence, 0 to 1: one number, or one for each class."),
]
_Quotas = Annotated[
    str | None,
    typer.Option(metavar="N|A,B,C", help="The most rows of a class: one number, or one for each class."),
]
_Count = Annotated[
    int | None, typer.Option(min=1, max=2**32, metavar="N", help="With --prior: the most rows of all classes.")
]
_Prior = Annotated[
    str | None, typer.Option(metavar="A,B,C", help="With --count: the share of each class that is wanted.")
]
_ConfidenceMin = Annotated[
    str | None, typer.Option(metavar="P|A,B,C", help="With --quotas or --prior: the least confidence.")
]
_NoveltyAlpha = Annotated[
    float | None,
    typer.Option(callback=flags.above_0(LEVEL_MAX), help="Leave out rows that are novel at this level."),
]


def propose(
    *,
    rows: Input,
    output: _Output,
    thresholds: _Thresholds = None,
    quotas: _Quotas = None,
    count: _Count = None,
    prior: _Prior = None,
    confidence_min: _ConfidenceMin = None,
    novelty_alpha: _NoveltyAlpha = None,
    kind: As = "inputs",
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
    """Propose labels for the rows of a file that the model is confident of, to learn from them.

    Give --thresholds, --quotas, or --count with --prior. The output has every row, in the order of the file: its
    label, the confidence, and the reason: accepted, quota_full, below_threshold, novel or invalid. Some twenty
    bytes of each row are kept in memory, as rows compete for quotas.

    \b
    Examples:
      assayctl labels propose --input pool.parquet --id-column id --thresholds 0.95 --output proposed.parquet
      assayctl labels propose --input pool.npy --quotas 100 --confidence-min 0.8 --output proposed.csv
    """
    asked = Asked(
        path=rows,
        kind=kind,
        columns=columns,
        id_column=id_column,
        labels=None,
        batch_rows=batch_rows,
        model=model,
        version=version,
    )
    with one_sentence(as_json=as_json):
        wanted = ProposeOptions(temperature=temperature, wire_type=wire_type, novelty_alpha=novelty_alpha)
        rule: dict[str, Any] = {
            "thresholds": _numbers(thresholds, "--thresholds", float),
            "quotas": _numbers(quotas, "--quotas", int),
            "count": count,
            "prior": _numbers(prior, "--prior", float),
            "confidence_min": _numbers(confidence_min, "--confidence-min", float),
        }
        _check_rule(rule)
        check_output(output, rows=rows, overwrite=overwrite)
        if id_column in _OWN:
            raise UsageError(f"--id-column: the output has a column {id_column!r} of its own")
        file = open_rows(asked)
        with connected(address, deadline_seconds) as client, told(rows):
            known = known_by(file, client)
            rule["quotas"] = _for_each_class(rule["quotas"], known)
            found = _proposed(client, known, wanted | rule, quiet=quiet)
        write_table(output, _tables(found, known), folder=output.parent)
        if as_json:
            print_json({**_document(found, known), "output": str(output), "model": known.model_document})
        elif not quiet:
            _print(found, known, output)


def _numbers(text: str | None, flag: str, kind: Callable[[str], Any]) -> Any:
    """One number, or a list of them; None where the flag was not given."""
    if text is None:
        return None
    try:
        numbers = [kind(part) for part in text.split(",")]
    except ValueError:
        what = "whole numbers" if kind is int else "numbers"
        raise UsageError(f"{flag}: is {text!r}, allowed are {what} with commas between them") from None
    return numbers if len(numbers) > 1 or flag == "--prior" else numbers[0]


def _check_rule(rule: dict[str, Any]) -> None:
    """Refuse what goes not together, in the words of the command line."""
    if (rule["count"] is None) != (rule["prior"] is None):
        raise UsageError("--count and --prior: each goes with the other")
    given = [name for name in ("thresholds", "quotas", "count") if rule[name] is not None]
    if len(given) != 1:
        raise UsageError("give exactly one of --thresholds, --quotas, and --count with --prior")
    if rule["thresholds"] is not None and rule["confidence_min"] is not None:
        raise UsageError("--confidence-min: goes with --quotas or --prior, --thresholds say it")


def _for_each_class(quotas: Any, rows: Rows) -> Any:
    """One quota is that of each class."""
    if not isinstance(quotas, int):
        return quotas
    if not rows.names.count:
        raise UsageError("--quotas: give one for each class, as nobody says how many there are")
    return [quotas] * rows.names.count


def _proposed(client: Client, rows: Rows, wanted: Any, *, quiet: bool) -> LabelProposals:
    with progress.shown(total=rows.row_count, done=0, quiet=quiet) as shown:
        return joined_proposals(
            [client.propose_labels(**rows.given(part.rows), **rows.which, **wanted) for part in rows.parts(shown)]
        )


def _tables(found: LabelProposals, rows: Rows) -> Iterator[pa.RecordBatch]:
    """What is said of each row, as record batches; ids are read once more."""
    name, start, count = rows.file.columns.id_column, 0, len(found.labels)
    for ids in _unnamed(count) if name is None else rows.ids():
        part = slice(start, start + len(ids))
        start = part.stop
        if start > count:
            break
        yield pa.RecordBatch.from_pydict(
            {
                "position": pa.array(np.arange(part.start, part.stop)),
                **({} if name is None else {name: ids}),
                "label": rows.names.column(found.labels[part]),
                "confidence": pa.array(found.confidence[part]),
                "reason": pa.array(found.reasons[part], pa.string()),
            }
        )
    if start != count:
        raise CommandError(f"{rows.file.source.path}: changed while it was read")


def _unnamed(count: int) -> Iterator[range]:
    """So many rows, some at a time."""
    for start in range(0, count, _ROWS_AT_ONCE):
        yield range(start, min(start + _ROWS_AT_ONCE, count))


def _document(found: LabelProposals, rows: Rows) -> dict[str, Any]:
    reasons, counts = np.unique(found.reasons.astype(str), return_counts=True)
    quotas = found.quotas
    return {
        "rows": len(found.labels),
        "proposed": int(found.counts.sum()),
        "expected_accuracy": number(found.expected_accuracy),
        "reasons": dict(zip(reasons.tolist(), counts.tolist(), strict=True)),
        "classes": [
            {
                "class": rows.names.of(place),
                "proposed": proposed,
                "quota": None if quotas is None else int(quotas[place]),
            }
            for place, proposed in enumerate(found.counts.tolist())
        ],
        "reference_digest": found.reference_digest or None,
    }


def _print(found: LabelProposals, rows: Rows, output: Path) -> None:
    by = "" if rows.model is None else f", by {rows.model.name}"
    print(f"{output}: {found}{by}\n")
    quotas = found.quotas
    heads = ("class", "rows") if quotas is None else ("class", "rows", "quota")
    shown = [
        (rows.names.of(place), f"{proposed:,}", *(() if quotas is None else (f"{int(quotas[place]):,}",)))
        for place, proposed in enumerate(found.counts.tolist()[:_CLASSES_MAX])
    ]
    print_columns([heads, *shown])
    if len(found.counts) > _CLASSES_MAX:
        print(f"and {len(found.counts) - _CLASSES_MAX:,} classes more")
