"""One seed: words with their noise, the networks that learn from them, and their figures."""

import numpy as np
import torch

from examples.letters.noisy_labels.figures import Run
from examples.letters.noisy_labels.measuring import measured
from examples.letters.noisy_labels.noise import UNVERIFIED, noise_of_classes, noisy, partners, verified
from examples.letters.noisy_labels.training import Rows, Settings, trained_on_noisy, tuned
from examples.letters.noisy_labels.words import Words, words
from examples.letters.rows import letters

WORDS, TEST_WORDS = 12_000, 4000
VERIFIED = (100, 300, 1000)
"""How many of the words have verified labels."""
OTHERS_SHARE = 0.25
"""Who verifies a word looks at what was given, and at this share of all other letters."""


def run(seed: int, *, short: bool = False) -> Run:
    """The figures of each way, by how many words are verified; the short form has fewer words, and trains less."""
    torch.set_num_threads(1)
    word_count, verified_counts, settings = WORDS, VERIFIED, Settings()
    if short:
        word_count, verified_counts, settings = 2000, VERIFIED[1:2], Settings(steps=300, tuning_steps=100)
    data, random = letters(), np.random.default_rng(seed)
    noise = noise_of_classes(partners(data.rows, data.classes), random)

    def annotated(of: Words) -> tuple[np.ndarray, np.ndarray]:
        given = noisy(of.truth, noise, random)
        return given, verified(of.truth, given, others=OTHERS_SHARE, random=random)

    seen = words(data.rows, data.classes, count=word_count, random=random)
    given, known = annotated(seen)
    unseen = words(data.test_rows, data.test_classes, count=TEST_WORDS, random=random)
    tested = (unseen.features, *annotated(unseen))
    nothing = np.full_like(known, UNVERIFIED)
    base = trained_on_noisy(_tensors(seen.features, given, nothing), settings, seed=seed)
    found = {}
    for count in verified_counts:
        few, rest = slice(count), slice(count, None)
        clean = _tensors(seen.features[few], given[few], known[few])
        noisy_rows = _tensors(seen.features[rest], given[rest], nothing[rest])
        found[count] = measured(tuned(base, noisy_rows, clean, settings, seed=seed), *tested)
    return found


def _tensors(features: np.ndarray, given: np.ndarray, known: np.ndarray) -> Rows:
    return Rows(*(torch.from_numpy(part.astype(np.float32)) for part in (features, given, known)))
