"""What is asked of a server that gets messages which nobody should send, and what it reached."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.credentials import REFUSALS
from benchmarks.fuzz.methods import METHODS
from benchmarks.fuzz.run import Found
from benchmarks.soak.lines import Line, table
from benchmarks.soak.mixed import slope

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "fuzz.json"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- what make fuzz found -->\n", "<!-- to here of make fuzz -->\n"
GROWTH_MAX = 2.0
"""MiB a minute over the last half."""
GROWTH_SECONDS_MIN = 60.0
"""Before, memory is on its way to what a server has that is sent all kinds of messages: its size is judged."""
MEMORY_MIB_MAX = 256
OTHER = "of no method"
_SHOWN = ("OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", *REFUSALS)


def lines_of(found: Found) -> list[Line]:
    """What was asked of one server."""
    part, outcome = found.plan.name, found.outcome
    unlike = Counter(status for (_, status), count in found.valid.items() if status != "OK" for _ in range(count))
    held = {name: value for name, value in found.held.items() if value}
    ended = sum(outcome.statuses.values())

    def line(what: str, asked: str, reached: str, met: bool, *, timed: bool = False) -> Line:
        return Line(part=part, what=what, asked=asked, reached=reached, met=met, timed=timed)

    return [
        line(
            "calls that ended with INTERNAL or UNKNOWN, after their deadline, or not at all",
            "0",
            f"{len(outcome.failures) + len(found.plan.indices) - ended} of {len(found.plan.indices)}, "
            f"{outcome.messages} messages",
            not outcome.failures and ended == len(found.plan.indices),
        ),
        line(
            "calls that were let in or refused against the access file"
            if found.plan.access
            else "calls that were refused for who made them, where nobody is asked",
            "0",
            str(len(outcome.misjudged)),
            not outcome.misjudged,
        ),
        line("the call that took longest", "<= 30 s", f"{outcome.seconds_max:.1f} s", outcome.seconds_max <= 30),
        line(
            "connections with garbage that ended badly",
            "0",
            f"{len(found.heard.failures)} of {sum(found.heard.counts.values())}",
            not found.heard.failures and sum(found.heard.counts.values()) == found.plan.garbage,
        ),
        line(
            "errors in the log",
            "none",
            str(len(found.bugs) or "none"),
            not found.bugs,
        ),
        _memory(part, found.memory_mib),
        line(
            "afterwards: calls, rows and bytes that are still held",
            "none",
            ", ".join(held) or "none",
            not held,
        ),
        line(
            "afterwards: valid calls that are answered",
            "all",
            f"{sum(found.valid.values()) - unlike.total()} of {sum(found.valid.values())}",
            not unlike,
        ),
        line("afterwards: the scores of before", "the same", _yes(found.same_scores), found.same_scores),
        line("afterwards: exit code on SIGTERM", "0", str(found.exit_code), found.exit_code == 0),
    ]


def _memory(part: str, memory_mib: Sequence[tuple[float, float]]) -> Line:
    seconds, at_end = memory_mib[-1]
    if seconds < GROWTH_SECONDS_MIN:
        return Line(
            part=part,
            what="memory at the end",
            asked=f"<= {MEMORY_MIB_MAX} MiB",
            reached=f"{at_end:.0f} MiB",
            met=at_end <= MEMORY_MIB_MAX,
            timed=True,
        )
    growth, error = slope(memory_mib), _slope_error(memory_mib)
    return Line(
        part=part,
        what="growth of memory over the last half",
        asked=f"< {GROWTH_MAX:.0f} MiB/min and twice its standard error",
        reached=f"{growth:.1f} MiB/min, standard error {error:.1f}; {at_end:.0f} MiB at the end",
        met=growth < GROWTH_MAX + 2 * error,
        timed=True,
    )


def _slope_error(memory_mib: Sequence[tuple[float, float]]) -> float:
    """The standard error of the slope, by the scatter of what was seen: messages of megabytes come and go."""
    half = np.array(memory_mib[len(memory_mib) // 2 :])
    covariance = np.polyfit(half[:, 0] - half[0, 0], half[:, 1], 1, cov=True)[1]
    return float(60 * np.sqrt(covariance[0, 0]))


def _yes(is_so: bool) -> str:
    return "the same" if is_so else "other ones"


def statuses(found: Sequence[Found]) -> str:
    """How calls ended, by method, in Markdown."""
    known = {method.path: method.path.removeprefix("/assayd.v1.").lstrip("/") for method in METHODS}
    counts: Counter[tuple[str, str]] = Counter()
    for one in found:
        for (path, status), count in one.outcome.statuses.items():
            counts[known.get(path, OTHER), status if status in _SHOWN else "other"] += count
    rows = [f"| RPC | calls | {' | '.join(_SHOWN)} | other |", "|---" * (len(_SHOWN) + 3) + "|"]
    for name in [*known.values(), OTHER]:
        numbers = [counts[name, status] for status in (*_SHOWN, "other")]
        rows.append(f"| {name} | {sum(numbers)} | {' | '.join(map(str, numbers))} |")
    return "\n".join(rows)


def garbage(found: Sequence[Found]) -> str:
    """What was said to garbage, in Markdown."""
    counts = sum((one.heard.counts for one in found), Counter[tuple[str, str]]())
    places = sorted({place for place, _ in counts})
    rows = ["| socket | connections | what it said |", "|---|---|---|"]
    for place in places:
        said = {answer: count for (where, answer), count in sorted(counts.items()) if where == place}
        rows.append(
            f"| {place} | {sum(said.values())} | {', '.join(f'{count} {what}' for what, count in said.items())} |"
        )
    return "\n".join(rows)


def write(found: Sequence[Found], lines: Sequence[Line], seed: int) -> None:
    """The figures, and the tables in docs/reliability.md."""
    content = {
        "command": f"python -m benchmarks.fuzz --seed {seed}",
        "seed": seed,
        "lines": [asdict(line) for line in lines],
        "parts": {one.plan.name: _figures(one) for one in found},
        "statuses": statuses(found).splitlines(),
        "garbage": garbage(found).splitlines(),
    }
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{written()}\n{END}{rest.partition(END)[2]}")


def written() -> str:
    """The tables of the figures that there are."""
    content = json.loads(RESULTS.read_text())
    lines = table([Line(**line) for line in content["lines"]], short=False)
    return "\n\n".join((lines, "\n".join(content["statuses"]), "\n".join(content["garbage"])))


def _figures(found: Found) -> dict[str, Any]:
    memory = found.memory_mib
    return {
        "calls": sum(found.outcome.statuses.values()),
        "messages": found.outcome.messages,
        "seconds": round(found.seconds, 1),
        "call_seconds_max": round(found.outcome.seconds_max, 2),
        "memory_mib": [round(mib, 1) for _, mib in memory[:: max(1, len(memory) // 60)]],
    }
