"""The flags that commands about drift share, and which rows they mean."""

from collections.abc import Mapping
from typing import Annotated

import pyarrow as pa
import typer

from assayd import ModelInfo
from assayd.cli import flags
from assayd.cli.columns import Columns, types

KINDS = {"inputs": "x", "logits": "logits", "probabilities": "probabilities", "embeddings": "embeddings"}
"""What the SDK calls them."""

As = Annotated[
    str, typer.Option("--as", metavar="NAME", callback=flags.one_of(KINDS), help=f"One of {', '.join(KINDS)}.")
]
Delta = Annotated[
    float | None, typer.Option(callback=flags.above_0(), help="How large an effect must be; default 0.1.")
]
Compare = Annotated[
    str | None, typer.Option(metavar="A,B,C", help="Columns of the reference; default all (assayctl reference).")
]
IdColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Names the rows; left out.")]


def compared(columns: str | None) -> list[str]:
    """The names in the value of --compare."""
    return [name for name in (columns or "").split(",") if name]


def row_types(kind: str, columns: Columns, model: ModelInfo) -> Mapping[str, pa.DataType]:
    """How to read the columns of a format that has no types."""
    return types(columns, model.inputs) if kind == "inputs" else dict.fromkeys(columns.features, pa.float64())
