"""How policies keep to their budget, and what they spend it on: python benchmarks/stream_budget.py [--short].

Two streams of utilities: one from Beta(2, 8), whose mean is 0.2; one that goes over to Beta(4, 6) half-way, so
that its mean doubles. Prints what was spent over the budget, and how uncertain the selected rows are over the
average one. Where scikit-activeml is installed (pip install scikit-activeml==1.0.1), its policies are given the
same rows, and timed in turn with these. Writes benchmarks/results/stream_budget.json unless --short.
"""

import argparse
import importlib.util
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assayd_server.core.stream import Policy, PolicySettings, advance, begin

RESULTS = Path(__file__).parent / "results" / "stream_budget.json"
BUDGETS = (0.01, 0.05, 0.2)
CLASS_COUNT = 10
LOW, HIGH = (2, 8), (4, 6)
PEER_BUDGET, PEER_ROUNDS = 0.05, 7
SEED = 1


@dataclass(frozen=True)
class Spending:
    """What one policy did on one stream."""

    stream: str
    budget: float
    window: int
    step: float
    policy: str
    spent_over_budget: float
    spent_over_budget_in_second_half: float
    utility_over_average_in_first_half: float | None
    utility_over_average_in_second_half: float | None


def streams(row_count: int) -> dict[str, np.ndarray]:
    """Utilities by the name of their stream."""
    rng = np.random.default_rng(SEED)
    half = row_count // 2
    first = rng.beta(*LOW, half)
    return {
        "stationary": np.concatenate([first, rng.beta(*LOW, half)]),
        "doubling": np.concatenate([first, rng.beta(*HIGH, half)]),
    }


def decisions(utilities: np.ndarray, settings: PolicySettings, *, batch_rows: int = 1000) -> np.ndarray:
    """Which rows are selected."""
    state, ids, parts = begin(settings), np.arange(len(utilities), dtype=np.uint64), []
    for start in range(0, len(utilities), batch_rows):
        rows = slice(start, start + batch_rows)
        state, decided = advance(state, utilities[rows], ids[rows], settings)
        parts.append(decided.selected)
    return np.concatenate(parts)


def spending(name: str, utilities: np.ndarray, settings: PolicySettings) -> Spending:
    """Of one policy on one stream."""
    return spent_by(decisions(utilities, settings), name, utilities, settings, settings.policy)


def spent_by(
    selected: np.ndarray, name: str, utilities: np.ndarray, settings: PolicySettings, policy: str
) -> Spending:
    """What it means that these rows were selected."""
    shares = [half.mean() / settings.budget for half in np.split(selected, 2)]
    halves = zip(np.split(utilities, 2), np.split(selected, 2), strict=True)
    lifts = [float(values[chosen].mean() / values.mean()) if chosen.any() else None for values, chosen in halves]
    spent = float(np.mean(shares)), float(shares[1])
    return Spending(name, settings.budget, settings.window, settings.step, policy, *spent, *lifts)


def hindsight(name: str, utilities: np.ndarray, settings: PolicySettings) -> Spending:
    """The most uncertain rows of each half, which nobody knows beforehand: the most that there is to be had."""
    chosen = [half >= np.quantile(half, 1 - settings.budget) for half in np.split(utilities, 2)]
    return spent_by(np.concatenate(chosen), name, utilities, settings, "hindsight")


def all_spending(row_count: int) -> list[Spending]:
    """Every policy on both streams, with the window of 100 rows and, where that is too short, one of 10 / B."""
    found = []
    for name, utilities in streams(row_count).items():
        for budget in BUDGETS:
            for window in sorted({100, max(100, round(10 / budget))}):
                every = [
                    PolicySettings(policy=policy, budget=budget, window=window, class_count=CLASS_COUNT)
                    for policy in Policy
                ]
                found += [spending(name, utilities, settings) for settings in every]
            found.append(hindsight(name, utilities, every[0]))
    return found


def variable_parameters(row_count: int) -> list[Spending]:
    """What window and step do to the variable threshold at the smallest budget."""
    return [
        spending(
            name,
            utilities,
            PolicySettings(
                policy=Policy.VARIABLE, budget=BUDGETS[0], window=window, step=step, class_count=CLASS_COUNT
            ),
        )
        for name, utilities in streams(row_count).items()
        for window in (100, 500, 1000, 2000)
        for step in (0.001, 0.01, 0.1)
    ]


