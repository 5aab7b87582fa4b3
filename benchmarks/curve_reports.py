"""Learning curves of several seeds as figures, a table and a plot; for learning_curve.py."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

EXPLANATION = """\
labels to target: with which the network reaches {target:.4f}, 0.9 of the accuracy {full:.4f} that all {rows}
  labels give; between two rounds on the straight line; mean over {seeds} seeds (least to most), and how many seeds
  never did.
saved: the share of random's labels that are not needed, of the means; - where some seed of either never got there.
mean accuracy: over all label counts from {first} to {last}, that is the area under the curve; mean and standard
  deviation over seeds.
over random: how much higher that is with the same seed, in points; mean (lowest to highest).
at the end: the accuracy with {last} labels, mean.
choosing / training: processor time of the calls of rank, client and server, over that of training the network
  that is judged (not its committee); mean.
"""


@dataclass(frozen=True)
class Run:
    """One strategy with one seed."""

    strategy: str
    seed: int
    accuracies: list[float]
    training_seconds: float
    selection_seconds: float


@dataclass(frozen=True)
class Curve:
    """One strategy, with a value for each seed."""

    strategy: str
    labels_to_target: list[float | None]
    mean_accuracies: list[float]
    selection_over_training: float
    accuracies: list[list[float]]


def curve(strategy: str, runs: Sequence[Run], label_counts: Sequence[int], *, target: float) -> Curve:
    """What the runs of one strategy come to."""
    span = label_counts[-1] - label_counts[0]
    return Curve(
        strategy=strategy,
        labels_to_target=[labels_to(target, run.accuracies, label_counts) for run in runs],
        mean_accuracies=[float(np.trapezoid(run.accuracies, label_counts)) / span for run in runs],
        selection_over_training=statistics.mean(run.selection_seconds / run.training_seconds for run in runs),
        accuracies=[run.accuracies for run in runs],
    )


def labels_to(target: float, accuracies: Sequence[float], label_counts: Sequence[int]) -> float | None:
    """Where the curve first reaches the target; None where it never does."""
    reached = np.flatnonzero(np.array(accuracies) >= target)
    if not len(reached):
        return None
    end = int(reached[0])
    if end == 0:
        return float(label_counts[0])
    around = slice(end - 1, end + 1)
    return float(np.interp(target, accuracies[around], label_counts[around]))


def show(curves: Sequence[Curve], baseline: Curve, settings: dict[str, Any]) -> None:
    """Print a table, a line for each strategy, and what its columns are."""
    print("strategy | labels to target | saved | mean accuracy | over random | at the end | choosing / training")
    for found in curves:
        over = np.subtract(found.mean_accuracies, baseline.mean_accuracies) * 100
        cells = [
            found.strategy,
            _labels(found.labels_to_target),
            _saved(found.labels_to_target, baseline.labels_to_target),
            f"{np.mean(found.mean_accuracies):.4f} +- {np.std(found.mean_accuracies):.4f}",
            "-" if found is baseline else f"{over.mean():+.2f} ({over.min():+.2f} to {over.max():+.2f})",
            f"{np.mean([run[-1] for run in found.accuracies]):.4f}",
            "-" if found is baseline else f"{found.selection_over_training:.2f}",
        ]
        print(" | ".join(cells))
    counts = settings["label_counts"]
    print(
        EXPLANATION.format(
            target=settings["target_accuracy"],
            full=settings["accuracy_of_all_labels"],
            rows=settings["pool_rows"],
            seeds=len(settings["seeds"]),
            first=counts[0],
            last=counts[-1],
        )
    )


def _labels(counts: Sequence[float | None]) -> str:
    known = [count for count in counts if count is not None]
    missing = f", {len(counts) - len(known)} of {len(counts)} never" if len(known) < len(counts) else ""
    if not known:
        return "never"
    return f"{statistics.mean(known):.0f} ({min(known):.0f} to {max(known):.0f}){missing}"


def _saved(counts: Sequence[float | None], others: Sequence[float | None]) -> str:
    own, its = [count for count in counts if count], [count for count in others if count]
    if counts is others or len(own) < len(counts) or len(its) < len(others):
        return "-"
    return f"{1 - statistics.mean(own) / statistics.mean(its):.0%}"


def write(curves: Sequence[Curve], settings: dict[str, Any], path: Path) -> None:
    """A line for each curve, with four digits, so that a difference can be read."""
    lines = [json.dumps(_rounded(asdict(found))) for found in curves]
    head = "".join(f" {json.dumps(name)}: {json.dumps(_rounded(value))},\n" for name, value in settings.items())
    path.write_text("{\n" + head + ' "curves": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n")


def _rounded(content: Any) -> Any:
    return json.loads(json.dumps(content), parse_float=lambda text: float(f"{float(text):.4g}"))


def draw(curves: Sequence[Curve], settings: dict[str, Any], path: Path) -> None:
    """Mean curves in three panels, each beside random and margin; the band is that of random's seeds."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    by_name = {found.strategy: found for found in curves}
    diverse = [name for name in by_name if "+" in name]
    committee = [name for name in by_name if settings["strategies"][name].get("measure") in COMMITTEE]
    one = [name for name in by_name if name not in {*diverse, *committee, "random", "margin"}]
    figure, panels = pyplot.subplots(1, 3, figsize=(13, 4.6), sharey=True, layout="constrained")
    titles = ("measures of one model", "measures of a committee", "margin or mean_kl with a diversity")
    groups = (one, [name for name in committee if name not in diverse], diverse)
    for panel, title, names in zip(panels, titles, groups, strict=True):
        _panel(panel, [by_name[name] for name in ("random", "margin", *names)], settings)
        panel.set_title(title, fontsize=10)
    panels[0].set_ylabel("accuracy on held-out rows")
    seeds = len(settings["seeds"])
    figure.suptitle(f"{settings['data']}: means over {seeds} seeds; grey: random, lowest to highest", fontsize=11)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


COMMITTEE = ("mean_kl", "vote_entropy", "variation_ratio")


def _panel(panel: Any, curves: Sequence[Curve], settings: dict[str, Any]) -> None:
    counts, plain = settings["label_counts"], {"random": "black", "margin": "tab:red"}
    others = iter(("tab:blue", "tab:orange", "tab:green", "tab:purple", "tab:cyan"))
    for found in curves:
        values, name = np.array(found.accuracies), found.strategy
        colour = plain.get(name) or next(others)
        panel.plot(counts, values.mean(axis=0), color=colour, label=name, linewidth=1.2)
        if name == "random":
            panel.fill_between(counts, values.min(axis=0), values.max(axis=0), color="0.85")
    panel.axhline(settings["target_accuracy"], color="0.5", linestyle=":", linewidth=1)
    panel.set_xlabel("labels")
    panel.grid(alpha=0.3)
    panel.legend(fontsize=8, loc="lower right")
