"""Search for a rare letter with SEALS: python -m examples.letters.rare_letter [--seeds N] [--short].

A network that has learnt 13 letters is served, with a pool in which one of the other letters is rare: 80 rows of
some 15,500. From five rows of it and five others, a loop labels twenty rows a round, those of which a logistic
regression on the pool's vectors is least sure. With SEALS the service scores the neighbours of labelled rows
alone, in a full scan all rows that have no label.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from assayd import Client
from assayd.seals import Loop
from examples.letters.networks import served, trained
from examples.letters.reports import asked, for_each_seed, lines, shown, table, write
from examples.letters.rows import NAMES, letters

KNOWN_LETTERS, RARE_ROWS, SEED_ROWS = 13, 80, 5
BATCH, ROUNDS, SHORT_ROUNDS = 20, 20, 5
WIDTH, EPOCHS = 64, 30
SHOWN = (1, 2, 5, 10, 20)
"""The rounds that the table shows."""
SEALS: dict[str, dict[str, Any]] = {
    "SEALS, k = 10": {"k": 10},
    "SEALS, k = 50": {"k": 50},
    "SEALS, k = 10, a quarter by chance": {"k": 10, "random_share": 0.25},
}
"""How the loop chooses, by name."""
NAMED = ("random", "full scan", *SEALS)
MEASURE = "max_entropy"
Head = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Search:
    """A pool in which one letter is rare."""

    rows: np.ndarray
    is_rare: np.ndarray
    """(n,): whether each row is of that letter."""
    letter: int
    known: np.ndarray
    """The letters that the network has learnt."""

    def label(self, ids: np.ndarray) -> list[int]:
        """The annotators."""
        return self.is_rare[ids].astype(int).tolist()

    def seeds(self, rng: np.random.Generator) -> np.ndarray:
        """Ids to begin with: a few of the letter, and as many others."""
        return np.concatenate(
            [rng.choice(np.flatnonzero(self.is_rare == each), SEED_ROWS, False) for each in (True, False)]
        )


@dataclass(frozen=True)
class Found:
    """What a strategy came to: a value for each count of labels, from the start on."""

    positives: list[int]
    """Rows of the letter that have a label."""
    average_precision: float
    """Of the last head, on the rows that are held out."""
    scored: float
    """The share of the pool that was ever scored, or labelled."""


def search(seed: int) -> Search:
    """One of the letters that the network has not learnt, and all rows of the other 25."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(NAMES))
    letter, classes = int(order[KNOWN_LETTERS]), letters().classes
    rare = rng.choice(np.flatnonzero(classes == letter), RARE_ROWS, replace=False)
    kept = np.sort(np.append(rare, np.flatnonzero(classes != letter)))
    return Search(letters().rows[kept], classes[kept] == letter, letter, np.sort(order[:KNOWN_LETTERS]))


def train(vectors: np.ndarray, labels: np.ndarray) -> Head:
    """A head of two classes, as the log-odds of the second."""
    model = LogisticRegression(class_weight="balanced", max_iter=2000).fit(vectors, labels)
    return model.coef_, model.intercept_


def of_classes(head: Head) -> Head:
    """The same with a row for each class, as the service takes it."""
    weights, bias = head
    return np.vstack([0 * weights, weights]), np.append(0 * bias, bias)


def average_precision(client: Client, task: Search, labelled: np.ndarray | list[Any]) -> float:
    """Of a head that is trained on the labelled rows, for the rare letter among all held-out ones."""
    head = train(client.pool_vectors(labelled), task.is_rare[labelled])
    is_letter = (letters().test_classes == task.letter).astype(int)
    found = client.evaluate(letters().test_rows, labels=is_letter, head=of_classes(head)).average_precision
    assert found is not None  # the rows went in one call
    return float(found[1])


