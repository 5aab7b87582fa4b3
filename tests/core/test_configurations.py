"""What labels could be: all of them by Bayes' rule, and drawn ones as frequent as they are probable."""

import numpy as np
import pytest

from assayd_server.core.configurations import Configurations, drawn, extended, nothing_known

COIN, LOADED = np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([[0.9, 0.1], [0.3, 0.7]])


def rows(count: int, members: int = 3, classes: int = 4) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(classes), (count, members))


def test_before_any_label_is_known_all_members_are_as_probable() -> None:
    known = nothing_known(4)
    assert known.chances.tolist() == [1]
    assert known.members.tolist() == [[0.25] * 4]


def test_a_label_tells_members_apart_by_bayes_rule() -> None:
    known = extended(nothing_known(2), LOADED)
    np.testing.assert_allclose(known.chances, [0.6, 0.4])
    np.testing.assert_allclose(known.members, [[0.75, 0.25], [0.125, 0.875]])


def test_a_row_on_which_the_members_agree_tells_nothing() -> None:
    known = extended(extended(nothing_known(2), LOADED), COIN)
    np.testing.assert_allclose(known.chances, [0.3, 0.3, 0.2, 0.2])
    np.testing.assert_allclose(known.members, [[0.75, 0.25]] * 2 + [[0.125, 0.875]] * 2)


def test_impossible_configurations_are_left_out() -> None:
    certain = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert len(extended(extended(nothing_known(2), certain), LOADED).chances) == 2


def test_chances_sum_to_one_where_probabilities_do_nearly() -> None:
    assert extended(nothing_known(2), 1.005 * LOADED).chances.sum() == pytest.approx(1, abs=1e-15)


def test_all_configurations_have_the_joint_probabilities_of_their_labels() -> None:
    known = nothing_known(3)
    for row in rows(3):
        known = extended(known, row)
    first, second, third = rows(3)
    joint = np.einsum("ma,mb,mc->mabc", first, second, third).reshape(3, -1) / 3
    np.testing.assert_allclose(known.chances, joint.sum(axis=0))
    np.testing.assert_allclose(known.members, (joint / joint.sum(axis=0)).T)


def test_drawn_configurations_are_as_frequent_as_they_are_probable() -> None:
    before, row = extended(nothing_known(3), rows(2)[0]), rows(2)[1]
    every = extended(before, row)
    some = drawn(before, row, count=40_000, seed=1, step=1)
    nearest = np.abs(some.members[:, None] - every.members).sum(axis=2).argmin(axis=1)
    frequencies = np.bincount(nearest, minlength=len(every.chances)) / 40_000
    spread = np.sqrt(every.chances * (1 - every.chances) / 40_000)
    assert (np.abs(frequencies - every.chances) < 4 * spread).all()
    np.testing.assert_allclose(some.members, every.members[nearest], atol=1e-6)


def test_each_possibility_is_continued_as_often_as_its_chance_says_to_less_than_one() -> None:
    before = Configurations(np.array([0.5, 0.3, 0.2, 0.0]), np.eye(4))
    some = drawn(before, np.ones((4, 1)), count=7, seed=3, step=0)  # one class: nothing is learnt
    often = some.members.sum(axis=0)
    assert (np.abs(often - 7 * before.chances) < 1).all()
    assert often[3] == 0


def test_drawn_ones_are_continued_once_each() -> None:
    some = drawn(extended(nothing_known(3), rows(2)[0]), rows(2)[1], count=50, seed=0, step=1)
    again = drawn(some, np.ones((3, 1)), count=50, seed=0, step=2)
    np.testing.assert_allclose(again.members, some.members, atol=1e-6)


@pytest.mark.parametrize("step", range(20))
def test_no_label_of_chance_zero_is_drawn(step: int) -> None:
    row = np.array([[0.0, 1.0, 0.0], [0.0, 0.5, 0.5]])
    some = drawn(nothing_known(2), row, count=500, seed=0, step=step)
    assert np.isfinite(some.members).all()
    assert set(some.members[:, 0].round(6).tolist()) == {np.float32(2 / 3).round(6), 0.0}


def test_draws_are_repeated_by_the_seed_and_not_by_another() -> None:
    first, same, other = (drawn(nothing_known(3), rows(1)[0], count=99, seed=seed, step=0) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.members, same.members)
    assert (first.members != other.members).any()
