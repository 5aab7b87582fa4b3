"""The tables that are printed, and the JSON that is written."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.server_kinds.report import describe_machine, format_json
from benchmarks.serving.h2load import h2load
from benchmarks.serving.measured import Comparison, Figures, Measured
from benchmarks.serving.peers.places import versions
from benchmarks.serving.plan import Plan

Found = dict[str, list[Measured]]
"""By benchmark."""
HEADINGS = ("benchmark", "load", "compared", "asked", "stretch", "reached (lowest to highest)", "rounds", "")


def table(found: Found) -> str:
    """What was asked and what was reached, in Markdown."""
    lines = [_row(HEADINGS), _row(["---"] * len(HEADINGS))]
    for name, loads in found.items():
        lines += [_row(_cells(name, load, each)) for load in loads for each in load.comparisons]
    return "\n".join(lines)


def _cells(name: str, measured: Measured, comparison: Comparison) -> list[str]:
    ratios, sign = comparison.ratios(measured.rounds), "<= " if comparison.at_most else ""
    limits = ["" if limit is None else f"{sign}{limit:g}" for limit in (comparison.asked, comparison.stretch)]
    reached = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if ratios else ""
    compared = f"{comparison.figure}: {comparison.own} / {comparison.other}"
    return [name, measured.load, compared, *limits, reached, str(len(ratios)), comparison.verdict(measured.rounds)]


def systems_table(found: Found) -> str:
    """The medians of each system, which tell what the ratios are of; those of other runs do not compare."""
    lines = [_row(["benchmark", "load", "system", "medians of the rounds"]), _row(["---"] * 4)]
    lines += [_row([name, *cells]) for name, loads in found.items() for cells in _systems(loads)]
    return "\n".join(lines)


def _systems(loads: Sequence[Measured]) -> Iterator[list[str]]:
    for load in loads:
        for system, rounds in load.rounds.items():
            medians = (f"{value:,.4g} {figure}" for figure, value in _medians(rounds).items())
            yield [load.load, system, ", ".join(medians)]


def _medians(rounds: Sequence[Figures]) -> Figures:
    return {figure: statistics.median(each[figure] for each in rounds) for figure in rounds[0]}


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def about(plan: Plan, elapsed_seconds: float) -> dict[str, Any]:
    """Where and how it was measured."""
    machine = describe_machine()
    machine["packages"] |= {"faiss-cpu": version("faiss-cpu"), **versions()}
    load = "h2load" if h2load() else "a client in Python"
    return {"machine": machine, "load": load, "plan": asdict(plan), "elapsed_seconds": round(elapsed_seconds)}


def about_text(values: Mapping[str, Any]) -> str:
    """The same in two lines."""
    machine = values["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['cpu_model']}, {machine['cpu_count']} cores, {machine['system']}; servers on one core, "
        f"the load, from {values['load']}, on another; {values['elapsed_seconds'] / 60:.0f} minutes\n"
        f"Python {machine['python']}, {packages}"
    )


def write(folder: Path, found: Found, values: Mapping[str, Any]) -> None:
    """serving.json and serving.png."""
    from benchmarks.serving.plot import drawn

    folder.mkdir(parents=True, exist_ok=True)
    content = {"command": "python -m benchmarks.serving", **values, "results": entries(found)}
    (folder / "serving.json").write_text(format_json(content))
    drawn(found, folder / "serving.png")


def entries(found: Found) -> list[dict[str, Any]]:
    """The results of the JSON."""
    return [
        {
            "benchmark": name,
            "load": load.load,
            "size": load.size,
            "systems": load.rounds,
            "comparisons": [
                {**asdict(each), "ratios": each.ratios(load.rounds), "verdict": each.verdict(load.rounds)}
                for each in load.comparisons
            ],
        }
        for name, loads in found.items()
        for load in loads
    ]
