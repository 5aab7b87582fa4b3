"""The vectors of a pool as they lie on disk: as they are searched, so that nothing is copied for it."""

from dataclasses import dataclass

import numpy as np

from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.similarity import Metric


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """N vectors, perhaps mapped from files."""

    metric: Metric
    searched: Floats
    """(N, d) float32; under cosine each of length 1."""
    lengths: Floats | None
    """(N,) float32: what they are to be multiplied with, under cosine; else None."""

    @property
    def dimension(self) -> int:
        """d."""
        return self.searched.shape[1]

    def __len__(self) -> int:
        """N."""
        return len(self.searched)

    def original(self, rows: Integers) -> Floats:
        """(m, d) float32 of some rows, as they were given; under cosine to about seven digits."""
        taken = np.asarray(self.searched).take(rows, axis=0)  # of a memmap itself, indexing takes twice as long
        if self.lengths is not None:
            taken *= np.asarray(self.lengths)[rows][:, None]
        return taken
