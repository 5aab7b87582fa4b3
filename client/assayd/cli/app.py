"""The commands of `assayctl`."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import assayd
from assayd.cli.candidates import candidates
from assayd.cli.contracts import inspect, models
from assayd.cli.drift import drift
from assayd.cli.exits import MEANINGS, ExitCode
from assayd.cli.health import health
from assayd.cli.labels import labels
from assayd.cli.pool import pool
from assayd.cli.printing import print_json
from assayd.cli.rank import rank
from assayd.cli.reference import reference
from assayd.cli.score import score
from assayd.cli.securing import secured
from assayd.cli.watch import watch


class _OneSentence(TyperGroup):
    """Says in one sentence what is wrong with the flags."""

    def main(self, args: Sequence[str] | None = None, *arguments: Any, **further: Any) -> Any:
        """Run, and end the process."""
        try:
            code = super().main(args, *arguments, **{**further, "standalone_mode": False})
        except typer.TyperException as error:
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "assayctl"
            sentence = f"{error.format_message()} ({command} --help shows what there is)"
            print(f"{command}: {sentence}", file=sys.stderr)
            if "--json" in (sys.argv[1:] if args is None else args):  # nothing was parsed to tell by
                print_json({"error": {"message": sentence, "exit_code": error.exit_code}})
            sys.exit(error.exit_code)
        sys.exit(code)


app = typer.Typer(
    name="assayctl", cls=_OneSentence, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


@app.callback(invoke_without_command=True, epilog=MEANINGS)
def assayctl(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version of assayctl.")] = False,
) -> None:
    """Score and rank files of rows on an assayd server, judge labels, test for drift, ask what it serves."""
    if version:
        print(assayd.__version__)
    elif context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


for _command in (score, rank, candidates, drift, watch, pool, reference, inspect, models, health):
    app.command(epilog=MEANINGS)(secured(_command))
app.add_typer(labels)
