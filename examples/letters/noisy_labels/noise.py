"""Labels as a careless annotator gives them, and those that a careful one has looked at."""

from dataclasses import dataclass

import numpy as np
from sklearn.naive_bayes import GaussianNB

from examples.letters.noisy_labels.words import LABEL_COUNT, PERCENT_IN_ENGLISH

UNVERIFIED = -1


@dataclass(frozen=True)
class Noise:
    """How labels go wrong, by class: (26,) each."""

    partners: np.ndarray
    """The letter that each is taken for."""
    dropped: np.ndarray
    """The share of labels that are forgotten."""
    swapped: np.ndarray
    """The share of the others that become the partner's."""


def partners(rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The letter that each is most often taken for by naive Bayes, which sees no more than means and variances."""
    predicted = GaussianNB(var_smoothing=1e-3).fit(rows, classes).predict(rows)
    confusion = np.zeros((LABEL_COUNT, LABEL_COUNT), int)
    np.add.at(confusion, (classes, predicted), 1)
    np.fill_diagonal(confusion, -1)
    return confusion.argmax(axis=1)


def noise_of_classes(partners: np.ndarray, random: np.random.Generator) -> Noise:
    """5 % (of E) to 50 % (of Z) are forgotten, by rank of frequency; 0 to 60 % swapped, dealt by chance."""
    ranks = np.argsort(np.argsort(-PERCENT_IN_ENGLISH))
    dropped = np.linspace(0.05, 0.5, LABEL_COUNT)[ranks]
    return Noise(partners, dropped, random.permutation(np.linspace(0, 0.6, LABEL_COUNT)))


def noisy(truth: np.ndarray, noise: Noise, random: np.random.Generator) -> np.ndarray:
    """What is given in place of the truth, (n, 26) of 0 and 1; each label that is present goes wrong by itself."""
    kept = (truth == 1) & (random.random(truth.shape) >= noise.dropped)
    swapped = kept & (random.random(truth.shape) < noise.swapped)
    given = (kept & ~swapped).astype(np.int8)
    places = np.nonzero(swapped)
    given[places[0], noise.partners[places[1]]] = 1
    return given


def verified(truth: np.ndarray, given: np.ndarray, *, others: float, random: np.random.Generator) -> np.ndarray:
    """What somebody says who looks at the labels that were given, and at a share of the others.

    Returns:
        (n, 26): the truth where it was looked at, else UNVERIFIED.
    """
    looked_at = (given == 1) | (random.random(truth.shape) < others)
    return np.where(looked_at, truth, UNVERIFIED).astype(np.int8)
