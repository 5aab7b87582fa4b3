"""The plot of a server that is offered more and more calls."""

from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[2] / "docs" / "overload.png"


def plot_overload(figures: dict[str, Any]) -> None:
    """Write docs/overload.png: goodput and p99 by what was offered, in shares of what can be sustained."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    steps, sustained = figures["steps"], figures["sustained_per_second"]
    offered = [step["offered_per_second"] / sustained for step in steps]
    figure, (above, below) = pyplot.subplots(2, 1, sharex=True, figsize=(6.4, 5.2), layout="constrained")
    above.plot(offered, offered, linestyle=":", color="grey", label="offered")
    above.plot(
        offered, [step["good_per_second"] / sustained for step in steps], marker="o", label="answered in time"
    )
    above.set_ylabel("calls / sustainable rate")
    above.set_ylim(0, 2)
    above.legend()
    for name, style in (("p50_ms", "--"), ("p99_ms", "-")):
        label = f"{name[:3]} of those answered"
        below.plot(offered, [step[name] for step in steps], marker="o", linestyle=style, label=label)
    below.set_xlabel("calls offered / sustainable rate")
    below.set_ylabel("ms")
    below.set_yscale("log")
    below.legend()
    figure.savefig(PATH, dpi=100)
    pyplot.close(figure)
