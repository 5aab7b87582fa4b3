"""Whether proposed labels are as often right as they are said to be: python -m benchmarks.pseudo_labels [--short].

A network learns digits from 150 labelled rows, and its temperature is fitted to 500 others; ProposeLabels then
decides about the rest. The first table is of thresholds, with the temperature and without: how many rows have a
label, how many of the labels are right beside the mean confidence, and how far the two lie apart at most, over all
networks. The second is of a pool in which each digit is rarer than the one before: what the rarest and the most
frequent digit get by one threshold, by equal quotas, by both, and by a threshold where probabilities go by how
frequent the digits are. Writes benchmarks/results/pseudo_labels.json unless --short; docs/labels.md has the
tables.
"""

import argparse
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from assayd import Client, LabelProposals
from assayd.testing import serving
from assayd_server.core.calibration import fit_temperature
from assayd_server.core.softmax import tempered
from benchmarks.server_kinds.report import describe_machine, format_json

RESULTS = Path(__file__).parent / "results" / "pseudo_labels.json"
LABELED, CALIBRATION, CLASSES = 150, 500, 10
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
RARER = 0.75
"""How many times as many rows as the one before a digit has in the imbalanced pool."""
QUOTA = 15
SEED_COUNT = 20
ONE_THRESHOLD, CORRECTED = "threshold 0.9", "threshold 0.9, probabilities corrected for the pool"


@dataclass(frozen=True)
class Pool:
    """Rows without a label, as a network sees them."""

    probabilities: np.ndarray
    truth: np.ndarray
    temperature: float

    def part(self, rows: np.ndarray) -> "Pool":
        """Some of them."""
        return Pool(self.probabilities[rows], self.truth[rows], self.temperature)


@dataclass(frozen=True)
class Above:
    """What is proposed above a threshold, over all networks."""

    calibrated: bool
    threshold: float
    labeled: float
    right: float
    confidence: float
    apart_at_most: float


@dataclass(frozen=True)
class Balance:
    """What is proposed of an imbalanced pool, over all networks; the last digit is the rarest."""

    rule: str
    first: float
    last: float
    right: float
    last_right: float
    confidence: float


