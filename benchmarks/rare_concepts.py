"""Pools in which a few rows are what is looked for; for seals.py."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.pool_serving import perceptron
from benchmarks.small_networks import hidden_layer, trained

DIMENSION, CLUSTER_COUNT, SIGMA = 128, 2000, 0.5
SPECTRA = {"round clusters": 0.0, "overlapping clusters": 2.0}
"""The variance of dimension i, of centres and within clusters alike, is i to minus this power. With 0 no two of
the 2,000 clusters touch; with 2 most of the variance lies in few dimensions, and clusters overlap."""
SHARES = (0.001, 0.01)
POSITIVES_MIN = 100
"""Of a concept that is looked for."""
HELD_OUT = 100_000
INPUT_WIDTH, HIDDEN = 784, 256
LETTERS_WIDTH = 64


@dataclass(frozen=True)
class Concept:
    """What is looked for."""

    kind: str
    """What its line in the table is called; several concepts of a pool may be of one kind."""
    groups: np.ndarray
    """The clusters, or the letter, whose rows are it."""


@dataclass(frozen=True)
class Task:
    """A pool, rows to judge by, and what is looked for."""

    name: str
    seed: int
    vectors: np.ndarray
    """(N, d) float32: what the head is trained on."""
    groups: np.ndarray
    """(N,): the cluster, or the letter, of each row."""
    held_out: np.ndarray
    held_out_groups: np.ndarray
    concepts: Sequence[Concept]
    model: bytes
    """The ONNX file whose embedding is as wide as the vectors."""
    inverse_penalty: float
    """C of the logistic regression."""
    model_inputs: np.ndarray
    """Rows as that model takes them: the pool's own, or made up where the vectors are."""
    embedded: bool
    """Whether the vectors are what the model makes of the inputs."""


def clusters(name: str, seed: int, *, row_count: int) -> Task:
    """Rows around 2,000 normal centres, of uneven sizes; all of length 1."""
    rng = np.random.default_rng([seed, 5])
    scale = (np.arange(1, DIMENSION + 1) ** (-SPECTRA[name] / 2)).astype(np.float32)
    centres = rng.standard_normal((CLUSTER_COUNT, DIMENSION), dtype=np.float32) * scale
    weights = rng.lognormal(0, 1, CLUSTER_COUNT)
    sizes = np.cumsum(weights / weights.sum())

    def drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
        own = np.searchsorted(sizes, rng.random(count)).clip(0, CLUSTER_COUNT - 1).astype(np.int32)
        rows = rng.standard_normal((count, DIMENSION), dtype=np.float32)
        rows *= np.float32(SIGMA) * scale
        rows += centres[own]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows, own

    vectors, groups = drawn(row_count)
    layers = [
        (rng.normal(0, (2 / wide) ** 0.5, (wide, narrow)), np.zeros(narrow))
        for wide, narrow in ((INPUT_WIDTH, HIDDEN), (HIDDEN, DIMENSION), (DIMENSION, 2))
    ]
    return Task(
        name,
        seed,
        vectors,
        groups,
        *drawn(min(HELD_OUT, row_count)),
        concepts=list(cluster_concepts(centres, groups, rng)),
        model=perceptron(layers),
        inverse_penalty=100.0,  # vectors of length 1 need large weights
        model_inputs=rng.integers(0, 256, (min(row_count, 16_384), INPUT_WIDTH), dtype=np.uint8),
        embedded=False,
    )


def cluster_concepts(centres: np.ndarray, groups: np.ndarray, rng: np.random.Generator) -> Iterator[Concept]:
    """One cluster of each share, and small clusters beside each other that have it together."""
    shares = np.bincount(groups, minlength=len(centres)) / len(groups)
    units = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    enough = [share for share in SHARES if share * len(groups) >= POSITIVES_MIN]
    for share in enough:
        yield Concept(f"{share:.1%} in one cluster", np.array([np.argmin(np.abs(shares - share))]))
    for share in enough:
        small = np.flatnonzero(shares <= share / 3)
        near = small[np.argsort(-units[small] @ units[rng.choice(small)])]
        together = near[np.cumsum(shares[near]) <= share]
        yield Concept(f"{share:.1%} in several clusters", together)


def letters(path: Path, seed: int, *, concept_count: int = 3) -> Task:
    """The hidden layer of a network that was trained on half of the letters; concepts are some of the others.

    FILE is letter-recognition.data of the UCI repository (Frey and Slate 1991); its last 4,000 rows are held out.
    """
    table = np.array([line.split(",") for line in path.read_text().splitlines() if line[2:3].isdigit()])
    rows, classes = table[:, 1:].astype(np.float32), np.unique(table[:, 0], return_inverse=True)[1]
    rows = ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype(np.float32)
    order = np.random.default_rng([seed, 5]).permutation(26)
    known, pool, rest = np.isin(classes, order[:13]), slice(None, -4000), slice(-4000, None)
    known[rest] = False
    network = trained(rows[known], classes[known], width=LETTERS_WIDTH, seed=seed)
    return Task(
        "letters",
        seed,
        hidden_layer(network, rows[pool]),
        classes[pool],
        hidden_layer(network, rows[rest]),
        classes[rest],
        concepts=[Concept("a letter", np.array([each])) for each in order[13 : 13 + concept_count]],
        model=perceptron(list(zip(network.coefs_, network.intercepts_, strict=True))),
        inverse_penalty=1.0,
        model_inputs=rows[pool],
        embedded=True,
    )
