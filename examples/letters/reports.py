"""What the examples have in common at their end: intervals, tables, plots, pages."""

import argparse
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scipy import stats
from threadpoolctl import threadpool_limits

PAGES = Path(__file__).parents[2] / "docs" / "examples"
BEGIN, END = "<!-- what the example found -->\n", "<!-- to here -->\n"
WORKERS = 2
COLORS = ("black", "tab:red", "tab:orange", "tab:blue", "tab:green")

Result = TypeVar("Result")


def asked(about: str | None, *, seeds: int) -> argparse.Namespace:
    """What an example is to do: short, seeds."""
    parser = argparse.ArgumentParser(description=about and about.partition("\n")[0])
    parser.add_argument("--seeds", type=int, help=f"how often all of it is repeated; default {seeds}")
    parser.add_argument("--short", action="store_true", help="little of it, once; nothing is written")
    given = parser.parse_args()
    given.seeds = given.seeds or (1 if given.short else seeds)
    return given


def for_each_seed(run: Callable[..., Result], count: int, **settings: Any) -> list[Result]:
    """run(0, ...), run(1, ...) and so on, in processes of one thread each; a single one in this process."""
    if count == 1:
        with threadpool_limits(1):
            return [run(0, **settings)]
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of the processes
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(WORKERS, count), mp_context=context) as processes:
        return list(processes.map(partial(run, **settings), range(count)))


def interval(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """The mean over seeds, and how far its 95 % confidence interval goes to both sides, by Student's t."""
    found = np.asarray(values, float)
    if len(found) < 2:
        return float(found.mean()), float("nan")
    width = stats.t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / len(found) ** 0.5
    return float(found.mean()), float(width)


def shown(values: Sequence[float] | np.ndarray, form: str = ".3f") -> str:
    """The mean and its interval, as text; the mean alone of one seed."""
    mean, width = interval(values)
    return f"{mean:{form}} ± {width:{form.removeprefix('+')}}" if len(values) > 1 else f"{mean:{form}}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def lines(counts: np.ndarray, curves: Mapping[str, np.ndarray], **named: Any) -> Figure:
    """A plot of mean curves, each (seeds, counts), with their intervals; named are the axes."""
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axis = figure.subplots()
    for (name, values), color in zip(curves.items(), COLORS, strict=False):
        mean, width = np.array([interval(column) for column in values.T]).T
        axis.plot(counts, mean, color=color, label=name, linewidth=1.3)
        axis.fill_between(counts, mean - width, mean + width, color=color, alpha=0.15, linewidth=0)
    axis.set(**named)
    axis.grid(alpha=0.3)
    axis.legend()
    return figure


def write(name: str, found: str, plot: Figure) -> None:
    """Put what was found into a page, in place of what was found before, and a plot of few colours beside it."""
    page, image = PAGES / f"{name}.md", PAGES / f"{name}.png"
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{found}\n\n{END}{rest.partition(END)[2]}")
    plot.savefig(image, dpi=90)
    with Image.open(image) as content:
        content.convert("RGB").quantize(64).save(image, optimize=True)
