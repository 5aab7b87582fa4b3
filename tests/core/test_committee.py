"""Committees: values worked by hand, direct sums, what every measure promises, and rows that cannot be scored."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import special, stats

from assayd_server.core.arrays import Floats
from assayd_server.core.blocks import BLOCK_ELEMENTS
from assayd_server.core.committee import (
    COMMITTEE_MEASURES,
    CommitteeMeasure,
    committee_uncertainty,
    committee_variance,
)
from assayd_server.core.tasks import Task

MEASURES = COMMITTEE_MEASURES[Task.MULTICLASS]
every_measure = pytest.mark.parametrize("measure", MEASURES)
modest = settings(derandomize=True, deadline=None, max_examples=60)


@st.composite
def committees(draw: st.DrawFn) -> Floats:
    """Members' probabilities, with zeros, ties and certain members among them."""
    shape = draw(st.tuples(st.integers(2, 5), st.integers(0, 4), st.integers(2, 5)))
    weights = draw(npst.arrays(np.float64, shape, elements=st.sampled_from([0.0, 0.0, 1.0, 1.0, 2.5, 1e-12, 1e6])))
    weights[:, :, draw(st.integers(0, shape[2] - 1))] += 1e-3  # so that no row sums to zero
    return read_only(weights / weights.sum(axis=2, keepdims=True))


def read_only(array: Floats) -> Floats:
    array.flags.writeable = False
    return array


def random_committee(members: int, rows: int, classes: int, seed: int = 0) -> Floats:
    return read_only(np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), (members, rows)))


def one_row(*members: tuple[float, ...]) -> Floats:
    return np.array(members)[:, None, :]


def value(measure: CommitteeMeasure, *members: tuple[float, ...]) -> float:
    return float(committee_uncertainty(one_row(*members), measure)[0])


A, B = (1.0, 0.0), (0.0, 1.0)
LN2, LN3 = math.log(2), math.log(3)


@pytest.mark.parametrize(
    ("measure", "members", "expected"),
    [
        (CommitteeMeasure.VOTE_ENTROPY, (A, A, B), (LN3 - 2 / 3 * LN2) / LN2),
        (CommitteeMeasure.VOTE_ENTROPY, ((0.6, 0.4), (0.1, 0.9)), 1),
        (CommitteeMeasure.VOTE_ENTROPY, ((1, 0, 0, 0), (0, 1, 0, 0)), 1),
        (CommitteeMeasure.VOTE_ENTROPY, ((0.5, 0.5), (0.9, 0.1)), 0),
        (CommitteeMeasure.VARIATION_RATIO, (A, A, B), 1 / 3),
        (CommitteeMeasure.VARIATION_RATIO, ((1, 0, 0), (0, 1, 0), (0, 0, 1)), 2 / 3),
        (CommitteeMeasure.CONSENSUS_ENTROPY, (A, B), 1),
        (CommitteeMeasure.CONSENSUS_ENTROPY, ((0.5, 0.5, 0, 0), (0, 0, 0.5, 0.5)), 1),
        (CommitteeMeasure.CONSENSUS_ENTROPY, ((0.5, 0.5, 0, 0), (0.5, 0.5, 0, 0)), 0.5),
        (CommitteeMeasure.EXPECTED_ENTROPY, ((0.5, 0.5), A), 0.5),
        (CommitteeMeasure.EXPECTED_ENTROPY, (A, B), 0),
        (CommitteeMeasure.MEAN_KL, (A, B), 1),
        (CommitteeMeasure.MEAN_KL, ((0.5, 0.5), A), (2 - 0.75 * math.log2(3)) - 0.5),
        (CommitteeMeasure.MEAN_KL, ((0.5, 0.5, 0, 0), (0, 0, 0.5, 0.5)), 1),
        (CommitteeMeasure.MAX_KL, (A, A, B), 1),
        (CommitteeMeasure.MAX_KL, ((0.5, 0.5), A), math.log2(4 / 3)),
    ],
)
def test_the_values_worked_by_hand(measure: CommitteeMeasure, members, expected: float) -> None:
    assert value(measure, *members) == pytest.approx(expected, abs=1e-14)