def by_seals(client: Client, task: Search, seeds: np.ndarray, how: dict[str, Any], *, rounds: int) -> Found:
    """Candidates alone."""
    loop = Loop(
        client,
        label=task.label,
        train=train,
        seed_labels=dict(zip(seeds.tolist(), task.label(seeds), strict=True)),
        count=BATCH,
        measure=MEASURE,
        **how,
    )
    positives = [SEED_ROWS]
    for _ in range(rounds):
        loop.round()
        positives.append(int(task.is_rare[np.array(list(loop.labels))].sum()))
    ever = {*loop.candidates.ids.tolist(), *loop.labels}
    return Found(positives, average_precision(client, task, list(loop.labels)), len(ever) / len(task.rows))


def by_scan(client: Client, task: Search, labelled: np.ndarray, *, rounds: int) -> Found:
    """All rows without a label, in each round."""
    positives = [int(task.is_rare[labelled].sum())]
    for _ in range(rounds):
        head = of_classes(train(client.pool_vectors(labelled), task.is_rare[labelled]))
        rest = np.setdiff1d(np.arange(len(task.rows)), labelled)
        ranking = client.rank(pool_ids=rest, head=head, measure=MEASURE, count=BATCH)
        labelled = np.append(labelled, rest[ranking.positions])
        positives.append(int(task.is_rare[labelled].sum()))
    return Found(positives, average_precision(client, task, labelled), 1.0)


def by_chance(client: Client, task: Search, labelled: np.ndarray, *, rounds: int, seed: int) -> Found:
    """Rows drawn from all."""
    rest = np.setdiff1d(np.arange(len(task.rows)), labelled)
    drawn = np.append(labelled, np.random.default_rng([seed, 1]).permutation(rest)[: BATCH * rounds])
    positives = np.cumsum(task.is_rare[drawn])[len(labelled) - 1 :: BATCH].tolist()
    return Found(positives, average_precision(client, task, drawn), len(drawn) / len(task.rows))


def run(seed: int, *, rounds: int) -> dict[str, Found]:
    """All strategies, which begin with the same labels."""
    task = search(seed)
    rows, classes = letters().rows, letters().classes
    known = np.isin(classes, task.known)
    network = trained(rows[known], classes[known], width=WIDTH, epochs=EPOCHS, seed=seed)
    seeds = task.seeds(np.random.default_rng([seed, 2]))
    with served(network, pool_rows=task.rows) as client:
        return {
            "random": by_chance(client, task, seeds, rounds=rounds, seed=seed),
            "full scan": by_scan(client, task, seeds, rounds=rounds),
            **{name: by_seals(client, task, seeds, how, rounds=rounds) for name, how in SEALS.items()},
        }


def report(runs: list[dict[str, Found]], counts: np.ndarray) -> str:
    """A table, a line for each strategy."""
    rounds, cells = [at for at in SHOWN if at < len(counts)], []
    for name in NAMED:
        own = [each[name] for each in runs]
        gaps = [each[name].average_precision - each["full scan"].average_precision for each in runs]
        cells.append(
            [
                name,
                *(shown([found.positives[at] for found in own], ".1f") for at in rounds),
                shown([100 * found.positives[-1] / RARE_ROWS for found in own], ".0f") + " %",
                shown([found.average_precision for found in own], ".2f"),
                "" if name == "full scan" else shown(gaps, "+.2f"),
                shown([100 * found.scored for found in own], ".1f") + " %",
            ]
        )
    head = ["chosen by", *(f"found, {counts[at]} labels" for at in rounds), f"of all {RARE_ROWS}"]
    head += ["average precision", "less the scan's", "ever scored"]
    return f"Seeds: {len(runs)}, each with a letter drawn anew.\n\n{table(head, cells)}"


def main() -> None:
    """Simulate, print, and write down."""
    given = asked(__doc__, seeds=20)
    rounds = SHORT_ROUNDS if given.short else ROUNDS
    runs, counts = for_each_seed(run, given.seeds, rounds=rounds), 2 * SEED_ROWS + BATCH * np.arange(rounds + 1)
    found = report(runs, counts)
    print(found)
    curves = {name: np.array([each[name].positives for each in runs]) for name in NAMED}
    plot = lines(counts, curves, xlabel="labels", ylabel=f"rows of the rare letter found, of {RARE_ROWS}")
    if not given.short:
        write("rare_letter", found, plot)


if __name__ == "__main__":
    main()
