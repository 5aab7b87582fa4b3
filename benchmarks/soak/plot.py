"""The plot of a server that is offered more and more calls."""

from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "docs" / "overload.png"
STYLES = {"heavy": "-", "light": "--"}


def plot_overload(figures: dict[str, Any]) -> None:
    """Write docs/overload.png: what was answered and when, by what was offered over what can be sustained."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(6.4, 5.6), layout="constrained")
    for name, style in STYLES.items():
        steps, sustained = figures[name]["steps"], figures[name]["sustained_per_second"]
        offered = [step["offered_per_second"] / sustained for step in steps]
        answered = [step["good_per_second"] / sustained for step in steps]
        above.plot(offered, answered, marker="o", linestyle=style, color="C0", label=f"answered, {name} calls")
        for quantile, color in (("p50_ms", "C1"), ("p99_ms", "C3")):
            times = [step[quantile] for step in steps]
            label = f"{quantile[:3]}, {name} calls"
            below.plot(offered, times, marker="o", linestyle=style, color=color, label=label)
    above.plot([0, 1.5], [0, 1.5], linestyle=":", color="grey", label="offered")
    above.set_ylabel("calls / sustainable rate")
    below.set_xlabel("calls offered / sustainable rate")
    below.set_ylabel("ms from when a call is due")
    below.set_yscale("log")
    for axes in (above, below):
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    figure.savefig(PATH, dpi=100)
    pyplot.close(figure)
