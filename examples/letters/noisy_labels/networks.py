"""The classifier and the label-cleaning network, which see the same features."""

import torch
from torch import Tensor, nn

from examples.letters.noisy_labels.words import LABEL_COUNT, LETTERS_PER_WORD

WIDTH = 64
"""Of what the networks see of a word."""
_FEATURES_MAX = 15.0


class Features(nn.Module):
    """f: each letter by itself through two layers, and the largest of each number over the letters."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, WIDTH), nn.ReLU())

    def forward(self, words: Tensor) -> Tensor:
        """(n, 48) numbers from 0 to 15 to (n, WIDTH)."""
        letters = words.reshape(-1, LETTERS_PER_WORD, 16) / _FEATURES_MAX * 2 - 1
        return self.layers(letters).amax(dim=1)


class Classifier(nn.Module):
    """Which letters are in a word."""

    def __init__(self) -> None:
        super().__init__()
        self.features = Features()
        self.last = nn.Linear(WIDTH, LABEL_COUNT)

    def forward(self, words: Tensor) -> Tensor:
        """(n, 48) to (n, 26) probabilities."""
        return torch.sigmoid(self.last(self.features(words)))


class Cleaning(nn.Module):
    """g: the labels with a correction, which depends on them and on what the word looks like.

    c = clip(y + g'(y, f(I)), 0, 1). It begins with no correction, where clip still lets a gradient through.

    Source: Veit et al. 2017, Learning From Noisy Large-Scale Datasets With Minimal Supervision, section 3.
    """

    def __init__(self) -> None:
        super().__init__()
        self.of_labels = nn.Linear(LABEL_COUNT, WIDTH)
        self.of_features = nn.Linear(WIDTH, WIDTH)
        self.correction = nn.Linear(2 * WIDTH, LABEL_COUNT)
        nn.init.zeros_(self.correction.weight)
        nn.init.zeros_(self.correction.bias)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """(n, WIDTH) and (n, 26) to (n, 26)."""
        seen = torch.relu(torch.cat([self.of_labels(labels), self.of_features(features)], dim=1))
        return (labels + self.correction(seen)).clip(0, 1)


class Cleaner(nn.Module):
    """Words and noisy labels in, probabilities of labels out: what is served of the cleaning network."""

    def __init__(self, features: Features, cleaning: Cleaning) -> None:
        super().__init__()
        self.features, self.cleaning = features, cleaning

    def forward(self, words: Tensor, noisy_labels: Tensor) -> Tensor:
        """(n, 48) and (n, 26) to (n, 26)."""
        return self.cleaning(self.features(words), noisy_labels)
