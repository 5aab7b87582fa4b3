"""Runs of several strategies as figures, a table in Markdown and a plot; for seals.py.

python -m benchmarks.seals_reports FILE makes the table and the plot anew from what seals.py wrote down.
"""

import argparse
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.seals_runs import Run
from benchmarks.seals_strategies import MEASURES

RANDOM, WHOLE, SEALS = "random", "whole pool", "SEALS"
COLUMNS = (
    "what is looked for",
    "rows chosen by",
    "average precision",
    "over the whole pool's",
    "positives found",
    "scored a round, of the pool",
    "at most",
    "milliseconds a round",
    "whole pool / SEALS",
    "in processor time",
    "one product / SEALS",
    "by pool ids / SEALS",
    "from inputs / SEALS",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}\n"
EXPLANATION = """\
Of {rows:,} rows; {first} labels at the start and {last:,} at the end, in batches of {batch}; k = {k}; means of
{seeds} seeds.

- average precision: of the last head on rows held out, lowest to highest seed in brackets.
- over the whole pool's: the same less that of the same measure over the whole pool, seed by seed, mean, and the
  lowest in brackets.
- positives found: the share of all positives in the pool that have a label at the end.
- scored a round: the mean share of the pool over all rounds; at most: in any round of any seed.
- milliseconds a round: from the trained head to the rows to label, median. SEALS: a call of select_candidates,
  that is gRPC, search, scores and choice, and the client's keeping of the candidates. Whole pool: a scan of all
  vectors in memory with the same head of two classes by the same arithmetic, {threads} thread(s) as the server.
- whole pool / SEALS: how many times as long the whole pool takes, the median over rounds of the ratio in a round.
- in processor time: the same of the processor time of all rounds, of client and server together.
- one product / SEALS: the same for a scan by one product with one vector: all that max_entropy needs where there
  are two classes, and not more.
- by pool ids / SEALS: the same for all rows by the same server, from their ids and the head (rank_stream).
- from inputs / SEALS: the same for all rows sent to the same server and through its model (rank_stream).
"""


def shown(runs: Sequence[Run], pools: Sequence[dict[str, Any]], settings: dict[str, Any]) -> str:
    """A table for each pool, and what its columns are."""
    parts = []
    for pool in _unique(pool["pool"] for pool in pools):
        own = [each for each in pools if each["pool"] == pool]
        lines = [
            _line(
                [run for run in runs if (run.pool, run.concept, run.strategy) == (pool, concept, strategy)],
                runs,
                own,
            )
            for concept in _unique(run.concept for run in runs if run.pool == pool)
            for strategy in _unique(run.strategy for run in runs if run.pool == pool)
        ]
        parts.append(f"### {pool}\n\n{_about(own)}\n\n{HEAD}" + "\n".join(lines) + "\n")
    counts = settings["label_counts"]
    parts.append(
        EXPLANATION.format(
            rows=pools[0]["rows"],
            first=counts[0],
            last=counts[-1],
            batch=settings["batch"],
            k=settings["k"],
            seeds=len({run.seed for run in runs}),
            threads=settings["threads"],
        )
    )
    return "\n".join(parts)


def _about(pools: Sequence[dict[str, Any]]) -> str:
    first = pools[0]
    purity = statistics.mean(pool["purity"] for pool in pools)
    recall = statistics.mean(pool["recall"] for pool in pools)
    seconds = statistics.median(pool["seconds_from_inputs"] for pool in pools)
    return (
        f"Of a row's nearest, {purity:.1%} are of its own group. Index: {first['index']}, recall {recall:.3f}. "
        f"All rows from inputs ({first['input_width']} x {first['input_type']}) through the model: "
        f"{seconds:.1f} s; "
        f"from their ids: {statistics.median(pool['seconds_from_pool_ids'] for pool in pools):.1f} s."
    )


def _line(own: Sequence[Run], runs: Sequence[Run], pools: Sequence[dict[str, Any]]) -> str:
    rows = pools[0]["rows"]
    last = [run.average_precisions[-1] for run in own]
    shares = np.array([run.scored for run in own]) / rows
    cells = [
        f"{own[0].concept}"
        + (f" ({_mean(len(run.groups) for run in own):.0f})" if "several" in own[0].concept else ""),
        own[0].strategy,
        f"{_mean(last):.3f} ({min(last):.3f} to {max(last):.3f})",
        _over(own, runs),
        f"{_mean(run.recalls[-1] for run in own):.1%}",
        f"{shares.mean():.2%}",
        f"{shares.max():.2%}",
        f"{1000 * statistics.median(second for run in own for second in run.seconds):.1f}",
        *_ratios(own, runs, pools),
    ]
    return "| " + " | ".join(cells) + " |"


def _over(own: Sequence[Run], runs: Sequence[Run]) -> str:
    if SEALS not in own[0].strategy:
        return "-"
    gaps = [run.average_precisions[-1] - _whole(run, runs).average_precisions[-1] for run in own]
    return f"{_mean(gaps):+.3f} ({min(gaps):+.3f})"


