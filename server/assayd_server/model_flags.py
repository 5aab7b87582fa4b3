"""Flags that say how a model is read, which several commands have."""

from typing import Annotated, TypeAlias

import typer

from assayd_server.contract import Activation, Choice

LogitsOutput: TypeAlias = Annotated[str | None, typer.Option(help="Read this output as logits.")]
ProbabilitiesOutput: TypeAlias = Annotated[str | None, typer.Option(help="Read this output as probabilities.")]
ValuesOutput: TypeAlias = Annotated[
    str | None, typer.Option(help="Read this output as the values of a regression model.")
]
EmbeddingTensor: TypeAlias = Annotated[
    str | None, typer.Option(help="Read this tensor, an output or an inner one, as the embedding.")
]
ActivationFlag: TypeAlias = Annotated[
    Activation | None,
    typer.Option(help="softmax: a row has one of the classes; sigmoid: any number of them. Else found out."),
]
SampleAxis: TypeAlias = Annotated[
    bool, typer.Option("--sample-axis", help="The scores are those of a committee: (rows, samples, classes).")
]


def chosen(activation: Activation | None, sample_axis: bool, **outputs: str | None) -> Choice | None:
    """What flags say of how a model is read, outputs by role; None where they say nothing."""
    choice = Choice({role: name for role, name in outputs.items() if name}, activation, sample_axis)
    return None if choice == Choice() else choice
