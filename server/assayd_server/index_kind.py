"""The kinds of a pool's index, apart from what builds them: a command line can name them without loading faiss."""

from enum import StrEnum


class Kind(StrEnum):
    """How neighbours are proposed."""

    FLAT = "flat"
    """Every vector is compared."""
    LSH = "lsh"
    """The signs of a random rotation: a bit for each dimension."""
    HNSW = "hnsw"
    """A graph of neighbours that is walked along."""
    IVF = "ivf"
    """Cells around centres, of which the nearest are searched."""
    IVFPQ = "ivfpq"
    """Cells, with vectors cut to a few bytes: for pools that are larger than memory."""
