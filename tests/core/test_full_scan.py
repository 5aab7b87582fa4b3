"""A look at every row: against a sort of all similarities, in blocks of every size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core import full_scan as scanning
from assayd_server.core.full_scan import LeftOut, full_scan
from assayd_server.core.similarity import Metric, pair_similarities

NONE = np.empty(0, np.int64)


def sorted_all(
    queries: np.ndarray, vectors: np.ndarray, k: int, metric: Metric, left_out: LeftOut
) -> tuple[np.ndarray, np.ndarray]:
    all_rows = np.tile(np.arange(len(vectors)), (len(queries), 1))
    similarities = pair_similarities(queries, vectors, all_rows, metric=metric)
    rows, found = np.full((len(queries), k), -1), np.full((len(queries), k), -np.inf, np.float32)
    for i, row in enumerate(similarities):
        allowed = [
            j for j in np.lexsort((all_rows[i], -row)) if j not in left_out.excluded and j != left_out.own[i]
        ]
        rows[i, : len(allowed[:k])], found[i, : len(allowed[:k])] = allowed[:k], row[allowed[:k]]
    return rows, found


@given(
    seed=st.integers(0, 10_000),
    metric=st.sampled_from(Metric),
    row_count=st.integers(1, 60),
    k=st.integers(1, 70),
    block_elements=st.sampled_from([1, 40, 1000]),
    data=st.data(),
)
@settings(deadline=None)
def test_a_scan_finds_what_a_sort_of_everything_finds(
    *, seed: int, metric: Metric, row_count: int, k: int, block_elements: int, data: st.DataObject
) -> None:
    random = np.random.default_rng(seed)
    vectors = random.integers(-2, 3, (row_count, 3)).astype(np.float32) * random.choice([1, 1e-3, 1e4])
    queries = np.concatenate([vectors[:3], random.normal(size=(2, 3)).astype(np.float32)])
    excluded = np.unique(random.integers(0, row_count, data.draw(st.integers(0, row_count))))
    left_out = LeftOut(excluded, random.integers(-1, row_count, len(queries)))
    rows, similarities = sorted_all(queries, vectors, k, metric, left_out)
    known = similarities[:, -1] if data.draw(st.booleans()) else np.full(len(queries), -np.inf, np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scanning, "BLOCK_ELEMENTS", block_elements)
        found = full_scan(queries, vectors, k, metric=metric, left_out=left_out, at_least=known)
    np.testing.assert_array_equal(found[0], rows)
    np.testing.assert_array_equal(found[1], similarities)


def test_a_pool_of_one_vector_many_times_gives_its_first_rows() -> None:
    vectors = np.full((50_000, 4), 0.1, np.float32)
    left_out = LeftOut(np.array([1, 3]), np.array([0]))
    floors = np.full(1, -np.inf, np.float32)
    rows, _ = full_scan(vectors[:1], vectors, 4, metric=Metric.L2, left_out=left_out, at_least=floors)
    assert rows.tolist() == [[2, 4, 5, 6]]


def test_far_from_zero_distances_are_as_exact_as_near_it() -> None:
    vectors = (np.arange(3000)[:, None] % 7 + 1e6).astype(np.float32)
    left_out, floors = LeftOut(NONE, np.array([-1])), np.full(1, -np.inf, np.float32)
    rows, similarities = full_scan(vectors[3:4], vectors, 3, metric=Metric.L2, left_out=left_out, at_least=floors)
    assert rows.tolist() == [[3, 10, 17]]
    assert similarities.tolist() == [[0, 0, 0]]


def test_marks_say_what_is_left_out_for_whom() -> None:
    left_out = LeftOut(np.array([2, 5]), np.array([1, -1, 7]))
    rows = np.array([[1, 2, 3], [-1, 1, 9], [5, 6, 7]])
    assert left_out.marks(rows).tolist() == [[True, True, False], [False] * 3, [True, False, True]]
    assert left_out.part(np.array([2])).marks(np.array([[1, 7]])).tolist() == [[False, True]]
    assert not LeftOut(NONE, np.array([-1])).marks(np.array([[-1, 0]])).any()
