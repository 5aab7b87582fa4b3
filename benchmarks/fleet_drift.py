"""How often the rules of a fleet raise an alarm on healthy traffic, with an hour that slides.

    python -m benchmarks.fleet_drift [--short]

Healthy traffic: each minute a Poisson number of rows, in the shares that the reference was drawn from. Each
minute the last hour is held against the reference as helm/assayd/rules/drift.yaml does, with the critical value
of a level of 1 % an hour, divided by the columns and by LOOKS. Shown are hours in which some look passed the
critical value, as a share of what was asked for; the LOOKS that would have been exact; and hours with an alarm
of the rule, with effect and rows. Bins are quantiles, or twelve categories each half as frequent as the one
before; the last bin is for missing values.

Takes four minutes, and writes results/fleet_drift.json; --short takes seconds, and writes nothing.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.special import chdtri

from benchmarks.drift_calibration import CATEGORY_SHARES, shown
from benchmarks.stream_budget import as_json

RESULTS = Path(__file__).parent / "results" / "fleet_drift.json"
ALPHA = 0.01
LOOKS = 15
PSI_MIN = 0.1
ROWS_MIN = 200
MINUTES = 60
ALERT_MINUTES = 15
SEED = 1


@dataclass(frozen=True)
class Plan:
    """How much to draw."""

    hourly_rows: tuple[int, ...] = (200, 1000, 10_000)
    columns: tuple[int, ...] = (1, 12)
    reference_count: int = 400
    hours: int = 250


SHORT = Plan((1000,), (1,), 5, 20)


@dataclass(frozen=True)
class FalseAlarms:
    """Of one column."""

    bins: str
    hourly_rows: int
    reference_rows: int
    columns: int
    evidence_over_asked: float
    """Hours in which some look has evidence, over the level of an hour and column."""
    looks_over_single: float
    """Such hours over single looks that have evidence: how many tests an hour is worth."""
    hours_with_effect_and_evidence: float
    hours_with_alert: float
    """Those in which both hold for as long as the alert waits."""


def references(rng: np.random.Generator, bins: str, reference_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The counts of one reference, and the shares of healthy rows; the last bin is for missing values."""
    if bins == "categories":
        counts, shares = rng.multinomial(reference_rows, CATEGORY_SHARES), CATEGORY_SHARES
        return np.append(counts, [0, 0]), np.append(shares, [0, 0])
    counts = np.diff(np.arange(11) * reference_rows // 10)
    return np.append(counts, 0), np.append(rng.dirichlet([*counts[:-1], counts[-1] + 1]), 0)


def sliding_counts(rng: np.random.Generator, shares: np.ndarray, hourly_rows: int, hours: int) -> np.ndarray:
    """(60 hours, B): rows of the last hour at each minute."""
    by_minute = rng.poisson(shares * hourly_rows / MINUTES, (MINUTES * (hours + 1), len(shares)))
    totals = by_minute.cumsum(axis=0)
    return totals[MINUTES:] - totals[:-MINUTES]


def psi(reference: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """(looks,), as the rules compute it."""
    half = len(reference) / 2
    expected = (reference + 0.5) / (reference.sum() + half)
    actual = (windows + 0.5) / (windows.sum(axis=1, keepdims=True) + half)
    return ((actual - expected) * np.log(actual / expected)).sum(axis=1)


def false_alarms(bins: str, hourly_rows: int, reference_rows: int, columns: int, plan: Plan) -> FalseAlarms:
    """Of one column, under traffic like the reference."""
    rng = np.random.default_rng([SEED, hourly_rows, reference_rows])
    looks, hours, effects, alerts = [], [], [], []
    for _ in range(plan.reference_count):
        reference, shares = references(rng, bins, reference_rows)
        windows = sliding_counts(rng, shares, hourly_rows, plan.hours)
        rows, found = windows.sum(axis=1), psi(reference, windows)
        critical = chdtri(len(reference) - 1, ALPHA / LOOKS / columns)
        evidence = found > critical * (1 / reference_rows + 1 / rows)
        both = evidence & (found >= PSI_MIN) & (rows >= ROWS_MIN)
        looks.append(evidence.mean())
        hours.append(hourly(evidence))
        effects.append(hourly(both))
        alerts.append(hourly(lasting(both)))
    asked, passed = ALPHA / columns, float(np.mean(hours))
    return FalseAlarms(
        bins,
        hourly_rows,
        reference_rows,
        columns,
        passed / asked,
        passed / max(float(np.mean(looks)), 1e-12),
        float(np.mean(effects)),
        float(np.mean(alerts)),
    )


def hourly(looks: np.ndarray) -> float:
    """The share of hours with any such look."""
    return float(looks.reshape(-1, MINUTES).any(axis=1).mean())


def lasting(looks: np.ndarray) -> np.ndarray:
    """Whether this look and as many before it as the alert waits are such."""
    totals = np.append(0, looks.cumsum())
    run = totals[ALERT_MINUTES + 1 :] - totals[: -ALERT_MINUTES - 1]
    return np.append(np.zeros(ALERT_MINUTES, bool), run == ALERT_MINUTES + 1)


def all_false_alarms(plan: Plan) -> Iterator[FalseAlarms]:
    """Both kinds of bins, at each size, against references of 50 times as many rows and of 1,200."""
    for bins in ("quantiles", "categories"):
        for hourly_rows in plan.hourly_rows:
            for columns in plan.columns:
                for reference_rows in (50 * hourly_rows, 1200):
                    yield false_alarms(bins, hourly_rows, reference_rows, columns, plan)


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="few hours, and nothing is written")
    short = parser.parse_args().short
    found = shown(
        all_false_alarms(SHORT if short else Plan()),
        "bins | rows an hour | reference rows | columns | hours with evidence, over asked | looks that an hour is "
        "worth | hours with effect and evidence | hours with an alert",
    )
    if not short:
        versions = {"python": platform.python_version(), "numpy": np.__version__}
        RESULTS.write_text(as_json({"versions": [versions], "false_alarms": [asdict(entry) for entry in found]}))


if __name__ == "__main__":
    main()
