"""`assayd reference build` and `assayd reference show`."""

from pathlib import Path
from typing import Annotated

import typer

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


@app.callback()
def reference() -> None:
    """Make references, which rows are compared with for novelty and drift, and look at them."""


@app.command()
def build(
    *,
    rows: Annotated[
        Path,
        typer.Option("--input", help="Rows that the model was not trained on: .npy, .npz, .parquet or .csv."),
    ],
    model: Annotated[Path | None, typer.Option(help="The ONNX file.")] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="A bundle's folder <name>/<version>: the reference of its model goes into it."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="The .npz file to write.")] = None,
    labels: Annotated[
        Path | None,
        typer.Option(help="The class of each row, by position or by name: .npy. Tells of label shift."),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(help="Rows that it was trained on: for features and the nearest neighbours only."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="The columns that feed the model, between commas; default all.")
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(help="Watch this input too: a column, an input, or a number of it as image[12]. Repeat it."),
    ] = None,
    logits_output: LogitsOutput = None,
    probabilities_output: ProbabilitiesOutput = None,
    values_output: ValuesOutput = None,
    embedding_tensor: EmbeddingTensor = None,
    activation: ActivationFlag = None,
    sample_axis: SampleAxis = False,
) -> None:
    """Make the reference of a model from healthy rows that it has not seen in training."""
    from assayd_server.reference_building import build as build_reference
    from assayd_server.reference_wanted import ReferenceWanted

    with one_sentence():
        wanted = ReferenceWanted(
            rows=rows,
            labels=labels,
            train=train,
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
            columns=columns,
            features=tuple(feature or ()),
        )
        print(build_reference(wanted))


@app.command()
def show(path: Annotated[Path, typer.Argument(help="A reference.")]) -> None:
    """Print what a reference holds."""
    from assayd_server import reference_building

    with one_sentence():
        print(reference_building.show(path))