def _ratios(own: Sequence[Run], runs: Sequence[Run], pools: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    if SEALS not in own[0].strategy:
        return ("-",) * 5
    scans = [np.divide(_whole(run, runs).seconds, run.seconds) for run in own]
    by_seed = {pool["seed"]: pool for pool in pools}
    served = [
        np.median([by_seed[run.seed][name] / np.array(run.seconds) for run in own])
        for name in ("seconds_from_pool_ids", "seconds_from_inputs")
    ]
    logits = [
        np.divide(_whole(run, runs).seconds_of_logits, run.seconds) for run in own if MEASURES[0] in run.strategy
    ]
    alone = f"{np.median(logits):.2f}" if logits else "-"
    used = sum(_whole(run, runs).processor_seconds for run in own) / sum(run.processor_seconds for run in own)
    return f"{np.median(scans):.2f}", f"{used:.2f}", alone, f"{served[0]:.0f}", f"{served[1]:.0f}"


def _whole(run: Run, runs: Sequence[Run]) -> Run:
    """The same measure over the whole pool, for the same concept and seed."""
    wanted = (run.pool, run.seed, run.groups, f"{run.strategy.partition(',')[0]}, {WHOLE}")
    return next(each for each in runs if (each.pool, each.seed, each.groups, each.strategy) == wanted)


def write(runs: Sequence[Run], pools: Sequence[dict[str, Any]], settings: dict[str, Any], path: Path) -> None:
    """A line for each pool and run, with four digits, so that a difference can be read."""
    head = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in settings.items())
    sections = [
        f' "{name}": [\n  ' + ",\n  ".join(json.dumps(_rounded(entry)) for entry in entries) + "\n ]"
        for name, entries in (("pools", pools), ("runs", [asdict(run) for run in runs]))
    ]
    path.write_text("{\n" + head + ",\n".join(sections) + "\n}\n")


def read(path: Path) -> tuple[list[dict[str, Any]], list[Run]]:
    """Pools and runs that were written; none where there is no file."""
    content = json.loads(path.read_text()) if path.exists() else {"pools": [], "runs": []}
    return content["pools"], [Run(**entry) for entry in content["runs"]]


def draw(runs: Sequence[Run], pools: Sequence[dict[str, Any]], settings: dict[str, Any], path: Path) -> None:
    """Average precision above, and positives found below; a column for each concept."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    columns = _unique((run.pool, run.concept) for run in runs)
    figure, panels = pyplot.subplots(
        2,
        len(columns),
        figsize=(max(7, 3 * len(columns) + 1), 6),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for column, (pool, concept) in enumerate(columns):
        own = [run for run in runs if (run.pool, run.concept) == (pool, concept)]
        for row, title in enumerate(("average precision", "positives found")):
            _panel(panels[row, column], own, settings["label_counts"], precision=row == 0)
            panels[row, 0].set_ylabel(title)
        panels[0, column].set_title(f"{pool}\n{concept}", fontsize=9)
        panels[1, column].set_xlabel("labels")
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3 if len(columns) > 2 else 2,
        fontsize=8,
    )
    seeds = len({run.seed for run in runs})
    figure.suptitle(f"{settings['data']}, {pools[0]['rows']:,} rows: means over {seeds} seeds", fontsize=11)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def _panel(panel: Any, runs: Sequence[Run], counts: Sequence[int], *, precision: bool) -> None:
    colours = dict(zip(MEASURES, ("tab:red", "tab:blue"), strict=True))
    for strategy in _unique(run.strategy for run in runs):
        own = [run for run in runs if run.strategy == strategy]
        values = np.mean([run.average_precisions if precision else run.recalls for run in own], axis=0)
        colour = colours.get(strategy.partition(",")[0], "black")
        style = next(style for ending, style in STYLES.items() if strategy.endswith(ending))
        panel.plot(counts, values, color=colour, linestyle=style, label=strategy, linewidth=1.3)
    panel.set_ylim(bottom=0, top=1.03 if precision else None)
    panel.grid(alpha=0.3)


STYLES = {WHOLE: "--", SEALS: "-", "chance": "-.", "": ":"}
"""Of a line, by how the strategy's name ends."""


def _unique(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _mean(values: Iterable[float]) -> float:
    return statistics.mean(values)


def _rounded(content: Any) -> Any:
    return json.loads(json.dumps(content), parse_float=lambda text: float(f"{float(text):.4g}"))


def main() -> None:
    """Read the figures, and write a table and a plot beside them."""
    parser = argparse.ArgumentParser(description="Make the table and the plot of seals.py anew.")
    parser.add_argument("file", type=Path, help="the figures: seals_clusters.json")
    path = parser.parse_args().file
    settings = json.loads(path.read_text())
    pools, runs = read(path)
    path.with_suffix(".md").write_text(shown(runs, pools, settings))
    draw(runs, pools, settings, path.with_suffix(".png"))


if __name__ == "__main__":
    main()
