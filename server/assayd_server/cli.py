"""`assayd serve`, `inspect`, `bundle`, `calibrate`, `token` and `demo`; `assayd index` is in index_cli.py."""

import inspect as introspection
import os
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from assayd_server.access import Role
from assayd_server.config import Settings
from assayd_server.configuring import PREFIX, load
from assayd_server.index_cli import app as index_app
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
from assayd_server.reference_cli import app as reference_app

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
    with one_sentence():
        settings = load(flags, os.environ, flags.pop("config"))
        if settings.workers > 1:
            from assayd_server.workers.supervisor import run
        else:
            from assayd_server.app import run
        run(settings)


def inspect(
    model: Annotated[Path, typer.Argument(help="An ONNX file, or a bundle's folder <name>/<version>.")],
    *,
    logits_output: LogitsOutput = None,
    probabilities_output: ProbabilitiesOutput = None,
    values_output: ValuesOutput = None,
    embedding_tensor: EmbeddingTensor = None,
    activation: ActivationFlag = None,
    sample_axis: SampleAxis = False,
) -> None:
    """Print what a model takes and gives, and how the server would read it."""
    from assayd_server.inspection import describe

    with one_sentence():
        print(
            describe(
                model,
                chosen=chosen(
                    activation,
                    sample_axis,
                    logits=logits_output,
                    probabilities=probabilities_output,
                    values=values_output,
                    embedding=embedding_tensor,
                ),
            )
        )


def bundle(
    model: Annotated[Path, typer.Argument(help="An ONNX file.")],
    output: Annotated[Path, typer.Option(help="The folder <name>/<version> to write; it must not be there yet.")],
    *,
    labels: Annotated[str | None, typer.Option(help="A name for each class, between commas.")] = None,
    labels_file: Annotated[Path | None, typer.Option(help="A name for each class, one a line.")] = None,
    temperature: Annotated[float, typer.Option(help="Divides the logits; 0.001 to 1000.")] = 1.0,
    logits_output: LogitsOutput = None,
    probabilities_output: ProbabilitiesOutput = None,
    values_output: ValuesOutput = None,
    embedding_tensor: EmbeddingTensor = None,
    activation: ActivationFlag = None,
    sample_axis: SampleAxis = False,
) -> None:
    """Make a bundle of a model, and print how it is read."""
    from assayd_server import bundling

    with one_sentence():
        written = bundling.bundle(
            model,
            output,
            labels=bundling.labels_of(labels, labels_file),
            temperature=temperature,
            chosen=chosen(
                activation,
                sample_axis,
                logits=logits_output,
                probabilities=probabilities_output,
                values=values_output,
                embedding=embedding_tensor,
            ),
        )
        print(written)


def calibrate(
    bundle: Annotated[Path, typer.Argument(help="A bundle's folder <name>/<version>.")],
    *,
    rows: Annotated[Path, typer.Option("--input", help="Rows not trained on: .npy, or .npz by input name.")],
    labels: Annotated[
        Path, typer.Option(help="The class of each row, by position or by name; 0 or 1 for each label: .npy.")
    ],
    output: Annotated[Path | None, typer.Option(help="Write a new version here; else change this one.")] = None,
) -> None:
    """Fit a bundle's temperature to labelled rows, so that probabilities mean what they say."""
    from assayd_server import calibrating

    with one_sentence():
        print(calibrating.calibrate(bundle, rows=rows, labels=labels, output=output))


def token(
    *,
    name: Annotated[str, typer.Option(help="Whose it is, for people.")],
    role: Annotated[list[Role], typer.Option("--role", help="What it is for; repeat it for more.")],
    token_file: Annotated[
        Path | None, typer.Option(help="Write the token here, for its owner alone, and do not print it.")
    ] = None,
) -> None:
    """Make a token, and print it this once; and the entry of the access file that lets it in."""
    from assayd_server import tokens

    with one_sentence():
        made = tokens.new_token()
        lines = tokens.entry(made, name=name, roles=dict.fromkeys(role))
        if token_file is None:
            print(f"{made}\n")
        else:
            tokens.keep(made, token_file)
        print(lines, end="")


def demo() -> None:
    """Serve a small network for handwritten digits, score images that it has never seen, and show the result."""
    from assayd_server.demo.run import run

    with one_sentence():
        run()


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


for _command in (_with_a_flag_for_each_setting(serve), inspect, bundle, calibrate, token, demo):
    app.command()(_command)
app.add_typer(index_app, name="index")
app.add_typer(reference_app, name="reference")
