"""BatchBALD: against brute force on tiny cases, by chance against exactly, on repeated rows and bad ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core import blocks
from assayd_server.core.batch_bald import batch_bald
from assayd_server.core.committee import CommitteeMeasure, committee_uncertainty
from assayd_server.core.repetition import effective_size

modest = settings(derandomize=True, deadline=None, max_examples=40)
ENOUGH = 10**6
"""So many configurations that none are drawn."""


def committee(members: int, rows: int, classes: int, seed: int = 0, concentration: float = 0.5) -> np.ndarray:
    probabilities = np.random.default_rng(seed).dirichlet(np.full(classes, concentration), (members, rows))
    probabilities.flags.writeable = False
    return probabilities


def joint_information(probabilities: np.ndarray, batch: tuple[int, ...] | list[int]) -> float:
    """H(y_1 .. y_b) - mean H(y_1 .. y_b | w), by going through all c^b labels."""
    member_count, _, class_count = probabilities.shape
    total = 0.0
    for labels in itertools.product(range(class_count), repeat=len(batch)):
        likelihoods = probabilities[:, list(batch), list(labels)].prod(axis=1)
        mean = likelihoods.mean()
        total -= mean * np.log(mean) if mean else 0
        total += sum(one * np.log(one) for one in likelihoods if one) / member_count
    return total


def naive(probabilities: np.ndarray, count: int) -> list[int]:
    """The greedy batch by brute force, ties to the lower position."""
    batch: list[int] = []
    while len(batch) < count:
        left = [row for row in range(probabilities.shape[1]) if row not in batch]
        batch.append(max(left, key=lambda row: joint_information(probabilities, [*batch, row])))
    return batch


@pytest.mark.parametrize("block_elements", [1, blocks.BLOCK_ELEMENTS])
@given(members=st.integers(2, 5), rows=st.integers(1, 6), classes=st.integers(2, 3), seed=st.integers(0, 999))
@modest
def test_it_agrees_with_brute_force_where_all_configurations_are_gone_through(
    block_elements: int, members: int, rows: int, classes: int, seed: int
) -> None:
    """In blocks of one row too, before each of which the bounds may end the search."""
    probabilities = committee(members, rows, classes, seed)
    count = min(rows, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_ELEMENTS", block_elements)
        found = batch_bald(probabilities, count, seed=0, samples_max=ENOUGH)
    assert found.tolist() == naive(probabilities, count)


def test_the_first_row_is_that_of_the_largest_bald() -> None:
    probabilities = committee(6, 500, 4)
    bald = committee_uncertainty(probabilities, CommitteeMeasure.MEAN_KL)
    assert batch_bald(probabilities, 1, seed=0, samples_max=10).tolist() == [bald.argmax()]


def test_two_rows_that_ask_the_same_are_not_taken_before_one_that_asks_another_thing() -> None:
    """Members 0 and 1 against 2 and 3; the same again; 0 and 2 against 1 and 3, with a little doubt."""
    probabilities = np.array([[1, 1, 0.9], [1, 1, 0.1], [0, 0, 0.9], [0, 0, 0.1]])
    probabilities = np.stack([probabilities, 1 - probabilities], axis=2)
    assert batch_bald(probabilities, 3, seed=0, samples_max=ENOUGH).tolist() == [0, 2, 1]


@pytest.mark.parametrize("samples_max", [1, 16, 500])
def test_drawn_configurations_choose_nearly_as_well_as_all(samples_max: int) -> None:
    probabilities = committee(8, 40, 2, seed=3)
    exact = batch_bald(probabilities, 6, seed=0, samples_max=ENOUGH)
    best = joint_information(probabilities, exact.tolist())
    batches = [batch_bald(probabilities, 6, seed=seed, samples_max=samples_max).tolist() for seed in range(5)]
    shares = [joint_information(probabilities, batch) / best for batch in batches]
    assert min(shares) > {1: 0.6, 16: 0.85, 500: 0.97}[samples_max]


def test_drawn_configurations_are_repeated_by_the_seed() -> None:
    probabilities = committee(10, 300, 10, concentration=1)
    batches = [batch_bald(probabilities, 8, seed=seed, samples_max=64).tolist() for seed in (1, 1, 2)]
    assert batches[0] == batches[1] != batches[2]


def test_a_batch_that_is_cut_into_blocks_is_the_same() -> None:
    """As many rows as fill several blocks, of which the bounds pass over some, against all gains at once."""
    probabilities = committee(5, 9000, 3, seed=4)
    found = batch_bald(probabilities, 5, seed=0, samples_max=ENOUGH)
    bald = committee_uncertainty(probabilities, CommitteeMeasure.MEAN_KL)
    promising = np.sort(np.argsort(-bald)[:60])
    assert promising[naive(probabilities[:, promising], 5)].tolist() == found.tolist()


def test_permuted_rows_give_the_same_rows() -> None:
    probabilities, order = committee(6, 200, 3), np.random.default_rng(5).permutation(200)
    permuted = batch_bald(probabilities[:, order], 10, seed=2, samples_max=100)
    np.testing.assert_array_equal(order[permuted], batch_bald(probabilities, 10, seed=2, samples_max=100))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_of_repeated_rows_more_different_ones_are_chosen_than_by_bald(dtype: str) -> None:
    probabilities = np.repeat(committee(10, 100, 4, seed=6, concentration=1), 5, axis=1).astype(dtype)
    embeddings = np.repeat(np.random.default_rng(7).normal(size=(100, 30)), 5, axis=0)
    batch = batch_bald(probabilities, 15, seed=0, samples_max=200)
    plain = np.argsort(-committee_uncertainty(probabilities, CommitteeMeasure.MEAN_KL), kind="stable")[:15]
    assert len(set(plain // 5)) == 3
    assert len(set(batch // 5)) >= 9
    assert effective_size(embeddings[batch]) > 2 * effective_size(embeddings[plain])
    assert (batch[:5] % 5 == 0).all()  # of equal rows the lowest


def test_when_all_is_known_the_rest_is_by_bald_and_then_by_position() -> None:
    """Two members, told apart for good by row 3: then nothing is left to be known."""
    rows = np.array([[[0.6, 0.4], [0.9, 0.1], [0.9, 0.1], [1, 0]], [[0.4, 0.6], [0.1, 0.9], [0.1, 0.9], [0, 1]]])
    assert batch_bald(rows, 4, seed=0, samples_max=ENOUGH).tolist() == [3, 1, 2, 0]


def test_members_who_agree_leave_the_lowest_rows() -> None:
    probabilities = np.stack([committee(1, 5, 3)[0]] * 3)
    assert batch_bald(probabilities, 5, seed=0, samples_max=10).tolist() == [0, 1, 2, 3, 4]


def test_a_row_that_any_member_spoils_is_never_chosen() -> None:
    probabilities = committee(3, 6, 2).copy()
    probabilities[1, [0, 2, 5]] = [[np.nan, 1], [0.5, 0.6], [np.inf, 0]]
    found = batch_bald(probabilities, 6, seed=0, samples_max=4)
    assert sorted(found.tolist()) == [1, 3, 4]


@pytest.mark.parametrize(("rows", "count"), [(0, 0), (1, 0), (1, 1)])
def test_there_are_as_many_positions_as_can_be(rows: int, count: int) -> None:
    batch = batch_bald(committee(2, rows, 3), count, seed=0, samples_max=5)
    assert batch.dtype == np.int64
    assert batch.tolist() == [0] * count


def test_half_precision_is_taken() -> None:
    probabilities = committee(5, 50, 3)
    whole = batch_bald(probabilities, 3, seed=0, samples_max=ENOUGH)
    assert batch_bald(probabilities.astype(np.float16), 3, seed=0, samples_max=ENOUGH).tolist() == whole.tolist()
