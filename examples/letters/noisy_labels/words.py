"""Rows with any of 26 labels: three images of letters side by side, as frequent as they are in English."""

from dataclasses import dataclass

import numpy as np

LETTERS_PER_WORD = 3
LABEL_COUNT = 26

PERCENT_IN_ENGLISH = np.array(
    [
        *(8.167, 1.492, 2.782, 4.253, 12.702, 2.228, 2.015, 6.094, 6.966, 0.153, 0.772, 4.025, 2.406),
        *(6.749, 7.507, 1.929, 0.095, 5.987, 6.327, 9.056, 2.758, 0.978, 2.360, 0.150, 1.974, 0.074),
    ]
)
"""Of A to Z. Source: Lewand 2000, Cryptological Mathematics, page 36."""

COMMON, MIDDLE, RARE = np.split(np.argsort(-PERCENT_IN_ENGLISH), [9, 18])
"""Letters by how frequent they are: E to D with 4 % or more each, L to P with 2 to 4 %, and B to Z with less."""


@dataclass(frozen=True)
class Words:
    """What is in n words, and what is truly so."""

    features: np.ndarray
    """(n, 48) uint8: 16 numbers of each of three letters."""
    truth: np.ndarray
    """(n, 26) int8: 1 where the letter is in the word, else 0."""


def words(rows: np.ndarray, classes: np.ndarray, *, count: int, random: np.random.Generator) -> Words:
    """Draw words, letter by letter: first which letter, then which of its images.

    Args:
        rows: (m, 16) images; one may be in several words.
        classes: (m,) which letter each is; every letter has an image.
        count: how many words.
        random: of all draws.
    """
    drawn = random.choice(
        LABEL_COUNT, size=(count, LETTERS_PER_WORD), p=PERCENT_IN_ENGLISH / PERCENT_IN_ENGLISH.sum()
    )
    by_class = np.argsort(classes, kind="stable")
    sizes = np.bincount(classes, minlength=LABEL_COUNT)
    starts = np.cumsum(sizes) - sizes
    images = by_class[starts[drawn] + (random.random(drawn.shape) * sizes[drawn]).astype(int)]
    truth = np.zeros((count, LABEL_COUNT), np.int8)
    np.put_along_axis(truth, drawn, 1, axis=1)
    return Words(rows[images].reshape(count, -1), truth)
