"""Active learning on a pool of letters: python -m examples.letters.pool_learning [--seeds N] [--short].

Five labels of each letter train a small network, which is served once, with a pool of all 16,000 rows. From then
on each round trains nothing but a head, a logistic regression on the vectors of the labelled rows, and sends it
along: the service chooses the next hundred rows by it, and judges it on 4,000 rows that are not in the pool.
Vectors, choices and accuracies come from its RPCs: GetVectors, Rank and Evaluate.
"""

from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from assayd import Client
from examples.letters.networks import served, trained
from examples.letters.reports import asked, for_each_seed, lines, shown, table, write
from examples.letters.rows import NAMES, letters

STRATEGIES: dict[str, dict[str, Any]] = {
    "random": {},
    "margin": {"measure": "margin"},
    "entropy": {"measure": "entropy"},
    "margin + badge": {"measure": "margin", "diversity": "badge"},
    "margin + cluster_margin": {"measure": "margin", "diversity": "cluster_margin"},
}
"""What is asked of rank, by name."""
OF_EACH, BATCH, ROUNDS, POOL_ROWS = 5, 100, 25, 16_000
SHORT_ROUNDS, SHORT_POOL_ROWS = 2, 3000
WIDTH, EPOCHS = 256, 200
TARGET_SHARE = 0.9
"""Of the accuracy that all labels give."""
SHOWN = (0, 2, 5, 10, 15, 25)
"""The rounds that the table shows."""
ALL = "all labels"
Head = tuple[np.ndarray, np.ndarray]


def first_labels(classes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ids of rows that are labelled at the start: the same number of each letter, by chance."""
    return np.concatenate([rng.choice(np.flatnonzero(classes == k), OF_EACH, False) for k in range(len(NAMES))])


def head_of(client: Client, ids: np.ndarray) -> Head:
    """What is trained in a round: a linear layer, of the vectors that the service has of these rows."""
    model = LogisticRegression(C=10, max_iter=2000).fit(client.pool_vectors(ids), letters().classes[ids])
    return model.coef_, model.intercept_


def accuracy(client: Client, head: Head) -> float:
    """Of the network under this head, on the rows that are held out."""
    return client.evaluate(letters().test_rows, labels=letters().test_classes, head=head).accuracy


def chosen(client: Client, head: Head, rest: np.ndarray, wanted: dict[str, Any], *, seed: int) -> np.ndarray:
    """Ids of the rows to label next, out of all that have no label."""
    if not wanted:
        return np.random.default_rng([seed, len(rest)]).choice(rest, BATCH, replace=False)
    batches = ({"pool_ids": part} for part in np.array_split(rest, 8))
    ranking = client.rank_stream(batches, head=head, count=BATCH, seed=seed, **wanted)
    assert ranking.ids is not None  # ids were sent
    return ranking.ids


def curve(client: Client, labelled: np.ndarray, wanted: dict[str, Any], *, rounds: int, seed: int) -> list[float]:
    """The accuracy after each round, the first with the labels of the start."""
    found = []
    for number in range(rounds + 1):
        head = head_of(client, labelled)
        found.append(accuracy(client, head))
        if number < rounds:
            rest = np.setdiff1d(np.arange(client.pool().row_count), labelled)
            labelled = np.append(labelled, chosen(client, head, rest, wanted, seed=seed))
    return found


def run(seed: int, *, rounds: int, pool_rows: int) -> dict[str, list[float]]:
    """The curve of each strategy, which all begin with the same labels; and what all labels come to."""
    rows, classes = letters().rows[:pool_rows], letters().classes[:pool_rows]
    labelled = first_labels(classes, np.random.default_rng(seed))
    network = trained(rows[labelled], classes[labelled], width=WIDTH, epochs=EPOCHS, seed=seed)
    with served(network, pool_rows=rows) as client:
        found = {
            name: curve(client, labelled, wanted, rounds=rounds, seed=seed) for name, wanted in STRATEGIES.items()
        }
        return {**found, ALL: [accuracy(client, head_of(client, np.arange(pool_rows)))]}


def labels_to(target: float, accuracies: np.ndarray, counts: np.ndarray) -> float:
    """Where the straight line between two rounds first reaches the target; NaN where it never does."""
    reached = int(np.argmax(accuracies >= target))
    if not reached:  # no curve begins that high
        return float("nan")
    return float(np.interp(target, accuracies[reached - 1 : reached + 1], counts[reached - 1 : reached + 1]))


def report(runs: list[dict[str, list[float]]], counts: np.ndarray) -> str:
    """A table, a line for each strategy."""
    full = 100 * np.array([each[ALL][0] for each in runs])
    rounds, target = [at for at in SHOWN if at < len(counts)], TARGET_SHARE * full.mean()
    cells = []
    for name in STRATEGIES:
        curves, chance = (100 * np.array([each[one] for each in runs]) for one in (name, "random"))
        ahead = "" if name == "random" else shown((curves - chance).mean(axis=1), "+.1f")
        needed = np.array([labels_to(target, own, counts) for own in curves])
        never = int(np.isnan(needed).sum())
        to_target = f"{never} of {len(runs)} never" if never else shown(needed, ".0f")
        cells.append([name, *(f"{curves[:, at].mean():.1f}" for at in rounds), ahead, to_target])
    head = ["chosen by", *(f"{counts[at]} labels" for at in rounds), "over random", f"labels to {target:.1f} %"]
    return f"Seeds: {len(runs)}; with all labels of the pool {shown(full, '.1f')} %.\n\n{table(head, cells)}"


def main() -> None:
    """Simulate, print, and write down."""
    given = asked(__doc__, seeds=10)
    rounds, pool_rows = (SHORT_ROUNDS, SHORT_POOL_ROWS) if given.short else (ROUNDS, POOL_ROWS)
    runs = for_each_seed(run, given.seeds, rounds=rounds, pool_rows=pool_rows)
    counts = OF_EACH * len(NAMES) + BATCH * np.arange(rounds + 1)
    found = report(runs, counts)
    print(found)
    curves = {name: 100 * np.array([each[name] for each in runs]) for name in STRATEGIES}
    plot = lines(counts, curves, xlabel="labels", ylabel="accuracy on 4,000 held-out letters, %")
    if not given.short:
        write("pool_learning", found, plot)


if __name__ == "__main__":
    main()
