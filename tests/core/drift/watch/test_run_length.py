"""Limits of cumulative sums, against the linear system that they come from and against chance itself."""

import numpy as np
import pytest

from assayd_server.core.drift.watch.run_length import run_limit


def average_run(steps: np.ndarray, shares: np.ndarray, limit: int) -> float:
    """By the chain of Brook and Evans, all states at once."""
    moves = np.zeros((limit + 1, limit + 1))
    for state in range(limit + 1):
        for step, share in zip(steps.tolist(), shares.tolist(), strict=True):
            if state + step <= limit:
                moves[state, max(0, state + step)] += share
    return float(np.linalg.solve(np.eye(limit + 1) - moves, np.ones(limit + 1))[0])


LAWS = {
    "some steps": ([-5, -3, -1, 0, 2, 4], [0.2, 0.2, 0.2, 0.1, 0.2, 0.1]),
    "one step up that is rare": ([-1, 40], [0.99, 0.01]),
    "the same step twice": ([-2, 1, 1, -2], [0.4, 0.1, 0.2, 0.3]),
    "deciles of a normal law": (
        np.rint(np.array([-1.79, -1.07, -0.69, -0.39, -0.13, 0.13, 0.39, 0.69, 1.07, 1.79]) * 64 - 16),
        np.full(10, 0.1),
    ),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("run_rows", [1.5, 20.0, 1e3, 3e5])
def test_the_limit_is_the_least_whose_run_is_long_enough(law: str, run_rows: float) -> None:
    steps, shares = np.array(LAWS[law][0], np.int64), np.array(LAWS[law][1])
    limit = run_limit(steps, shares, run_rows)
    assert average_run(steps, shares, limit) >= run_rows * (1 - 1e-9)
    assert limit == 0 or average_run(steps, shares, limit - 1) < run_rows * (1 + 1e-9)


def test_a_walk_of_equal_steps_has_the_run_of_the_formula() -> None:
    # Up with p, down with q = 1 - p, reflected at 0: known in closed form.
    up, down = 0.3, 0.7
    steps, shares = np.array([16, -16]), np.array([up, down])
    for states in (1, 5, 40, 80):
        # The time from i to i + 1 is t_i = 1/p + (q/p) t_{i-1}, and t_0 = 1/p.
        times = [1 / up]
        for _ in range(states - 1):
            times.append(1 / up + down / up * times[-1])
        run = sum(times)
        assert run_limit(steps, shares, run * (1 - 1e-9)) == 16 * (states - 1)
        assert run_limit(steps, shares, run * (1 + 1e-9)) == 16 * states


def test_runs_that_no_computer_counts_to_are_exact() -> None:
    steps, shares = np.array([16, -16]), np.array([0.3, 0.7])
    # The sum of t_i over n states tends to c (q/p)^n.
    limits = [run_limit(steps, shares, 10.0**power) for power in (12, 100, 200)]
    assert np.diff(limits) == pytest.approx(16 * np.array([88, 100]) * np.log(10) / np.log(7 / 3), abs=16)


@pytest.mark.long
def test_a_simulated_sum_has_the_run_that_was_asked_for() -> None:
    rng = np.random.default_rng(4)
    steps, shares = np.array([-70, -30, 10, 100]), np.array([0.3, 0.3, 0.2, 0.2])
    limit, runs = run_limit(steps, shares, 300), []
    for _ in range(2000):
        total, count = 0, 0
        while total <= limit:
            total, count = max(0, total + int(rng.choice(steps, p=shares))), count + 1
        runs.append(count)
    mean, error = float(np.mean(runs)), float(np.std(runs)) / 2000**0.5
    assert average_run(steps, shares, limit) - 4 * error < mean < average_run(steps, shares, limit) + 4 * error


def test_a_sum_that_never_rises_has_no_limit_to_pass() -> None:
    assert run_limit(np.array([0, -3]), np.array([0.5, 0.5]), 1e6) == 0
