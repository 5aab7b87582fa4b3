"""BADGE: against gradients written out, by chances, in any order of rows, on repeated rows and bad ones."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.badge import badge
from assayd_server.core.draws import exponentials
from assayd_server.core.hashing import id_hash
from assayd_server.core.repetition import effective_size

modest = settings(derandomize=True, deadline=None, max_examples=60)


def rows(count: int, seed: int = 0, classes: int = 4, dimension: int = 6) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probabilities, embeddings = random.dirichlet(np.ones(classes), count), random.normal(size=(count, dimension))
    probabilities.flags.writeable = embeddings.flags.writeable = False
    return probabilities, embeddings


def written_out(probabilities: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
    errors = probabilities - np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]
    return np.einsum("nc,nd->ncd", errors, embeddings).reshape(len(errors), -1)


def naive(
    probabilities: np.ndarray, embeddings: np.ndarray, count: int, *, seed: int, ids: np.ndarray
) -> list[int]:
    """With the gradients written out, and all distances anew in each step."""
    whole = written_out(probabilities, embeddings)
    positions = [int((whole**2).sum(axis=1).argmax())]
    while len(positions) < count:
        nearest = ((whole[:, None] - whole[positions]) ** 2).sum(axis=2).min(axis=1)
        runners = nearest / exponentials(ids, seed=seed, step=len(positions))
        runners[positions] = -1
        positions.append(int(runners.argmax()))
    return positions


@given(count=st.integers(1, 25), seed=st.integers(0, 999))
@modest
def test_it_agrees_with_the_naive_version(count: int, seed: int) -> None:
    probabilities, embeddings = rows(count, seed)
    ids = id_hash(np.arange(count))
    found = badge(probabilities, embeddings, count, seed=seed, ids=ids)
    assert found.tolist() == naive(probabilities, embeddings, count, seed=seed, ids=ids)


def test_the_first_row_has_the_longest_gradient_whatever_the_seed() -> None:
    probabilities = np.array([[0.9, 0.1], [0.5, 0.5], [0.5, 0.5]])
    embeddings = np.array([[5.0], [1.0], [-3.0]])  # lengths 0.1 * 5, 0.5 * 1 and 0.5 * 3, times the root of 2
    firsts = [badge(probabilities, embeddings, 1, seed=seed, ids=id_hash(np.arange(3)))[0] for seed in range(5)]
    assert firsts == [2] * 5


def test_the_second_row_is_drawn_in_proportion_to_the_squared_distance() -> None:
    probabilities, embeddings = rows(6, seed=2)
    whole = written_out(probabilities, embeddings)
    first = int((whole**2).sum(axis=1).argmax())
    squares = ((whole - whole[first]) ** 2).sum(axis=1)
    ids = id_hash(np.arange(6))
    seconds = Counter(badge(probabilities, embeddings, 2, seed=seed, ids=ids)[1] for seed in range(4000))
    for row, chance in enumerate(squares / squares.sum()):
        assert abs(seconds[row] / 4000 - chance) <= 4 * (chance * (1 - chance) / 4000) ** 0.5


def test_the_order_of_the_rows_does_not_matter() -> None:
    probabilities, embeddings = rows(300, seed=3)
    ids, order = id_hash(np.arange(300)), np.random.default_rng(4).permutation(300)
    permuted = badge(probabilities[order], embeddings[order], 40, seed=7, ids=ids[order])
    np.testing.assert_array_equal(order[permuted], badge(probabilities, embeddings, 40, seed=7, ids=ids))


def test_another_seed_gives_another_batch() -> None:
    probabilities, embeddings = rows(100)
    ids = id_hash(np.arange(100))
    batches = [badge(probabilities, embeddings, 10, seed=seed, ids=ids).tolist() for seed in range(2)]
    assert batches[0] != batches[1]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_of_repeated_rows_each_is_drawn_once_before_any_comes_again(dtype: str) -> None:
    probabilities, embeddings = (np.tile(part.astype(dtype), (5, 1)) for part in rows(23, seed=5, dimension=40))
    batch = badge(probabilities, embeddings, 25, seed=1, ids=id_hash(np.arange(115)))
    assert sorted(batch[:23] % 23) == list(range(23))
    assert batch[0] < 23
    assert batch[23:].tolist() == sorted(set(range(115)) - set(batch[:23].tolist()))[:2]
    longest = np.argsort(-(written_out(probabilities, embeddings) ** 2).sum(axis=1), kind="stable")[:23]
    assert effective_size(embeddings[batch[:23]]) > 2 * effective_size(embeddings[longest])


def test_all_rows_may_be_drawn_and_certain_ones_come_last() -> None:
    probabilities, embeddings = (part.copy() for part in rows(8, seed=6))
    probabilities[[2, 5]] = np.eye(4)[0]
    embeddings[4] = 0
    batch = badge(probabilities, embeddings, 8, seed=0, ids=id_hash(np.arange(8)))
    assert sorted(batch.tolist()) == list(range(8))
    assert {2, 4, 5} > set(batch[-2:].tolist())  # their gradients are 0, so one stands for all


def test_rows_that_are_not_finite_are_never_drawn() -> None:
    probabilities, embeddings = (part.copy() for part in rows(6))
    probabilities[1, 0], embeddings[3, 2], embeddings[4, 0] = np.nan, np.inf, 1e300
    batch = badge(probabilities, embeddings, 6, seed=0, ids=id_hash(np.arange(6)))
    assert sorted(batch.tolist()) == [0, 2, 5]


@pytest.mark.parametrize(("row_count", "count"), [(0, 0), (1, 0), (1, 1)])
def test_there_are_as_many_positions_as_can_be(row_count: int, count: int) -> None:
    probabilities, embeddings = rows(row_count)
    batch = badge(probabilities, embeddings, count, seed=0, ids=id_hash(np.arange(row_count)))
    assert batch.dtype == np.int64
    assert batch.tolist() == [0] * count


def test_half_precision_is_taken() -> None:
    probabilities, embeddings = rows(50)
    ids = id_hash(np.arange(50))
    whole = badge(probabilities, embeddings, 3, seed=0, ids=ids)
    half = badge(probabilities.astype(np.float16), embeddings.astype(np.float16), 3, seed=0, ids=ids)
    np.testing.assert_array_equal(half, whole)