def peer_managers() -> dict[Policy, Callable[[], Any]]:
    """scikit-activeml's policies without chance, with the same settings; none where it is not installed."""
    if importlib.util.find_spec("skactiveml") is None:
        return {}
    from skactiveml.stream import budgetmanager as peers

    return {
        Policy.FIXED: lambda: peers.FixedUncertaintyBudgetManager(
            classes=list(range(CLASS_COUNT)), w=100, budget=PEER_BUDGET
        ),
        Policy.VARIABLE: lambda: peers.VariableUncertaintyBudgetManager(w=100, s=0.01, budget=PEER_BUDGET),
        Policy.QUANTILE: lambda: peers.BalancedIncrementalQuantileFilter(w=100, w_tol=100, budget=PEER_BUDGET),
    }


def peer_decisions(manager: Any, policy: Policy, utilities: np.ndarray) -> np.ndarray:
    """All rows in one call, which is the fastest way that it has."""
    own = utilities if policy is Policy.QUANTILE else utilities * (CLASS_COUNT - 1) / CLASS_COUNT
    selected = np.zeros(len(utilities), bool)
    selected[manager.query_by_utility(own)] = True
    return selected


def seconds(work: Callable[[], object]) -> float:
    """Of one call, on one processor; what else the machine does is not counted."""
    began = time.process_time()
    work()
    return time.process_time() - began


def speeds(row_count: int) -> list[dict[str, Any]]:
    """Rows a second, and how many times as many as scikit-activeml's."""
    utilities, managers, found = streams(row_count)["doubling"], peer_managers(), []
    for policy in Policy:
        settings = PolicySettings(policy=policy, budget=PEER_BUDGET, class_count=CLASS_COUNT)
        ours = [seconds(lambda s=settings: decisions(utilities, s)) for _ in range(PEER_ROUNDS)]
        entry: dict[str, Any] = {"policy": policy, "rows_per_second": row_count / statistics.median(ours)}
        if policy in managers:
            make = managers[policy]
            differing = decisions(utilities, settings) != peer_decisions(make(), policy, utilities)
            ratios = [
                seconds(lambda m=make, p=policy: peer_decisions(m(), p, utilities))
                / seconds(lambda s=settings: decisions(utilities, s))
                for _ in range(PEER_ROUNDS)
            ]
            entry |= {"differing_rows": int(differing.sum()), "times_as_fast_as_scikit_activeml": ratios}
        found.append(entry)
    return found


def show_spending(spent: list[Spending]) -> None:
    """Print a table, a line for each policy on each stream."""
    print("stream | budget | window | step | policy | spent / budget | 2nd half | utility / average | 2nd half")
    for entry in spent:
        shares = (entry.spent_over_budget, entry.spent_over_budget_in_second_half)
        lifts = (entry.utility_over_average_in_first_half, entry.utility_over_average_in_second_half)
        cells = [f"{share:.3f}" for share in shares] + ["-" if lift is None else f"{lift:.2f}" for lift in lifts]
        settings = f"{entry.budget} | {entry.window} | {entry.step}"
        print(f"{entry.stream} | {settings} | {entry.policy} | " + " | ".join(cells))


def show_speeds(speed: list[dict[str, Any]]) -> None:
    """Print a table, a line for each policy."""
    print("policy | rows a second | times as fast as scikit-activeml | rows decided otherwise")
    for timed in speed:
        ratios = timed.get("times_as_fast_as_scikit_activeml")
        times = f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})" if ratios else "-"
        print(f"{timed['policy']} | {timed['rows_per_second']:.0f} | {times} | {timed.get('differing_rows', '-')}")


def as_json(content: dict[str, list[dict[str, Any]]]) -> str:
    """A line for each entry, so that a difference can be read."""
    sections = [
        f" {json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(entry)}" for entry in entries) + "\n ]"
        for name, entries in content.items()
    ]
    return "{\n" + ",\n".join(sections) + "\n}\n"


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="few rows, and nothing is written")
    short = parser.parse_args().short
    row_count = 4_000 if short else 200_000
    spent, parameters = all_spending(row_count), variable_parameters(row_count)
    speed = speeds(1_000 if short else 10_000)
    show_spending(spent)
    show_spending(parameters)
    show_speeds(speed)
    if not short:
        tables = {"spending": spent, "variable_parameters": parameters}
        content = {name: [asdict(entry) for entry in entries] for name, entries in tables.items()}
        versions = {"python": platform.python_version(), "numpy": np.__version__}
        RESULTS.write_text(as_json({"versions": [versions], **content, "speed": speed}))


if __name__ == "__main__":
    main()