def test_every_measure_equals_its_direct_sum() -> None:
    members = random_committee(7, 50, 4)
    mean = members.mean(axis=0)
    votes = np.array([np.bincount(row, minlength=4) for row in members.argmax(axis=2).T])
    divergences = special.rel_entr(members, mean).sum(axis=2)
    expected = {
        CommitteeMeasure.VOTE_ENTROPY: stats.entropy(votes, axis=1) / math.log(4),
        CommitteeMeasure.VARIATION_RATIO: 1 - votes.max(axis=1) / 7,
        CommitteeMeasure.CONSENSUS_ENTROPY: stats.entropy(mean, axis=1) / math.log(4),
        CommitteeMeasure.EXPECTED_ENTROPY: stats.entropy(members, axis=2).mean(axis=0) / math.log(4),
        CommitteeMeasure.MEAN_KL: divergences.mean(axis=0) / math.log(4),
        CommitteeMeasure.MAX_KL: divergences.max(axis=0) / math.log(7),
    }
    for measure in MEASURES:
        np.testing.assert_allclose(committee_uncertainty(members, measure), expected[measure], atol=1e-14)


def test_bald_is_the_mutual_information_of_class_and_member() -> None:
    members = random_committee(6, 40, 5)
    joint = members / 6
    independent = joint.sum(axis=2, keepdims=True) * joint.sum(axis=0, keepdims=True)
    information = (joint * np.log(joint / independent)).sum(axis=(0, 2))
    np.testing.assert_allclose(
        committee_uncertainty(members, CommitteeMeasure.MEAN_KL) * math.log(5), information, atol=1e-14
    )


@every_measure
@given(members=committees())
@modest
def test_there_is_one_value_between_zero_and_one_for_each_row(measure: CommitteeMeasure, members: Floats) -> None:
    values = committee_uncertainty(members, measure)
    assert values.shape == members.shape[1:2]
    assert ((values >= 0) & (values <= 1)).all()


@given(members=committees())
@modest
def test_the_variation_ratio_keeps_to_its_own_bound(members: Floats) -> None:
    member_count, _, class_count = members.shape
    bound = 1 - math.ceil(member_count / class_count) / member_count
    assert (committee_uncertainty(members, CommitteeMeasure.VARIATION_RATIO) <= bound + 1e-15).all()


@given(members=committees())
@modest
def test_no_member_is_further_from_the_mean_than_the_furthest(members: Floats) -> None:
    mean = committee_uncertainty(members, CommitteeMeasure.MEAN_KL) * math.log(min(members.shape[::2]))
    largest = committee_uncertainty(members, CommitteeMeasure.MAX_KL) * math.log(len(members))
    assert (mean <= largest + 1e-12).all()


@every_measure
@given(members=committees(), seed=st.integers(0, 2**32 - 1))
@modest
def test_the_order_of_members_and_of_rows_does_not_matter(measure, members: Floats, seed: int) -> None:
    random = np.random.default_rng(seed)
    of_members, of_rows = random.permutation(members.shape[0]), random.permutation(members.shape[1])
    permuted = committee_uncertainty(members[of_members][:, of_rows], measure)
    np.testing.assert_allclose(permuted, committee_uncertainty(members, measure)[of_rows], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "measure",
    [
        CommitteeMeasure.VOTE_ENTROPY,
        CommitteeMeasure.VARIATION_RATIO,
        CommitteeMeasure.MEAN_KL,
        CommitteeMeasure.MAX_KL,
    ],
)
def test_members_who_agree_leave_nothing_to_disagree_upon(measure: CommitteeMeasure) -> None:
    rows = np.random.default_rng(1).dirichlet(np.ones(6), 30)
    np.testing.assert_allclose(committee_uncertainty(np.stack([rows] * 3), measure), 0, atol=1e-15)


@every_measure
def test_rows_are_scored_alike_in_one_block_and_in_many(measure: CommitteeMeasure) -> None:
    row_count = 2 * BLOCK_ELEMENTS // 15 + 7
    members = random_committee(3, row_count, 5)
    starts = range(0, row_count, 1000)
    parts = [committee_uncertainty(members[:, start : start + 1000], measure) for start in starts]
    np.testing.assert_allclose(committee_uncertainty(members, measure), np.concatenate(parts), atol=1e-14)


