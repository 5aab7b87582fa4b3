"""How often windows like the reference are rejected, and shifted ones found.

    python -m benchmarks.drift_calibration [--short]

Null windows, for PSI, chi-squared and MMD: the share of p-values up to 5 %, 1 % and 0.1 %, averaged over
references of n = 50 m rows for windows of m, and how it differs from one reference to the next; beside it
references of 1,200 rows, for which a verdict carries a caution. Bins of PSI are quantiles of the reference: the
shares of all rows that fall into them follow a Dirichlet law, from which they are drawn. Chi-squared has twelve
categories, each half as frequent as the one before. MMD has rows of three clusters in eight dimensions, reduced
and transformed as any other.

Power: 64 columns, of which 5 are shifted, judged as a whole.

Takes some ten minutes, and writes results/drift_calibration.json; --short takes seconds, and writes nothing.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assayd_server.core.drift import BinKind, ColumnValues, DriftSettings, fit_drift_reference, judge
from assayd_server.core.drift.findings import deciding
from assayd_server.core.drift.fourier import FeatureSums, fit_fourier_features, mmd_p_value
from assayd_server.core.drift.reduction import fit_reduction
from benchmarks.stream_budget import as_json

RESULTS = Path(__file__).parent / "results" / "drift_calibration.json"
ALPHAS = (0.05, 0.01, 0.001)
CATEGORY_SHARES = 0.5 ** np.arange(1, 13) / (0.5 ** np.arange(1, 13)).sum()
CENTRES = np.random.default_rng(0).normal(0, 2, (3, 8))
SMALL_REFERENCE = 1200
SHIFTED_COLUMNS = 5
SEED = 1


@dataclass(frozen=True)
class Plan:
    """How much to draw."""

    window_rows: tuple[int, ...] = (200, 1000, 10_000)
    reference_count: int = 200
    windows_for_counts: int = 200
    rows_for_features: int = 100_000
    """Of all windows that are held against one reference by MMD, at most."""
    power_windows: int = 100


SHORT = Plan((200,), 3, 20, 2000, 3)


@dataclass(frozen=True)
class Calibration:
    """How one test did on null windows."""

    test: str
    window_rows: int
    reference_rows: int
    reference_count: int
    windows_a_reference: int
    rejected_at_5_percent: float
    rejected_at_1_percent: float
    rejected_at_01_percent: float
    one_reference_lowest: float
    """At 5 %, of the single references: these two hold 90 % of them. Some of the spread comes of the number of
    windows."""
    one_reference_highest: float


@dataclass(frozen=True)
class Power:
    """How often a shift was found."""

    shift: float
    window_rows: int
    alarms: float
    evidence: float
    """Windows with an adjusted p-value of at most 5 % in any column, whatever the effect."""
    evidence_of_embedding: float


def psi_p_values(rng: np.random.Generator, reference_rows: int, window_rows: int, plan: Plan) -> np.ndarray:
    """Of null windows against one reference, whose ten bins are its quantiles."""
    counts = np.diff(np.arange(11) * reference_rows // 10)
    shares = rng.dirichlet([*counts[:-1], counts[-1] + 1])
    return _p_values(BinKind.INTERVALS, counts, rng.multinomial(window_rows, shares, plan.windows_for_counts))


def chi_squared_p_values(
    rng: np.random.Generator, reference_rows: int, window_rows: int, plan: Plan
) -> np.ndarray:
    """Of null windows against one reference, of twelve categories, the least frequent of them 0.02 %."""
    counts = rng.multinomial(reference_rows, CATEGORY_SHARES)
    windows = rng.multinomial(window_rows, CATEGORY_SHARES, plan.windows_for_counts)
    return _p_values(BinKind.CATEGORIES, np.append(counts, 0), np.pad(windows, ((0, 0), (0, 1))))


def _p_values(kind: BinKind, reference: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """With a missing bin, in which there is nothing."""
    counts = np.append(reference, 0)
    return np.array([deciding(kind, counts, np.append(window, 0), 5).p_value for window in windows])


def mmd_p_values(rng: np.random.Generator, reference_rows: int, window_rows: int, plan: Plan) -> np.ndarray:
    """Of null windows against one reference."""
    reduction = fit_reduction(clustered(rng, min(reference_rows, 10_000)))  # rows that are not counted, as ever
    reduced = reduction.reduce(clustered(rng, reference_rows))
    features = fit_fourier_features(reduced)
    whole, found = FeatureSums(reference_rows, features.sums(reduced)), []
    for _ in range(min(plan.rows_for_features // window_rows, plan.windows_for_counts)):
        window = FeatureSums(window_rows, features.sums(reduction.reduce(clustered(rng, window_rows))))
        found.append(mmd_p_value(features, whole, window))
    return np.array(found)


def clustered(rng: np.random.Generator, row_count: int) -> np.ndarray:
    """Rows of three clusters, one of them rare."""
    return CENTRES[rng.choice(3, row_count, p=[0.6, 0.35, 0.05])] + rng.normal(0, 1, (row_count, 8))


Draw = Callable[[np.random.Generator, int, int, Plan], np.ndarray]
TESTS: dict[str, Draw] = {"psi": psi_p_values, "chi_squared": chi_squared_p_values, "mmd": mmd_p_values}


def calibration(test: str, window_rows: int, reference_rows: int, plan: Plan) -> Calibration:
    """Of one test at one size."""
    rng = np.random.default_rng([SEED, window_rows, reference_rows])
    p_values = np.array([TESTS[test](rng, reference_rows, window_rows, plan) for _ in range(plan.reference_count)])
    rejected = [float((p_values <= alpha).mean()) for alpha in ALPHAS]
    spread = np.quantile((p_values <= ALPHAS[0]).mean(axis=1), [0.05, 0.95]).tolist()
    return Calibration(test, window_rows, reference_rows, *p_values.shape, *rejected, *spread)


def all_calibrations(plan: Plan) -> Iterator[Calibration]:
    """Every test, at each size and against small references."""
    for test in TESTS:
        for window_rows in plan.window_rows:
            yield calibration(test, window_rows, 50 * window_rows, plan)
        yield calibration(test, max(rows for rows in plan.window_rows if rows <= 1000), SMALL_REFERENCE, plan)


def all_power(plan: Plan) -> Iterator[Power]:
    """Shifts of 5 of 64 columns, against a reference of 10,000 rows."""
    rng = np.random.default_rng(SEED)
    rows = rng.normal(0, 1, (10_000, 64))
    names = [f"column_{place}" for place in range(64)]
    columns = [ColumnValues(name=name, values=values) for name, values in zip(names, rows.T, strict=True)]
    reference = fit_drift_reference(len(rows), columns, embeddings=rows)
    anything = DriftSettings(psi_min=0, mmd_min=0)
    for shift in (0.0, 0.2, 0.5):
        for window_rows in plan.window_rows:
            found = []
            for _ in range(plan.power_windows):
                window = rng.normal(0, 1, (window_rows, 64))
                window[:, :SHIFTED_COLUMNS] += shift
                state = reference.layout.count(window_rows, dict(zip(names, window.T, strict=True)), window)
                verdicts = judge(reference, state), judge(reference, state, anything)
                whole = next(column for column in verdicts[1].columns if column.name == "embedding")
                found.append((*(verdict.drifted for verdict in verdicts), whole.drifted))
            yield Power(shift, window_rows, *np.mean(found, axis=0).tolist())


def line(entry: Calibration | Power) -> str:
    """A row of a table."""
    return " | ".join(
        f"{value:.4f}" if isinstance(value, float) else str(value) for value in asdict(entry).values()
    )


def shown(entries: Iterator[Any], headings: str) -> list[Any]:
    """All of them, each printed as soon as it is there."""
    print(headings)
    found = []
    for entry in entries:
        print(line(entry), flush=True)
        found.append(entry)
    return found


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="few windows, and nothing is written")
    short = parser.parse_args().short
    plan = SHORT if short else Plan()
    calibrations = shown(
        all_calibrations(plan),
        "test | window rows | reference rows | references | windows each | at 5 % | at 1 % | at 0.1 % | single "
        "references at 5 %: lowest | highest",
    )
    power = shown(all_power(plan), "shift of 5 of 64 columns | window rows | alarms | evidence | of the embedding")
    if not short:
        tables = {"calibration": calibrations, "power": power}
        content = {name: [asdict(entry) for entry in entries] for name, entries in tables.items()}
        versions = {"python": platform.python_version(), "numpy": np.__version__}
        RESULTS.write_text(as_json({"versions": [versions], **content}))


if __name__ == "__main__":
    main()
