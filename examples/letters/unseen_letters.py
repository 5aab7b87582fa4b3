"""Which letters a network is least sure of: python -m examples.letters.unseen_letters [--seeds N] [--short].

Two readings of "train on half of the letters and rank the half that is unseen". Half of the rows: a network of
10,000 rows of all 26 letters ranks the other 10,000. Half of the classes: a network of 13 letters ranks the rows
of the 13 others. Both times the service ranks by entropy, and says by Evaluate how well letters are told apart
(F1): are those that fill the first 1,000 places the ones that are easily taken for others?
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from assayd import Client
from examples.letters.networks import served, trained
from examples.letters.reports import asked, for_each_seed, shown, table, write
from examples.letters.rows import NAMES, letters

COUNT, WIDTH, EPOCHS, SHORT_EPOCHS = 1000, 64, 30, 3
HALF = len(NAMES) // 2
OWN, OTHER, CLASSES = "half of the rows", "half of the rows, F1 apart", "half of the classes"


@dataclass(frozen=True)
class Ranked:
    """Where letters come when rows are ranked by entropy."""

    share: np.ndarray
    """(26,): of the first 1,000 places; NaN for a letter that was not ranked."""
    f1: np.ndarray
    """(26,): how well each letter is told from the others."""

    @property
    def correlation(self) -> float:
        """Spearman's, over the letters that were ranked."""
        ranked = ~np.isnan(self.share)
        return float(spearmanr(self.share[ranked], self.f1[ranked]).statistic)

    @property
    def of_the_worst(self) -> float:
        """The share of the first places that go to the quarter of the ranked letters with the lowest F1."""
        ranked = np.flatnonzero(~np.isnan(self.share))
        worst = ranked[np.argsort(self.f1[ranked])[: len(ranked) // 4]]
        return float(self.share[worst].sum())


@dataclass(frozen=True)
class Run:
    """One seed."""

    ranked: dict[str, Ranked]
    unseen: float
    """Of the 1,000 rows that the network of 13 letters is least sure of, out of 4,000 of all, how many are of the
    other 13."""


def least_sure(client: Client, rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The classes of the rows that come first."""
    return classes[client.rank(rows, measure="entropy", count=COUNT).positions]


def shares(first: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Of each letter among those that came first; NaN for a letter that none of the ranked rows is."""
    of_each = np.bincount(first, minlength=len(NAMES)) / len(first)
    return np.where(np.bincount(classes, minlength=len(NAMES)) > 0, of_each, np.nan)


def half_of_rows(seed: int, *, epochs: int) -> dict[str, Ranked]:
    """Two networks, each of one half: the first ranks the other half, the second gives an F1 apart from that."""
    data = letters()
    rows = np.concatenate([data.rows, data.test_rows])
    classes = np.concatenate([data.classes, data.test_classes])
    seen, unseen = np.array_split(np.random.default_rng(seed).permutation(len(rows)), 2)
    with served(trained(rows[seen], classes[seen], width=WIDTH, epochs=epochs, seed=seed)) as client:
        share = shares(least_sure(client, rows[unseen], classes[unseen]), classes[unseen])
        own = client.evaluate(rows[unseen], labels=classes[unseen]).f1
    with served(trained(rows[unseen], classes[unseen], width=WIDTH, epochs=epochs, seed=seed)) as client:
        other = client.evaluate(rows[seen], labels=classes[seen]).f1
    return {OWN: Ranked(share, own), OTHER: Ranked(share, other)}


def half_of_classes(seed: int, *, epochs: int) -> tuple[Ranked, float]:
    """A network of 13 letters ranks the others; F1 is of a network of all letters, on the test rows."""
    data = letters()
    known = np.random.default_rng([seed, 1]).permutation(len(NAMES))[:HALF]
    seen = np.isin(data.classes, known)
    with served(trained(data.rows[seen], data.classes[seen], width=WIDTH, epochs=epochs, seed=seed)) as client:
        share = shares(least_sure(client, data.rows[~seen], data.classes[~seen]), data.classes[~seen])
        unseen = 1 - np.isin(least_sure(client, data.test_rows, data.test_classes), known).mean()
    with served(trained(data.rows, data.classes, width=WIDTH, epochs=epochs, seed=seed)) as client:
        f1 = client.evaluate(data.test_rows, labels=data.test_classes).f1
    return Ranked(share, f1), float(unseen)


def run(seed: int, *, epochs: int) -> Run:
    """Both readings."""
    of_classes, unseen = half_of_classes(seed, epochs=epochs)
    return Run({**half_of_rows(seed, epochs=epochs), CLASSES: of_classes}, unseen)


def means(runs: list[Run], name: str) -> Ranked:
    """Over seeds; of a letter's share, over those in which it was ranked, NaN where there are none."""
    found = np.ma.masked_invalid([each.ranked[name].share for each in runs])
    share = found.mean(axis=0).filled(np.nan)
    return Ranked(share, np.mean([each.ranked[name].f1 for each in runs], axis=0))


def correlations(runs: list[Run]) -> str:
    """A table, a line for each reading."""
    lines = []
    for name, chance in ((OWN, 6 / 26), (OTHER, 6 / 26), (CLASSES, 3 / 13)):
        found = [each.ranked[name] for each in runs]
        each_seed = [each.correlation for each in found]
        spread = f"{min(each_seed):+.2f} to {max(each_seed):+.2f}"
        worst = shown([100 * each.of_the_worst for each in found], ".1f")
        lines.append([name, shown(each_seed, "+.2f"), spread, f"{worst} %", f"{100 * chance:.1f} %"])
    head = ("unseen", "share with F1, Spearman", "lowest to highest", "share of the worst quarter", "by chance")
    return table(head, lines)


def of_letters(runs: list[Run]) -> str:
    """A table, a line for each letter, in the order of its share."""
    rows, classes = means(runs, OTHER), means(runs, CLASSES)
    lines = [
        [NAMES[at], f"{rows.f1[at]:.3f}", f"{100 * rows.share[at]:.1f} %", f"{100 * classes.share[at]:.1f} %"]
        for at in np.argsort(-rows.share)
    ]
    return table(("letter", "F1, apart", "share, rows unseen", "share, letter unseen"), lines)


def report(runs: list[Run]) -> str:
    """All of it."""
    unseen = shown([100 * each.unseen for each in runs], ".1f")
    sentence = "Of the 1,000 test rows out of 4,000 that a network of 13 letters is least sure of,"
    sentence += f" {unseen} % are of the\nother 13; by chance half would be."
    return f"Seeds: {len(runs)}.\n\n{correlations(runs)}\n\n{sentence}\n\n{of_letters(runs)}"


def panel(axis: Axes, found: Ranked, title: str) -> None:
    """Each letter where its F1 and its share are."""
    ranked = np.flatnonzero(~np.isnan(found.share))
    for each in ranked:
        axis.text(found.f1[each], 100 * found.share[each], NAMES[each], ha="center", va="center", fontsize=9)
    axis.set(xlabel="F1", ylabel="share of the 1,000 least sure rows, %", title=title)
    axis.set_xlim(found.f1.min() - 0.01, 1)
    axis.set_ylim(0, 110 * np.nanmax(found.share))
    axis.grid(alpha=0.3)


def drawn(runs: list[Run]) -> Figure:
    """Shares against F1, means over seeds; dotted what chance gives."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    panel(left, means(runs, OTHER), "half of the rows unseen, 26 letters")
    panel(right, means(runs, CLASSES), "half of the classes unseen, 13 letters a seed")
    left.axhline(100 / len(NAMES), color="0.5", linestyle=":")
    right.axhline(100 / HALF, color="0.5", linestyle=":")
    return figure


def main() -> None:
    """Train, rank, print, and write down."""
    given = asked(__doc__, seeds=20)
    runs = for_each_seed(run, given.seeds, epochs=SHORT_EPOCHS if given.short else EPOCHS)
    found = report(runs)
    print(found)
    plot = drawn(runs)
    if not given.short:
        write("unseen_letters", found, plot)


if __name__ == "__main__":
    main()
