"""A network for ten letters, with and without a beginning that needs no labels."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from examples.letters.long_tail.tails import CLASS_COUNT

WIDTH = 64
BATCH_ROWS = 64
STEPS, PRETRAINING_STEPS = 600, 1500
CORRUPTED_SHARE = 0.3
"""Of the numbers of a row, in pre-training."""
_RATE, _DECAY = 3e-3, 1e-4


class Encoder(nn.Module):
    """What a letter looks like, in WIDTH numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(16, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU())

    def forward(self, rows: Tensor) -> Tensor:
        """(n, 16) numbers from 0 to 15 to (n, WIDTH)."""
        return self.layers(rows / 7.5 - 1)


class Network(nn.Module):
    """Logits of the ten letters, and the embedding that they come from."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder, self.last = encoder, nn.Linear(WIDTH, CLASS_COUNT)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 16) to (n, 10) and (n, WIDTH)."""
        embedding = self.encoder(rows)
        return self.last(embedding), embedding


def fitted(
    rows: np.ndarray,
    classes: np.ndarray,
    *,
    seed: int,
    encoder: Encoder | None = None,
    class_weights: np.ndarray | None = None,
    over_sampled: bool = False,
    steps: int = STEPS,
) -> Network:
    """Learn from rows with labels.

    Args:
        rows: (n, 16).
        classes: (n,).
        seed: of first weights and batches.
        encoder: where to begin; it stays as it is. None: anywhere.
        class_weights: (10,): what a row of each class weighs in the loss; its size does not matter.
        over_sampled: draw rows of each class as often as of any other.
        steps: how many batches.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = Network(deepcopy(encoder) if encoder else Encoder())
    x, y = torch.from_numpy(rows.astype(np.float32)), torch.from_numpy(classes)
    weights = None if class_weights is None else torch.from_numpy(class_weights.astype(np.float32))
    chances = 1 / np.bincount(classes)[classes] if over_sampled else np.ones(len(classes))
    chances /= chances.sum()

    def loss() -> Tensor:
        drawn = torch.from_numpy(random.choice(len(rows), BATCH_ROWS, p=chances))
        return nn.functional.cross_entropy(network(x[drawn])[0], y[drawn], weight=weights)

    _descend(network, steps, loss)
    return network


def pretrained(rows: np.ndarray, *, seed: int, steps: int = PRETRAINING_STEPS) -> Encoder:
    """Learn what letters look like from rows without labels: undo what was done to them.

    Some numbers of a row are replaced by those of other rows; from the embedding two layers say which they were,
    and what was there.

    Source: Yoon et al. 2020, VIME: Extending the Success of Self- and Semi-supervised Learning to Tabular Domain.
    """
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    encoder, which, what = Encoder(), nn.Linear(WIDTH, 16), nn.Linear(WIDTH, 16)
    x = torch.from_numpy(rows.astype(np.float32))

    def loss() -> Tensor:
        batch = x[torch.randint(len(x), (BATCH_ROWS,), generator=random)]
        of_others = x[torch.randint(len(x), batch.shape, generator=random), torch.arange(16)]
        chosen = torch.rand(batch.shape, generator=random) < CORRUPTED_SHARE
        embedding = encoder(torch.where(chosen, of_others, batch))
        differs = (chosen & (of_others != batch)).float()
        of_which = nn.functional.binary_cross_entropy_with_logits(which(embedding), differs)
        return of_which + nn.functional.mse_loss(what(embedding), batch / 7.5 - 1) * 2

    _descend(nn.ModuleList([encoder, which, what]), steps, loss)
    return encoder


def _descend(network: nn.Module, steps: int, loss: Callable[[], Tensor]) -> None:
    """Adam, with a rate that falls to nothing along a cosine."""
    optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        schedule.step()
