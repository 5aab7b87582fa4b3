"""`assayctl score`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from assayd import ScoreOptions
from assayd.cli import bulk, flags, sources
from assayd.cli.columns import choose
from assayd.cli.exits import one_sentence
from assayd.cli.printing import print_json
from assayd.cli.sinks import check_output
from assayd.requests import LEVEL_MAX, MEASURES, NOVELTY_MEASURES, OUTPUTS

_DEADLINE_SECONDS = 60.0
"""Longer than for a single call: a batch of thousands of rows may wait behind others."""

_Input = Annotated[Path, typer.Option("--input", help="The rows: .parquet, .csv or .npy.")]
_Output = Annotated[Path, typer.Option(help="The scores: .parquet or .csv. It appears when all is done.")]
_Uncertainty = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", callback=flags.one_of(MEASURES), help=f"Any of {', '.join(MEASURES)}; repeat it for more."
    ),
]
_Novelty = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        callback=flags.one_of(NOVELTY_MEASURES),
        help=f"Any of {', '.join(NOVELTY_MEASURES)}; repeat it for more. Combined brings a verdict on each row.",
    ),
]
_NoveltyAlpha = Annotated[
    float, typer.Option(callback=flags.above_0(LEVEL_MAX), help="The level of the verdicts and the discoveries.")
]
_TopK = Annotated[int, typer.Option(min=0, metavar="K", help="How many of the most probable classes.")]
_Outputs = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        callback=flags.one_of(OUTPUTS),
        help=f"Any of {', '.join(OUTPUTS)}; repeat it for more. Predictions always come.",
    ),
]
_Restart = Annotated[bool, typer.Option("--restart", help="Forget what an earlier run has finished.")]


def score(
    *,
    rows: _Input,
    output: _Output,
    columns: flags.Columns = None,
    id_column: flags.IdColumn = None,
    uncertainty: _Uncertainty = None,
    novelty: _Novelty = None,
    novelty_alpha: _NoveltyAlpha = 0.05,
    top_k: _TopK = 0,
    outputs: _Outputs = None,
    temperature: flags.Temperature = None,
    wire_type: flags.WireType = None,
    batch_rows: flags.BatchRows = None,
    restart: _Restart = False,
    overwrite: flags.Overwrite = False,
    quiet: flags.Quiet = False,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = _DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Score a file of rows: for each row, in order, what it is, how unsure the model is, and how strange it is.

    Memory is bounded however long the file is. What is finished is kept beside the output; interrupted or killed
    and started again, the same command goes on from there, with the same version of the model.

    \b
    Examples:
      assayctl score --input pool.parquet --output scores.parquet --uncertainty entropy
      assayctl score --input pool.csv --output scores.csv --id-column id --top-k 3
      assayctl score --input pool.npy --output scores.parquet --outputs embeddings --wire-type uint8
      assayctl score --input today.parquet --output strange.csv --novelty combined
    """
    with one_sentence(as_json=as_json):
        check_output(output, rows=rows, overwrite=overwrite)
        source = sources.open_source(rows)
        chosen = choose(source, columns, id_column)
        work = bulk.Bulk(
            source=source,
            columns=chosen,
            batch_rows=batch_rows or bulk.batch_rows(source, chosen),
            output=output,
            wanted=ScoreOptions(
                uncertainties=uncertainty or [],
                novelty=novelty or [],
                novelty_alpha=novelty_alpha if novelty else None,
                top_k=top_k,
                outputs=outputs or None,
                temperature=temperature,
                wire_type=wire_type,
            ),
        )
        where = bulk.Where(address=address, deadline_seconds=deadline_seconds, model=model, version=version)
        outcome = bulk.run(work, where, restart=restart, quiet=quiet)
        _report(outcome, output, as_json=as_json, quiet=quiet)


def _report(outcome: bulk.Outcome, output: Path, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json(_document(outcome, output))
    elif not quiet:
        invalid = f", {outcome.invalid_rows:,} of them invalid" if outcome.invalid_rows else ""
        by = f"{outcome.model.name} version {outcome.model.version}"
        print(f"{output}: {outcome.rows:,} rows{invalid}, by {by}, in {outcome.seconds:.1f} s")


def _document(outcome: bulk.Outcome, output: Path) -> dict[str, Any]:
    model = outcome.model
    return {
        "rows": outcome.rows,
        "invalid_rows": outcome.invalid_rows,
        "seconds": round(outcome.seconds, 3),
        "output": str(output),
        "model": {"name": model.name, "version": model.version, "digest": model.digest},
    }
