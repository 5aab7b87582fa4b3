"""Tables and plots of what was measured."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from examples.letters.long_tail.figures import MIDDLE, Run
from examples.letters.reports import interval, shown, table

ABOUT = {
    "imbalance": "By the imbalance of labels; rows without labels are as imbalanced, and all of the ten letters",
    "unlabelled imbalance": f"By the imbalance of rows without labels; that of labels is {MIDDLE}",
    "relevance": "By the share of rows without labels that are of the ten letters, as many of each; the "
    f"imbalance of labels is {MIDDLE}",
}
BASE = "supervised"


def of_seeds(runs: Sequence[Run], name: str, value: float, way: str) -> np.ndarray:
    """Balanced accuracy in per cent, with each seed."""
    return 100 * np.array([run[name][value][way] for run in runs])


def report(runs: Sequence[Run]) -> str:
    """A table for each thing that varies."""
    tables = [f"{about}:\n\n{_table(runs, name)}" for name, about in ABOUT.items()]
    related, unrelated = (
        shown([100 * run["novel"][0.5][of] for run in runs], ".0f") for of in ("related", "unrelated")
    )
    novel = f"Left out as novel are {related} % of the rows of the ten letters, and {unrelated} % of others."
    return "\n\n".join([f"Seeds: {len(runs)}.", *tables, novel])


def drawn(runs: Sequence[Run]) -> Figure:
    """What is gained over labels alone, with the same seed, and its intervals."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    ways = [way for way in next(iter(runs[0]["relevance"].values())) if way != BASE]
    for axis, name in zip(axes, ABOUT, strict=True):
        values = list(runs[0][name])
        for number, way in enumerate(ways):
            if way in runs[0][name][values[0]]:
                found = [interval(_gained(runs, name, value, way)) for value in values]
                means, widths = zip(*found, strict=True)
                beside = np.arange(len(values)) + 0.05 * (number - len(ways) / 2)  # or intervals would be hidden
                axis.errorbar(beside, means, widths, fmt="o-", ms=3, capsize=2, color=f"C{number}", label=way)
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set_xticks(range(len(values)), [_named(name, value) for value in values])
        axis.set(xlabel=name)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("balanced accuracy over supervised, points")
    figure.legend(*axes[-1].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    return figure


def _table(runs: Sequence[Run], name: str) -> str:
    """The first line is of labels alone; the others say how much higher, in pairs of the same seed."""
    values = list(runs[0][name])
    lines = [[BASE, *(shown(of_seeds(runs, name, value, BASE), ".1f") for value in values)]]
    for way in runs[0][name][values[0]]:
        if way != BASE:
            lines.append([way, *(shown(_gained(runs, name, value, way), "+.1f") for value in values)])
    return table(["balanced accuracy, %", *(_named(name, value) for value in values)], lines)


def _gained(runs: Sequence[Run], name: str, value: float, way: str) -> np.ndarray:
    return of_seeds(runs, name, value, way) - of_seeds(runs, name, value, BASE)


def _named(name: str, value: float) -> str:
    return f"{value:.0%}" if name == "relevance" else f"{value:g}"