def pools(seed_count: int) -> Iterator[Pool]:
    """A pool for each network."""
    images, digits = load_digits(return_X_y=True)
    for seed in range(seed_count):
        order = np.random.default_rng(seed).permutation(len(images))
        rows, labels = images[order] / 16, digits[order]
        network = MLPClassifier((64,), alpha=1e-4, max_iter=300, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # it is meant to end there
            network.fit(rows[:LABELED], labels[:LABELED])
        held_out = slice(LABELED, LABELED + CALIBRATION)
        logits = np.log(np.maximum(network.predict_proba(rows), 1e-30))
        temperature = fit_temperature(logits[held_out], labels[held_out])
        rest = slice(LABELED + CALIBRATION, None)
        yield Pool(network.predict_proba(rows[rest]), labels[rest], temperature)


def proposed(client: Client, pool: Pool, *, calibrated: bool = True, **wanted: Any) -> LabelProposals:
    """The proposals for a pool."""
    temperature = pool.temperature if calibrated else None
    return client.propose_labels(probabilities=pool.probabilities, temperature=temperature, **wanted)


def right(found: LabelProposals, pool: Pool) -> float:
    """The share of the proposed labels that is right."""
    return float((found.labels == pool.truth)[found.accepted].mean())


def above(client: Client, all_pools: Sequence[Pool], threshold: float, *, calibrated: bool) -> Above:
    """Means over networks, and the largest gap."""
    of_each = [proposed(client, pool, calibrated=calibrated, thresholds=threshold) for pool in all_pools]
    shares = [right(found, pool) for found, pool in zip(of_each, all_pools, strict=True)]
    said = [found.expected_accuracy for found in of_each]
    return Above(
        calibrated=calibrated,
        threshold=threshold,
        labeled=mean(float(found.accepted.mean()) for found in of_each),
        right=mean(shares),
        confidence=mean(said),
        apart_at_most=max(abs(one - other) for one, other in zip(shares, said, strict=True)),
    )


def imbalanced(pool: Pool) -> Pool:
    """Each digit rarer than the one before."""
    places = [np.flatnonzero(pool.truth == digit) for digit in range(CLASSES)]
    most = min(map(len, places))
    return pool.part(np.sort(np.concatenate([of[: round(most * RARER**d)] for d, of in enumerate(places)])))


def balance(client: Client, all_pools: Sequence[Pool], rule: str, wanted: Mapping[str, Any]) -> Balance:
    """Means over networks."""
    of_each = [(pool, proposed(client, pool, **wanted)) for pool in all_pools]
    last = CLASSES - 1
    of_last = np.concatenate([pool.truth[found.labels == last] == last for pool, found in of_each])
    return Balance(
        rule=rule,
        first=mean(float(found.counts[0]) for _, found in of_each),
        last=mean(float(found.counts[last]) for _, found in of_each),
        right=mean(right(found, pool) for pool, found in of_each),
        last_right=float(of_last.mean()),
        confidence=mean(found.expected_accuracy for _, found in of_each),
    )


def corrected(pool: Pool) -> Pool:
    """As if the network had learnt from digits as frequent as they are in the pool: Saerens et al. 2002."""
    calibrated = tempered(pool.probabilities, pool.temperature)
    weighted = calibrated * np.bincount(pool.truth, minlength=CLASSES)
    return Pool(weighted / weighted.sum(axis=1, keepdims=True), pool.truth, 1.0)


def table_of_thresholds(figures: Sequence[Above]) -> list[str]:
    """Lines; the uncalibrated ones in brackets."""
    lines = [
        "| threshold | rows with a label | right | mean confidence | largest gap of any network |",
        "|---" * 5 + "|",
    ]
    for fitted, plain in zip(figures[: len(THRESHOLDS)], figures[len(THRESHOLDS) :], strict=True):
        shares = ((one.labeled, one.right, one.confidence) for one in (fitted, plain))
        cells = [f"{100 * one:.1f} % ({100 * other:.1f} %)" for one, other in zip(*shares, strict=True)]
        apart = f"{100 * fitted.apart_at_most:.1f} points ({100 * plain.apart_at_most:.1f})"
        lines.append(f"| {fitted.threshold} | {' | '.join(cells)} | {apart} |")
    return lines


def table_of_rules(figures: Sequence[Balance]) -> list[str]:
    """Lines."""
    lines = ["| rule | labels of 0 | labels of 9 | right | right of 9 | mean confidence |", "|---" * 6 + "|"]
    for one in figures:
        shares = " | ".join(f"{100 * share:.1f} %" for share in (one.right, one.last_right, one.confidence))
        lines.append(f"| {one.rule} | {one.first:.1f} | {one.last:.1f} | {shares} |")
    return lines


def written() -> list[str]:
    """The lines of both tables, of the figures that were kept."""
    kept = json.loads(RESULTS.read_text())
    of_thresholds = table_of_thresholds([Above(**one) for one in kept["thresholds"]])
    return of_thresholds + table_of_rules([Balance(**one) for one in kept["rules"]])


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--short", action="store_true", help="two networks, and nothing is written")
    short = parser.parse_args().short
    all_pools = list(pools(2 if short else SEED_COUNT))
    skewed = [imbalanced(pool) for pool in all_pools]
    rules: dict[str, dict[str, Any]] = {
        ONE_THRESHOLD: {"thresholds": 0.9},
        f"equal quotas of {QUOTA}": {"count": QUOTA * CLASSES, "prior": np.full(CLASSES, 0.1)},
        f"equal quotas of {QUOTA}, and at least 0.9": {"quotas": [QUOTA] * CLASSES, "confidence_min": 0.9},
    }
    with serving() as server, server.client() as client:
        of_thresholds = [
            above(client, all_pools, threshold, calibrated=calibrated)
            for calibrated in (True, False)
            for threshold in THRESHOLDS
        ]
        of_rules = [balance(client, skewed, rule, wanted) for rule, wanted in rules.items()]
        by_frequency = [corrected(pool) for pool in skewed]
        of_rules.append(balance(client, by_frequency, CORRECTED, rules[ONE_THRESHOLD]))
    print("\n".join([*table_of_thresholds(of_thresholds), "", *table_of_rules(of_rules)]))
    if not short:
        document = {
            "machine": describe_machine(),
            "network_count": len(all_pools),
            "thresholds": list(map(asdict, of_thresholds)),
            "rules": list(map(asdict, of_rules)),
        }
        RESULTS.write_text(format_json(document))


if __name__ == "__main__":
    main()
