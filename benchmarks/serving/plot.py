"""The picture of a run: every ratio beside what is asked, and how costs grow."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.serving.measured import CALLS, Comparison, Measured

_GROWING = {"by_rows": "rows of a call", "classes": "classes", "by_pool_size": "vectors in the pool"}
_COLORS = {"stretch": "#1a7f37", "reached": "#4c9f70", "MISSED": "#c0392b", "": "#8a8f98"}


def drawn(found: Mapping[str, Sequence[Measured]], path: Path) -> None:
    """Write a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    growing = [name for name in _GROWING if name in found]
    lines = _lines(found)
    heights = [1 + 0.26 * len(lines), 4][: 1 + bool(growing)]
    figure = plt.figure(figsize=(13, sum(heights)), layout="constrained")
    ratios, *rest = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel()
    _draw_ratios(ratios.subplots(), lines)
    if growing:
        for name, axes in zip(growing, rest[0].subplots(1, len(growing), squeeze=False).ravel(), strict=True):
            _draw_growth(axes, found[name], _GROWING[name])
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _lines(found: Mapping[str, Sequence[Measured]]) -> list[tuple[str, Comparison, Measured]]:
    """Those that took part, the first on top, with what stands beside them."""
    return [
        (f"{name}, {load.load}; {each.figure}: {each.own} / {each.other}", each, load)
        for name, loads in found.items()
        for load in loads
        for each in load.comparisons
        if each.ratios(load.rounds) and (each.asked is not None or name not in _GROWING)
    ][::-1]


def _draw_ratios(axes: Any, lines: Sequence[tuple[str, Comparison, Measured]]) -> None:
    for place, (_, comparison, load) in enumerate(lines):
        ratios = comparison.ratios(load.rounds)
        color = _COLORS[comparison.verdict(load.rounds)]
        axes.plot([min(ratios), max(ratios)], [place, place], color=color, linewidth=5, alpha=0.35)
        axes.plot(statistics.median(ratios), place, "o", color=color)
        for limit, mark in ((comparison.asked, "|"), (comparison.stretch, "x")):
            if limit is not None:
                axes.plot(limit, place, mark, color="black", markersize=9)
    axes.set_xscale("log")
    axes.axvline(1, color="#cccccc", zorder=0)
    axes.set_yticks(range(len(lines)), [text for text, *_ in lines], fontsize=7)
    axes.set_ylim(-0.7, len(lines) - 0.3)
    axes.set_title(
        "ratios in a round: medians, lowest to highest; | asked, x stretch; of ms less is better", fontsize=9
    )


def _draw_growth(axes: Any, loads: Sequence[Measured], size: str) -> None:
    systems = dict.fromkeys(system for load in loads for system in load.rounds)
    for system in systems:
        points = [
            (load.size, 1e3 / statistics.median(figures[CALLS] for figures in load.rounds[system]))
            for load in loads
            if system in load.rounds
        ]
        axes.plot(*zip(*points, strict=True), marker="o", label=system)
    axes.set(xscale="log", yscale="log", xlabel=size)
    axes.set_ylabel("ms a call at full load")
    axes.legend(fontsize=7)
