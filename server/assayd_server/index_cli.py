"""`assayd index build` and `assayd index show`."""

from pathlib import Path
from typing import Annotated

import typer

from assayd_server.core.similarity import Metric
from assayd_server.one_sentence import one_sentence

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.callback()
def index() -> None:
    """Build and look at pools: indices over unlabelled data, which rows are searched for in."""


@app.command()
def build(
    *,
    vectors: Annotated[Path, typer.Option(help="A .npy file with a vector for each row.")],
    output: Annotated[Path, typer.Option(help="The folder to write; it must be empty or not be there yet.")],
    ids: Annotated[
        Path | None, typer.Option(help="A .npy file with an id for each row; else row numbers.")
    ] = None,
    metric: Annotated[Metric, typer.Option(help="What it means that two vectors are alike.")] = Metric.COSINE,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave out rows that cannot be in a pool.")
    ] = False,
) -> None:
    """Build a pool."""
    from assayd_server import index_building

    with one_sentence():
        print(index_building.build(vectors, output, ids=ids, metric=metric, skip_invalid=skip_invalid))
