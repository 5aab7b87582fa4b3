"""The flags that the commands share, spelled the same everywhere."""

import math
from collections.abc import Callable, Iterable
from typing import Annotated

import typer

from assayd.connection import DEADLINE_SECONDS_MAX
from assayd.wire import WIRE_TYPES

ADDRESS = "localhost:50051"


def one_of(allowed: Iterable[str]) -> Callable[[list[str] | str | None], list[str] | str | None]:
    """What checks a flag's value, or each of its values, against the names that there are."""
    names = list(allowed)

    def check(value: list[str] | str | None) -> list[str] | str | None:
        given = [value] if isinstance(value, str) else value or []
        unknown = next((name for name in given if name not in names), None)
        if unknown is not None:
            raise typer.BadParameter(f"{unknown!r} is unknown, allowed are {', '.join(names)}")
        return value

    return check


def above_0(maximum: float = math.inf) -> Callable[[float | None], float | None]:
    """What checks a flag's number, where it is given."""
    to = f" and up to {maximum:g}" if math.isfinite(maximum) else ""

    def check(value: float | None) -> float | None:
        if value is not None and not 0 < value <= maximum:  # False for NaN
            raise typer.BadParameter(f"is {value:g}, allowed are above 0{to}")
        return value

    return check


def from_0(maximum: float) -> Callable[[float], float]:
    """What checks a flag's number that may be 0, too."""

    def check(value: float) -> float:
        if not 0 <= value <= maximum:  # False for NaN
            raise typer.BadParameter(f"is {value:g}, allowed are 0 to {maximum:g}")
        return value

    return check


Address = Annotated[
    str,
    typer.Option(
        "--address",
        envvar="ASSAYD_ADDRESS",
        metavar="ADDRESS",
        help="host:port; dns:///host:port for a fleet behind one name; unix:/path.",
    ),
]
Model = Annotated[
    str, typer.Option("--model", metavar="NAME", help="Which model; may be left out where there is one.")
]
Version = Annotated[int, typer.Option("--version", min=0, help="Which version of it; 0 is the newest.")]
DeadlineSeconds = Annotated[
    float,
    typer.Option(
        "--deadline-seconds", callback=above_0(DEADLINE_SECONDS_MAX), help="How long each call may take."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, an error too.")]
Columns = Annotated[
    str | None, typer.Option(metavar="A,B,C", help="What feeds the model; default all but the id column.")
]
IdColumn = Annotated[str | None, typer.Option(metavar="NAME", help="Names the rows; copied into the output.")]
Temperature = Annotated[float | None, typer.Option(help="In place of the model's own, 0.001 to 1000.")]
WireType = Annotated[
    str | None,
    typer.Option(metavar="TYPE", callback=one_of(WIRE_TYPES), help=f"Send numbers as {', '.join(WIRE_TYPES)}."),
]
BatchRows = Annotated[
    int | None,
    typer.Option(
        min=1, max=2**31 - 1, metavar="N", help="Rows sent at once; default by their size, at most 8192."
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an output that is there.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress and no summary.")]
