"""A stream that is healthy at first, and then has ever more images that are turned and blurred."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]

BATCH_ROWS = 50
WINDOW_ROWS = 250
EXPECTED_RUN_ROWS = 100_000
HEALTHY_ROWS = 1500
_DRIFTING_ROWS = 1000
_SHARE_MAX = 0.6
_SIDE = 8
_SEED = 0


def batches(images: Images) -> Iterator[Images]:
    """Batches of images drawn by chance: (50, 64) each."""
    rng = np.random.default_rng(_SEED)
    for start in range(0, HEALTHY_ROWS + _DRIFTING_ROWS, BATCH_ROWS):
        share = _SHARE_MAX * max(0, start + BATCH_ROWS - HEALTHY_ROWS) / _DRIFTING_ROWS
        drawn = images[rng.integers(0, len(images), BATCH_ROWS)]
        spoilt = rng.random(BATCH_ROWS) < share
        drawn[spoilt] = turned_and_blurred(drawn[spoilt])
        yield drawn


def turned_and_blurred(images: Images) -> Images:
    """(n, 64) images on their side, each pixel the mean of three by three."""
    turned = np.rot90(images.reshape(-1, _SIDE, _SIDE), axes=(1, 2)).astype(float)
    padded = np.pad(turned, ((0, 0), (1, 1), (1, 1)), mode="edge")
    parts = [padded[:, row : row + _SIDE, column : column + _SIDE] for row in range(3) for column in range(3)]
    return np.mean(parts, axis=0).round().astype(images.dtype).reshape(-1, _SIDE * _SIDE)