@every_measure
@pytest.mark.parametrize(
    "bad", [(np.nan, 0.5), (0.5, 0.6), (0.5, 0.515), (-0.5, 1.5), (np.inf, 0.0), (1e308, 1e308)]
)
def test_a_row_that_any_member_spoils_is_nan_and_the_others_are_not(measure: CommitteeMeasure, bad) -> None:
    members = random_committee(3, 5, 2).copy()
    whole = committee_uncertainty(members, measure)
    members[1, 2] = bad
    values = committee_uncertainty(members, measure)
    assert np.isnan(values).tolist() == [False, False, True, False, False]
    np.testing.assert_allclose(np.delete(values, 2), np.delete(whole, 2), atol=1e-15)


def test_a_sum_that_is_off_by_less_than_the_tolerance_is_scored() -> None:
    members = np.array([[[0.504, 0.504]], [[0.5, 0.5]]])
    assert committee_uncertainty(members, CommitteeMeasure.EXPECTED_ENTROPY) == pytest.approx([1], abs=0.01)


@pytest.mark.parametrize(("given_as", "answered_as"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8")])
@every_measure
def test_the_precision_is_that_of_the_probabilities(measure, given_as: str, answered_as: str) -> None:
    members = random_committee(4, 20, 3)
    values = committee_uncertainty(members.astype(given_as), measure)
    assert values.dtype == answered_as
    tolerance = {"f2": 0.01, "f4": 1e-6, "f8": 1e-15}[given_as]
    np.testing.assert_allclose(values, committee_uncertainty(members, measure), atol=tolerance)


@every_measure
def test_the_probabilities_are_left_as_they_are(measure: CommitteeMeasure) -> None:
    members = random_committee(3, 8, 4).copy()
    members[0, 1] = np.nan
    before = members.copy()
    committee_uncertainty(members, measure)
    np.testing.assert_array_equal(members, before)


def test_variance_of_two_members_is_the_square_of_half_their_distance() -> None:
    members = np.array([[[1.0, 10.0]], [[3.0, 10.0]]])
    assert committee_variance(members).tolist() == [0.5]  # ((3 - 1) / 2)^2 = 1 and 0, the mean of both


def test_variance_is_the_mean_of_population_variances() -> None:
    members = read_only(np.random.default_rng(2).normal(5, 3, (6, 40_000, 2)))
    np.testing.assert_allclose(committee_variance(members), members.var(axis=0).mean(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(
        committee_uncertainty(members, CommitteeMeasure.VARIANCE), committee_variance(members)
    )


def test_members_who_agree_have_no_variance_to_the_last_digit() -> None:
    assert committee_variance(np.full((3, 4, 2), 0.1)).tolist() == [0] * 4


def test_variance_keeps_its_digits_far_from_zero() -> None:
    members = np.array([1e9, 1e9 + 1e-3, 1e9 + 2e-3])[:, None, None]
    np.testing.assert_allclose(committee_variance(members), [2 / 3 * 1e-6], rtol=1e-3)


def test_variance_of_values_that_are_not_finite_is_nan_and_of_huge_ones_infinite() -> None:
    members = np.zeros((2, 5, 1))
    members[0, :, 0] = [0, 0, 0, -1.7e308, 0]
    members[1, :, 0] = [np.nan, np.inf, 1e200, 1.7e308, 1]
    values = committee_variance(read_only(members))
    np.testing.assert_array_equal(values, [np.nan, np.nan, np.inf, np.inf, 0.25])


def test_half_precision_values_do_not_overflow_when_squared() -> None:
    assert committee_variance(np.array([[[-60_000]], [[60_000]]], np.float16)) == pytest.approx([3.6e9], rel=1e-3)


def test_every_measure_belongs_to_one_kind_of_answer() -> None:
    belonging = [measure for measures in COMMITTEE_MEASURES.values() for measure in measures]
    assert sorted(belonging) == sorted(CommitteeMeasure)
    assert list(COMMITTEE_MEASURES) == list(Task)
