"""What long runs leave: their figures, the plot, and the table in docs/reliability.md."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.soak.lines import Line, table
from benchmarks.soak.plot import PATH as PLOT
from benchmarks.soak.plot import plot_overload

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- what make soak found -->\n", "<!-- to here -->\n"
PARTS = ("overload", "lanes", "mixed", "drain", "swap", "worker_kill")


def write(part: str, lines: Sequence[Line], figures: dict[str, Any]) -> None:
    """The figures of one part, and its plot."""
    content = {
        "command": f"python -m benchmarks.soak {part}",
        "lines": [asdict(line) for line in lines],
        **figures,
    }
    (RESULTS / f"soak_{part}.json").write_text(json.dumps(content, indent=1) + "\n")
    if part == "overload":
        plot_overload(figures)


def write_page() -> None:
    """Put the table of all that was found, now and before, into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{found()}\n{END}{rest.partition(END)[2]}")


def found() -> str:
    """The table of the parts that have figures, and the plot where there is one."""
    paths = [RESULTS / f"soak_{part}.json" for part in PARTS]
    contents = [json.loads(path.read_text()) for path in paths if path.exists()]
    lines = table([Line(**line) for content in contents for line in content["lines"]], short=False)
    plot = f"\n\n![Calls answered and their times, by calls offered]({PLOT.name})" if PLOT.exists() else ""
    return lines + plot
