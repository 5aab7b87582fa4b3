"""What is asked of a server, and what it reached."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One thing that is asked."""

    part: str
    what: str
    asked: str
    reached: str
    met: bool
    timed: bool = False
    """Whether it is of times or of memory, which short runs cannot judge."""


def table(lines: Sequence[Line], *, short: bool) -> str:
    """For people, in Markdown."""
    rows = ["| part | what | asked | reached | |", "|---|---|---|---|---|"]
    for line in lines:
        verdict = "not judged" if short and line.timed else "met" if line.met else "NOT met"
        rows.append(f"| {line.part} | {line.what} | {line.asked} | {line.reached} | {verdict} |")
    return "\n".join(rows)


def all_met(lines: Sequence[Line], *, short: bool) -> bool:
    """Whether nothing that was judged fell short."""
    return all(line.met or (short and line.timed) for line in lines)
