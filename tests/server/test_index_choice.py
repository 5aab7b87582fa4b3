"""Which kind a pool gets, and why."""

from pathlib import Path

import numpy as np
import pytest

from assayd_server import index_choice
from assayd_server.core.similarity import Metric
from assayd_server.index_choice import choose, no_faster
from assayd_server.index_kind import Kind
from assayd_server.index_writing import write_index
from assayd_server.recall import Measured
from vector_pools import stored


@pytest.mark.parametrize(
    ("row_count", "dimension", "kind", "words"),
    [
        (
            1,
            1,
            Kind.FLAT,
            "1 rows of 1 are 1 numbers, and up to 4,000,000 are compared by cosine with every query",
        ),
        (20_000, 128, Kind.FLAT, "2,560,000 numbers, and up to 4,000,000"),
        (1_000_000, 128, Kind.IVF, "too many to compare all with every query, and 128.0 MB at a byte each"),
        (10_000_000, 1024, Kind.LSH, "more than 8.6 GB of memory; the bits of their signs are 1.3 GB"),
    ],
)
def test_the_size_decides_and_the_sentence_says_so(row_count: int, dimension: int, kind: Kind, words: str) -> None:
    chosen, why = choose(row_count, dimension, Metric.COSINE)
    assert chosen is kind
    assert words in why


def test_vectors_in_no_clusters_are_searched_exactly_where_nobody_asked_for_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times slower, so whatever else the machine does."""
    monkeypatch.setattr(index_choice, "FLAT_NUMBERS_MAX", 1000)
    searched = stored(np.random.default_rng(0).normal(size=(4000, 64)))
    index = write_index(tmp_path, searched, kind=None, threads=1)
    assert (index.kind, index.parameters, index.measured.recall) == (Kind.FLAT, {}, 1)
    assert "an index of kind ivf found" in index.why
    assert "in no clusters" in index.why
    assert list(tmp_path.iterdir()) == []
    assert write_index(tmp_path, searched, kind=Kind.IVF, threads=1).kind is Kind.IVF
    assert {path.name for path in tmp_path.iterdir()} == {"index.faiss", "cells.npy"}


@pytest.mark.parametrize(("rate", "kept"), [(999.0, False), (1000.0, True), (5000.0, True)])
def test_an_index_is_kept_that_is_at_least_as_fast_as_exact_search(*, rate: float, kept: bool) -> None:
    sentence = no_faster(Kind.IVF, Measured(0.97, 100, rate, 1000.0))
    assert (sentence is None) == kept
    assert kept or sentence.startswith("an index of kind ivf found 97.0% of the nearest at 999 queries a second")
