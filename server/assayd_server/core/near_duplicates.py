"""Rows of a batch that hardly differ from another one."""

import numpy as np

from assayd_server.core.arrays import Floats

_BLOCK_ROWS = 512


def near_duplicates(embeddings: Floats, cosine_min: float = 0.999) -> int:
    """How many rows point where an earlier one does.

    Args:
        embeddings: (k, d), finite; a row of zeros is like no other.
        cosine_min: from which cosine on two rows are hardly different.

    Returns:
        0 to k - 1. Memory grows with k, not with its square.
    """
    lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1, keepdims=True)
    units = (embeddings / np.where(lengths > 0, lengths, 1)).astype(np.float32)  # to far less than is allowed
    found = 0
    for start in range(0, len(units), _BLOCK_ROWS):
        block = units[start : start + _BLOCK_ROWS]
        cosines = block @ units[: start + len(block)].T
        earlier = np.tri(len(block), cosines.shape[1], start - 1, dtype=bool)
        found += int(((cosines >= cosine_min) & earlier).any(axis=1).sum())
    return found
