"""Which kind a pool gets, and why."""

import pytest

from assayd_server.core.similarity import Metric
from assayd_server.index_choice import choose
from assayd_server.index_kind import Kind


@pytest.mark.parametrize(
    ("row_count", "dimension", "kind", "words"),
    [
        (1, 1, Kind.FLAT, "1 rows of 1 numbers, 1 in all, are few enough to compare each by cosine"),
        (20_000, 128, Kind.FLAT, "2,560,000 in all, are few enough"),
        (1_000_000, 128, Kind.IVF, "too many to compare each (up to 4,000,000), and fit into memory as 0.128 GB"),
        (10_000_000, 1024, Kind.LSH, "10.2 GB at a byte each, more than 8.59 GB, and 1.28 GB at a bit each"),
    ],
)
def test_the_size_decides_and_the_sentence_says_so(row_count: int, dimension: int, kind: Kind, words: str) -> None:
    chosen, why = choose(row_count, dimension, Metric.COSINE)
    assert chosen is kind
    assert words in why
