"""The letters, read from the file beside this one; README.md says where they are from."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

NAMES = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
TEST_COUNT = 4000
"""The last rows are customarily tested on."""

_PATH = Path(__file__).parent / "letter-recognition.data.gz"
_SHA256 = "2b89f3602cf768d3c8355267d2f13f2417809e101fc2b5ceee10db19a60de6e2"


@dataclass(frozen=True)
class Letters:
    """Rows of 16 whole numbers from 0 to 15, and the class of each: its place in NAMES."""

    rows: np.ndarray
    """(16000, 16) uint8: what models are trained on, and pools are made of."""
    classes: np.ndarray
    """(16000,) int64."""
    test_rows: np.ndarray
    """(4000, 16) uint8."""
    test_classes: np.ndarray
    """(4000,) int64."""


@cache
def letters(path: Path = _PATH) -> Letters:
    """All letters; the arrays cannot be written to.

    Raises:
        ValueError: the file is not the one that README.md describes.
    """
    content = gzip.decompress(path.read_bytes())
    if (found := hashlib.sha256(content).hexdigest()) != _SHA256:
        raise ValueError(f"{path} holds other data: its SHA-256 is {found}, not {_SHA256}")
    lines = [line.split(",") for line in content.decode().splitlines()]
    rows = np.array([line[1:] for line in lines]).astype(np.uint8)
    classes = np.array([NAMES.index(line[0]) for line in lines], np.int64)
    rows.flags.writeable = classes.flags.writeable = False
    train, test = slice(None, -TEST_COUNT), slice(-TEST_COUNT, None)
    return Letters(rows[train], classes[train], rows[test], classes[test])
