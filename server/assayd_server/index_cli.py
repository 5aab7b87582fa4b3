"""`assayd index build` and `assayd index show`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assayd_server.core.similarity import Metric
from assayd_server.index_kind import Kind
from assayd_server.model_flags import (
    ActivationFlag,
    EmbeddingTensor,
    LogitsOutput,
    ProbabilitiesOutput,
    SampleAxis,
    ValuesOutput,
    chosen,
)
from assayd_server.one_sentence import one_sentence

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)

KindFlag = StrEnum("KindFlag", ["auto", *Kind])  # type: ignore[misc]
_AUTO = KindFlag("auto")


@app.callback()
def index() -> None:
    """Build pools, which rows are searched for in, and look at them."""


@app.command()
def build(
    *,
    vectors: Annotated[Path | None, typer.Option(help="A vector for each row: .npy.")] = None,
    rows: Annotated[
        Path | None,
        typer.Option("--input", help="Rows to embed: .npy, .npz by input name, .parquet or .csv."),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="The ONNX file that embeds them.")] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="A bundle's folder <name>/<version>: its model embeds, the pool goes into it."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The folder to write; it must be empty or not be there yet.")
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(help="An id for each row, whole numbers or text: .npy. Else row numbers.")
    ] = None,
    id_column: Annotated[str | None, typer.Option(help="The column of the input that holds the ids.")] = None,
    columns: Annotated[
        str | None, typer.Option(help="The columns that feed the model, between commas. Else all but the ids.")
    ] = None,
    metric: Annotated[Metric, typer.Option(help="What it means that two vectors are alike.")] = Metric.COSINE,
    kind: Annotated[
        KindFlag, typer.Option(help="Of the index; flat compares with every row, auto chooses by the size.")
    ] = _AUTO,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave out rows that cannot be in a pool, such as NaN.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew where an earlier run left a part behind.")
    ] = False,
    logits_output: LogitsOutput = None,
    probabilities_output: ProbabilitiesOutput = None,
    values_output: ValuesOutput = None,
    embedding_tensor: EmbeddingTensor = None,
    activation: ActivationFlag = None,
    sample_axis: SampleAxis = False,
) -> None:
    """Build a pool of vectors, or of rows and a model that embeds them.

    What was embedded is kept when it is interrupted or killed; the same command goes on from there.
    """
    from assayd_server.index_building import build as build_index
    from assayd_server.index_wanted import Wanted

    with one_sentence():
        wanted = Wanted(
            vectors=vectors,
            rows=rows,
            model=model,
            chosen=chosen(
                activation,
                sample_axis,
                logits=logits_output,
                probabilities=probabilities_output,
                values=values_output,
                embedding=embedding_tensor,
            ),
            bundle=bundle,
            output=output,
            ids=ids,
            id_column=id_column,
            columns=columns,
            metric=metric,
            kind=None if kind is _AUTO else Kind(kind),
            skip_invalid=skip_invalid,
            restart=restart,
        )
        print(build_index(wanted))


@app.command()
def show(folder: Annotated[Path, typer.Argument(help="A pool's folder.")]) -> None:
    """Check a pool's files, and print what it holds and how well it is searched."""
    from assayd_server import index_building

    with one_sentence():
        print(index_building.show(folder))
