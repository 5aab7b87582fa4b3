"""Virtual-logit matching: what of an embedding lies outside of its principal components, and energy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.arrays import Floats
from assayd_server.core.blocks import blocks
from assayd_server.core.novelty.logit_novelty import energy
from assayd_server.core.novelty.usable import bounded, usable


@dataclass(frozen=True, slots=True)
class Vim:
    """The subspace in which the rows of a reference have the least variance, in d dimensions."""

    origin: Floats
    """(d,) float64."""
    residual: Floats
    """(d, d - p) float32, orthonormal columns: all but the p principal directions."""
    factor: Floats
    """() float64, above 0: how much a distance from the principal subspace counts as a logit."""

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name, for a file."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Vim":
        """What arrays() gave.

        Raises:
            KeyError: an array is missing.
        """
        return cls(**{name: arrays[name] for name in cls.__slots__})


def principal_count(width: int) -> int:
    """How many directions are principal, of d: 1000 from 2048 on, 512 from 768 on, else half of them."""
    if width >= 2048:
        return 1000
    return 512 if width >= 768 else width // 2


def fit_vim(embeddings: Floats, logits: Floats, origin: Floats | None = None) -> Vim:
    """The residual subspace, and the factor that brings its mean residual to the size of the mean of max logits.

    Args:
        embeddings: (n, d), d >= 1. A row that is not finite, as float32 too, or whose max logit is not, is left
            out.
        logits: (n, c).
        origin: (d,), where all logits are the least: -pinv(W) b of a linear head, as in the paper. The mean of
            the rows where the head is not known.

    Raises:
        ValueError: no row is left.

    Source: Wang, Li, Feng and Zhang 2022, ViM: Out-Of-Distribution with Virtual-logit Matching.
    """
    largest = logits.max(axis=1).astype(np.float64)
    chosen = usable(embeddings) & np.isfinite(largest)
    rows = embeddings[chosen].astype(np.float64)
    if not len(rows):
        raise ValueError("embeddings have no row that is finite, with logits that are")
    center = rows.mean(axis=0) if origin is None else origin.astype(np.float64)
    rows -= center
    _, axes = np.linalg.eigh(rows.T @ rows)  # ascending
    residual = axes[:, : len(center) - principal_count(len(center))]
    length = float(np.linalg.norm(rows @ residual, axis=1).mean())
    # log probabilities have no positive logits; and rows without any residual say nothing of its size
    logit = abs(float(largest[chosen].mean()))
    factor = logit / length if logit > 0 and length > 0 else 1.0
    return Vim(center, residual.astype(np.float32), np.array(factor))


def vim(fitted: Vim, embeddings: Floats, logits: Floats) -> Floats:
    """factor |residual of h| - logsumexp(z).

    Args:
        fitted: of d dimensions.
        embeddings: (n, d).
        logits: (n, c).

    Returns:
        (n,) float64; NaN where the embedding is not finite as float32, or the energy is NaN.
    """
    center, lengths = fitted.origin.astype(embeddings.dtype), np.empty(len(embeddings))
    with np.errstate(over="ignore", invalid="ignore"):
        for part in blocks(len(embeddings), len(center)):
            rows = (embeddings[part] - center).astype(np.float32, copy=False) @ fitted.residual
            lengths[part] = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    return float(fitted.factor) * bounded(lengths, embeddings).astype(np.float64) + energy(logits)
