"""Tables and a plot of what was measured."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from examples.letters.noisy_labels.figures import GROUPS, MEASURES, WAYS, Run
from examples.letters.reports import interval, shown, table

JOINT = WAYS[-1]


def of_seeds(runs: Sequence[Run], count: int, way: str, name: str) -> np.ndarray:
    """One figure of one way, with each seed."""
    return np.array([run[count][way][name] for run in runs])


def report(runs: Sequence[Run]) -> str:
    """All tables: figures by frequency with the middle number of verified words, differences with each."""
    counts = list(runs[0])
    middle = counts[len(counts) // 2]
    ways = list(runs[0][middle])
    by_measure = [_by_frequency(runs, middle, ways, measure) for measure in MEASURES]
    return "\n\n".join([f"Seeds: {len(runs)}. With {middle:,} verified words:", *by_measure, _by_verified(runs)])


def drawn(runs: Sequence[Run]) -> Figure:
    """Both measures of each way by how many rows are verified, with intervals."""
    figure, counts = Figure(figsize=(9, 3.9), layout="constrained"), list(runs[0])
    for axis, measure in zip(figure.subplots(1, 2), MEASURES, strict=True):
        for shift, way in enumerate(WAYS):
            found = [interval(of_seeds(runs, count, way, measure)) for count in counts]
            means, widths = zip(*found, strict=True)
            beside = [count * 1.04**shift for count in counts]  # or intervals would hide each other
            axis.errorbar(beside, means, widths, marker="o", markersize=3, capsize=3, label=way)
        axis.set(xlabel="words with verified labels", title=measure, xscale="log")
        axis.set_xticks(counts, [f"{count:,}" for count in counts])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
    return figure


def _by_frequency(runs: Sequence[Run], count: int, ways: Sequence[str], measure: str) -> str:
    names = [measure, *(f"{measure} {group}" for group in GROUPS)]
    lines = [[way, *(shown(of_seeds(runs, count, way, name)) for name in names)] for way in ways]
    return table(["", measure, *(f"{group} letters" for group in GROUPS)], lines)


def _by_verified(runs: Sequence[Run]) -> str:
    """How much higher joint training is than each other way: in pairs, as ways share their rows with each seed."""

    def higher(count: int, other: str, measure: str) -> str:
        return shown(of_seeds(runs, count, JOINT, measure) - of_seeds(runs, count, other, measure), "+.3f")

    lines = [
        [f"{count:,}", other, *(higher(count, other, measure) for measure in MEASURES)]
        for count in runs[0]
        for other in WAYS[:-1]
    ]
    return table(["verified words", f"{JOINT}, less", *MEASURES], lines)
