"""Four ways to train a classifier on many noisy labels and few verified ones."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from examples.letters.noisy_labels.figures import WAYS
from examples.letters.noisy_labels.networks import Classifier, Cleaner, Cleaning

BATCH_ROWS = 100
VERIFIED_SHARE = 0.1
"""Of a batch with both kinds of rows. Source: Veit et al. 2017, section 4.3, as the weight of L_clean."""
CLEANING_WEIGHT = 0.1
_BASE_RATE, _TUNING_RATE = 2e-3, 5e-4


@dataclass(frozen=True)
class Rows:
    """What is trained on: float32 tensors."""

    words: Tensor
    """(n, 48)."""
    noisy: Tensor
    """(n, 26)."""
    verified: Tensor
    """(n, 26), below 0 where nobody has looked."""

    def drawn(self, random: np.random.Generator, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Some rows, with replacement: words, noisy labels, verified ones."""
        of = torch.from_numpy(random.integers(len(self.words), size=count))
        return self.words[of], self.noisy[of], self.verified[of]


@dataclass(frozen=True)
class Settings:
    """How long it is trained; in batches of BATCH_ROWS."""

    steps: int = 3000
    """On noisy labels."""
    tuning_steps: int = 1500
    """In each of the ways to go on."""


@dataclass(frozen=True)
class Trained:
    """What each way to go on comes to."""

    classifiers: dict[str, Classifier]
    cleaner: Cleaner


def trained_on_noisy(noisy: Rows, settings: Settings, *, seed: int) -> Classifier:
    """Train on noisy labels alone, as if they were true."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    base = Classifier()
    _descend(base, settings.steps, _BASE_RATE, lambda: _on_noisy(base, noisy.drawn(random, BATCH_ROWS)))
    return base


def tuned(base: Classifier, noisy: Rows, clean: Rows, settings: Settings, *, seed: int) -> Trained:
    """Go on from there in four ways, each for as many steps.

    Args:
        base: trained on noisy labels; it stays as it is.
        noisy: rows of which nothing is verified.
        clean: rows of which some labels are verified.
        settings: how long.
        seed: of first weights and of batches.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)

    def mixed() -> tuple[Tensor, ...]:
        few = round(BATCH_ROWS * VERIFIED_SHARE)
        parts = zip(clean.drawn(random, few), noisy.drawn(random, BATCH_ROWS - few), strict=True)
        return tuple(torch.cat(part) for part in parts)

    more, on_clean, on_mixed, jointly, cleaning = *(deepcopy(base) for _ in range(4)), Cleaning()
    losses: list[tuple[torch.nn.Module, Callable[[], Tensor]]] = [
        (more, lambda: _on_noisy(more, noisy.drawn(random, BATCH_ROWS))),
        (on_clean, lambda: _on_verified(on_clean, clean.drawn(random, BATCH_ROWS))),
        (on_mixed, lambda: _on_both(on_mixed, mixed())),
        (torch.nn.ModuleList([jointly, cleaning]), lambda: joint_loss(jointly, cleaning, mixed())),
    ]
    for network, loss in losses:
        _descend(network, settings.tuning_steps, _TUNING_RATE, loss)
    classifiers = dict(zip(WAYS, (more, on_clean, on_mixed, jointly), strict=True))
    return Trained(classifiers, Cleaner(jointly.features, cleaning))


def joint_loss(classifier: Classifier, cleaning: Cleaning, batch: tuple[Tensor, ...]) -> Tensor:
    """L_classify + CLEANING_WEIGHT L_clean.

    L_clean = sum |c - v| over labels that are verified; L_classify is the cross-entropy to them, and to the
    cleaned labels c, held constant, wherever nothing is verified.

    Source: Veit et al. 2017, equations 1 to 3.
    """
    words, noisy, verified = batch
    cleaned = cleaning(classifier.features(words), noisy)
    known = verified >= 0
    clean_loss = ((cleaned - verified).abs() * known).sum() / len(words)
    target = torch.where(known, verified, cleaned.detach())
    return _cross_entropy(classifier(words), target) + CLEANING_WEIGHT * clean_loss


def _on_noisy(classifier: Classifier, batch: tuple[Tensor, ...]) -> Tensor:
    words, noisy, _ = batch
    return _cross_entropy(classifier(words), noisy)


def _on_verified(classifier: Classifier, batch: tuple[Tensor, ...]) -> Tensor:
    words, _, verified = batch
    return _cross_entropy(classifier(words), verified.clip(min=0), weights=(verified >= 0).float())


def _on_both(classifier: Classifier, batch: tuple[Tensor, ...]) -> Tensor:
    words, noisy, verified = batch
    return _cross_entropy(classifier(words), torch.where(verified >= 0, verified, noisy))


def _cross_entropy(probabilities: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Summed over labels, the mean over rows."""
    loss = torch.nn.functional.binary_cross_entropy(probabilities, target, weight=weights, reduction="sum")
    return loss / len(target)


def _descend(network: torch.nn.Module, steps: int, rate: float, loss: Callable[[], Tensor]) -> None:
    """Adam, with a rate that falls to nothing along a cosine."""
    optimizer = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        schedule.step()
