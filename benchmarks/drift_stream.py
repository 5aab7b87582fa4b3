"""How often a stream that is watched for drift raises false alarms, and how soon it finds what has changed.

    python -m venv peers && peers/bin/pip install river==0.26.1
    python -m benchmarks.drift_stream [--peers peers/bin/python] [--part budget|delays] [--short]

Budget: 10,000 windows in which nothing changes, of columns with a normal, an exponential and a lognormal law, of
the entropies of a network's digits, and of all that is watched of these, against 20 references of 50 times as many
rows; the alarms of windows and of sums, beside those that were declared and the upper end of the 95 % Poisson
interval. A reference is a sample too, so each has a rate of its own: the most of any is told as well.

Delays: windows of 500 rows from a change to the first alarm after it, at one false alarm in 40 windows (so that in
22 % of runs one comes within 10 windows by chance); beside river's ADWIN, KSWIN and Page-Hinkley, one detector for
each column on the same streams, all columns standardised, whose parameters are calibrated to the same rate. Those
have no reference: they see 6 healthy windows first. Without an environment of theirs there are no peers. Last, a
new class found with windows of 5,000 rows and a small delta, at one false alarm in a million rows.

Takes about an hour, half of it KSWIN's, and writes results/drift_stream_*.json; --short takes seconds, and writes
nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import poisson

from assayd_server.core.drift.watch import WatchSettings, begin, plan
from benchmarks.drift_calibration import shown
from benchmarks.drift_stream_delays import delays
from benchmarks.drift_stream_rows import Digits, Rows, alarms_of, reference_of, taken
from benchmarks.stream_budget import as_json

HERE = Path(__file__).parent
LAWS = {"normal": 7, "exponential": 7, "lognormal": 8, "entropy": 7, "all columns": 7}
"""And their seeds: from the same one, lognormal numbers would have the ranks of normal ones, and their alarms."""


@dataclass(frozen=True)
class Sizes:
    """How much to draw."""

    window_rows: tuple[int, ...] = (200, 1000)
    run_windows: tuple[int, ...] = (20, 100, 1000)
    window_count: int = 10_000
    reference_count: int = 20
    reference_windows: int = 50


SHORT = Sizes((200,), (20,), 20, 2, 2)


@dataclass(frozen=True)
class Budget:
    """The alarms in windows in which nothing had changed."""

    law: str
    window_rows: int
    run_windows: int
    """One false alarm in so many windows was declared."""
    windows: int
    declared: float
    upper: int
    """The upper end of the 95 % Poisson interval of what was declared."""
    alarms: int
    of_windows: int
    of_sums: int
    one_reference_most: int
    """Of one reference of them all."""


def drawn(law: str, digits: Digits, count: int) -> Rows:
    """Healthy rows of one law."""
    if law == "all columns":
        return digits.rows(count)
    if law == "entropy":
        return Rows({"entropy": digits.rows(count).values["entropy"]}, None)
    return Rows({"value": getattr(digits.rng, law)(size=count)}, None)


def budgets(law: str, window_rows: int, sizes: Sizes) -> Iterator[Budget]:
    """Of one law, for each run: all of them watch the same rows."""
    digits, windows = Digits(LAWS[law]), sizes.window_count // sizes.reference_count
    counts = np.zeros((len(sizes.run_windows), sizes.reference_count, 2), int)
    for place in range(sizes.reference_count):
        reference = reference_of(drawn(law, digits, sizes.reference_windows * window_rows))
        plans = [
            plan(reference, WatchSettings(window_rows=window_rows, expected_run_rows=run * window_rows))
            for run in sizes.run_windows
        ]
        states = [begin(by) for by in plans]
        for _ in range(windows // 10):
            rows = drawn(law, digits, 10 * window_rows)
            for which, by in enumerate(plans):
                states[which], events = taken(states[which], rows, by)
                counts[which, place] += alarms_of(events)
    for run, found in zip(sizes.run_windows, counts, strict=True):
        total = windows * sizes.reference_count
        of_windows, of_sums = found.sum(axis=0).tolist()
        upper = int(poisson.ppf(0.975, total / run))
        most = int(found.sum(axis=1).max())
        yield Budget(
            law, window_rows, run, total, total / run, upper, of_windows + of_sums, of_windows, of_sums, most
        )


def all_budgets(sizes: Sizes) -> Iterator[Budget]:
    """Every law and size of window."""
    for law in LAWS:
        for window_rows in sizes.window_rows:
            yield from budgets(law, window_rows, sizes)


def numbers(entry: dict[str, Any]) -> dict[str, Any]:
    """As JSON has them: None for infinity."""
    return {name: None if value == float("inf") else value for name, value in entry.items()}


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", metavar="PYTHON", help="of an environment with river")
    parser.add_argument("--part", choices=("budget", "delays"), help="one of the two")
    parser.add_argument("--short", action="store_true", help="see that it runs")
    arguments = parser.parse_args()
    sizes, tables = SHORT if arguments.short else Sizes(), {}
    if arguments.part != "delays":
        headings = (
            "law | window rows | run in windows | windows | declared | upper | alarms | of windows | of sums"
        )
        tables["budget"] = shown(all_budgets(sizes), f"{headings} | most of one reference")
    if arguments.part != "budget":
        calibrated: dict[str, Any] = {}
        headings = "tool | change | runs | found | median windows | mean windows"
        tables["delays"] = shown(delays(arguments.peers, calibrated, short=arguments.short), headings)
        tables["calibration"] = [{"tool": tool, **found} for tool, found in calibrated.items()]
        print(*tables["calibration"], sep="\n")
    for name, entries in tables.items():
        if not arguments.short:
            plain = [numbers(entry if isinstance(entry, dict) else asdict(entry)) for entry in entries]
            (HERE / "results" / f"drift_stream_{name}.json").write_text(as_json({name: plain}))


if __name__ == "__main__":
    main()
