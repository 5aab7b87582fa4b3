"""`assayd serve`, `assayd inspect` and `assayd demo`."""

import inspect as introspection
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from assayd_server.config import PREFIX, Settings, load
from assayd_server.errors import StartError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)

_CONFIG_HELP = "A TOML file of these settings, under the same names with underscores."


@app.callback(invoke_without_command=True)
def assayd(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Score data at scale over gRPC: what it is, and how unsure the model is of it."""
    if version:
        print(metadata.version("assayd"))
        raise typer.Exit


def serve(**flags: Any) -> None:
    """Serve models over gRPC until SIGTERM.

    Every flag is also a variable, such as ASSAYD_PORT, and a line of the TOML file.
    """
    from assayd_server.app import run

    with _one_sentence():
        run(load(flags, os.environ, flags.pop("config")))


def inspect(
    model: Annotated[Path, typer.Argument(help="An ONNX file, or a bundle's folder <name>/<version>.")],
    logits_output: Annotated[str | None, typer.Option(help="Read this output as logits.")] = None,
    probabilities_output: Annotated[str | None, typer.Option(help="Read this output as probabilities.")] = None,
    embedding_tensor: Annotated[
        str | None, typer.Option(help="Read this tensor, an output or an inner one, as the embedding.")
    ] = None,
) -> None:
    """Print what a model takes and gives, and how the server would read it."""
    from assayd_server.inspection import describe

    chosen = {"logits": logits_output, "probabilities": probabilities_output, "embedding": embedding_tensor}
    with _one_sentence():
        print(describe(model, chosen={role: name for role, name in chosen.items() if name}))


def demo() -> None:
    """Serve a small network for handwritten digits, score images that it has never seen, and show the result."""
    from assayd_server.demo.run import run

    with _one_sentence():
        run()


@contextmanager
def _one_sentence() -> Iterator[None]:
    """What stops a start is said in one sentence, with exit code 1."""
    try:
        yield
    except StartError as error:
        print(f"assayd: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _parameter(name: str, kind: Any, option: Any) -> introspection.Parameter:
    annotation = Annotated[kind, option]
    return introspection.Parameter(name, introspection.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _flag(name: str) -> introspection.Parameter:
    """A flag for a setting. Its value stays text: config.py alone decides what is allowed."""
    field = Settings.model_fields[name]
    default = "" if field.default is None else f" Default: {str(field.default).lower()}."
    help_text = f"{field.description}{default}"
    spelled = f"--{name.replace('_', '-')}"
    if field.annotation is bool:
        return _parameter(name, bool | None, typer.Option(spelled, help=help_text))
    return _parameter(name, str | None, typer.Option(spelled, help=help_text, metavar=PREFIX + name.upper()))


def _with_a_flag_for_each_setting(command: Any) -> Any:
    """Typer reads a function's signature, so the settings, declared in one place, are made into one."""
    config = _parameter("config", Path | None, typer.Option("--config", help=_CONFIG_HELP))
    parameters = [config, *map(_flag, Settings.model_fields)]
    command.__signature__ = introspection.Signature(parameters)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


for _command in (_with_a_flag_for_each_setting(serve), inspect, demo):
    app.command()(_command)
