"""Selection on a stream: every policy by sequences worked by hand, and by those of another library."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assayd_server.core.hashing import Use, uniform
from assayd_server.core.stream import Decisions, Policy, PolicySettings, State, advance, begin

# SELECTED is what scikit-activeml 1.0.1 selects of UTILITIES, by its budget managers FixedUncertainty,
# VariableUncertainty, RandomVariableUncertainty, Split and BalancedIncrementalQuantileFilter. They were queried
# and updated row by row, with 1 - p1 = utility (c - 1) / c, or the utility itself for the quantile filter. A
# RandomState with overridden normal and random_sample handed them this package's draws for the row.
UTILITIES = [
    0.606, 0.806, 0.66, 0.594, 0.763, 0.404, 0.55, 0.804, 0.739, 0.301, 0.702, 0.721, 0.843, 0.754, 0.671, 0.838,
    0.409, 0.703, 0.568, 0.439, 0.845, 0.703, 0.635, 0.949, 0.56, 0.617, 0.899, 0.572, 0.719, 0.567, 0.251, 0.345,
    0.439, 0.798, 0.701, 0.785, 0.472, 0.539, 0.233, 0.638, 0.537, 0.667, 0.577, 0.498, 0.226, 0.834, 0.597, 0.991,
]  # fmt: skip
SELECTED = {
    Policy.FIXED: "010010011010010001001001001000000110000000000101",
    Policy.VARIABLE: "111100100010100100001001001000000110000110000101",
    Policy.RANDOMIZED_VARIABLE: "111010010001010001001001001000100010100000001101",
    Policy.SPLIT: "110100110010010001001001000000000011000100000011",
    Policy.QUANTILE: "110000010001100100001001001000000111000001000101",
}


def decide(utilities: list[float], *, state: State | None = None, **values: Any) -> tuple[State, Decisions]:
    """On rows with the ids 0, 1, 2 and so on."""
    chosen = PolicySettings(**values)
    ids = np.arange(len(utilities), dtype=np.uint64)
    return advance(state or begin(chosen), np.array(utilities), ids, chosen)


@pytest.mark.parametrize("policy", Policy)
def test_the_sequence_is_that_of_scikit_activeml(policy: Policy) -> None:
    _, decisions = decide(
        UTILITIES,
        policy=policy,
        budget=0.3,
        window=10,
        step=0.1,
        class_count=3,
        random_share=0.4,
        spread=0.5,
        seed=5,
        tolerance_window=5,
    )
    assert "".join(str(int(selected)) for selected in decisions.selected) == SELECTED[policy]


def test_fixed_takes_what_reaches_one_less_the_budget_while_the_budget_lasts() -> None:
    # u before each row: 0, 0, 1, 0.5, 0.25, 1.125, and selected while u / 2 < 0.5
    state, decisions = decide([0.4, 0.5, 0.9, 0.4, 0.9, 0.9], policy=Policy.FIXED, budget=0.5, window=2)
    assert decisions.selected.tolist() == [False, True, False, False, True, False]
    assert decisions.thresholds.tolist() == [0.5] * 6
    assert decisions.inclusion_probabilities.tolist() == [0, 1, 0, 0, 1, 0]
    assert state == State(seen=6, queried=2, spent=1.125 / 2)


def test_fixed_is_the_published_threshold_on_confidence() -> None:
    class_count, budget = 7, 0.35
    probabilities = np.random.default_rng(1).dirichlet(np.full(class_count, 0.5), 500)
    confidences = probabilities.max(axis=1)
    utilities = (1 - confidences) * class_count / (class_count - 1)
    chosen = PolicySettings(policy=Policy.FIXED, budget=budget, window=10_000, class_count=class_count)
    _, decisions = advance(begin(chosen), utilities, np.arange(500, dtype=np.uint64), chosen)
    below = confidences <= 1 / class_count + budget * (1 - 1 / class_count)
    assert decisions.selected.tolist() == below.tolist()
    assert 0 < below.sum() < 500


def test_variable_lowers_its_threshold_on_confidence_after_a_selection_and_raises_it_otherwise() -> None:
    # theta before each row: 1, 1/2, 3/4, 3/8, 9/16, and p1 < theta where the utility is above 2 (1 - theta)
    state, decisions = decide(
        [0.5, 0.9, 0.6, 1.0, 0.875], policy=Policy.VARIABLE, budget=1, window=1000, step=0.5, class_count=2
    )
    assert decisions.thresholds.tolist() == [0, 1, 0.5, 1.25, 0.875]
    assert decisions.selected.tolist() == [True, False, True, False, False]  # the last one is not above
    assert state.confidence_limit == 27 / 32


def test_variable_leaves_its_threshold_as_it_is_while_the_budget_is_spent() -> None:
    # u before each row: 0, 1, 0.5, 0.25
    state, decisions = decide(
        [0.5, 1, 1, 0.75], policy=Policy.VARIABLE, budget=0.5, window=2, step=0.5, class_count=2
    )
    assert decisions.thresholds.tolist() == [0, 1, 1, 0.5]
    assert decisions.selected.tolist() == [True, False, False, True]
    assert decisions.inclusion_probabilities.tolist() == [1, 0, 0, 1]
    assert state == State(seen=4, queried=2, spent=1.125, confidence_limit=0.375)


def test_variable_comes_down_to_rows_that_the_model_is_certain_of_where_there_are_no_others() -> None:
    _, decisions = decide([0.0] * 3, policy=Policy.VARIABLE, budget=1, step=0.5)
    assert decisions.thresholds.tolist() == [0, -1, 0.5]
    assert decisions.selected.tolist() == [False, True, False]


def test_randomized_draws_the_factor_of_its_threshold_by_id_and_seed() -> None:
    _, decisions = decide(
        [0.5, 0.5], policy=Policy.RANDOMIZED_VARIABLE, budget=1, step=0.5, spread=0.3, seed=9, class_count=2
    )
    draws = uniform(np.arange(2, dtype=np.uint64), seed=9, stream=Use.THRESHOLD_FACTOR)
    factors = 1 + 0.3 * stats.norm.ppf(draws)
    theta = np.array([1, 0.5 if decisions.selected[0] else 1.5])
    np.testing.assert_allclose(decisions.thresholds, 2 * (1 - theta * factors), rtol=1e-12)
    assert decisions.selected.tolist() == (decisions.thresholds < 0.5).tolist()


@pytest.mark.parametrize("policy", [Policy.RANDOMIZED_VARIABLE, Policy.SPLIT])
@pytest.mark.parametrize("theta", [0.4, 0.9])
def test_the_probability_is_the_share_of_seeds_that_select_the_row(policy: Policy, theta: float) -> None:
    state = State(seen=1, confidence_limit=theta)
    values: dict[str, Any] = {"policy": policy, "budget": 0.3, "spread": 0.5, "random_share": 0.4}
    found = [decide([0.6, np.nan], state=state, seed=seed, **values)[1] for seed in range(3000)]
    probability = found[0].inclusion_probabilities[0]
    share = np.mean([decisions.selected[0] for decisions in found])
    assert 0 < probability < 1
    assert abs(share - probability) < 4 * np.sqrt(probability * (1 - probability) / len(found))


@pytest.mark.parametrize("policy", [Policy.RANDOMIZED_VARIABLE, Policy.SPLIT])
def test_the_probability_is_0_while_the_budget_is_spent(policy: Policy) -> None:
    _, decisions = decide([1.0] * 20, policy=policy, budget=0.5, window=2, spread=0.1, random_share=0.1)
    spent = 0.0
    for selected, probability in zip(decisions.selected, decisions.inclusion_probabilities, strict=True):
        assert (probability > 0) == (spent / 2 < 0.5)
        spent = spent / 2 + selected


def test_a_randomized_threshold_without_spread_is_nearly_the_variable_one() -> None:
    values: dict[str, Any] = {"budget": 0.3, "step": 0.1, "class_count": 3}
    randomized = decide(UTILITIES, policy=Policy.RANDOMIZED_VARIABLE, spread=1e-12, **values)[1]
    variable = decide(UTILITIES, policy=Policy.VARIABLE, **values)[1]
    assert randomized.selected.tolist() == variable.selected.tolist()
    np.testing.assert_allclose(randomized.inclusion_probabilities, variable.inclusion_probabilities, atol=1e-12)


def test_split_without_a_random_share_is_the_variable_threshold() -> None:
    values: dict[str, Any] = {"budget": 0.3, "step": 0.1, "class_count": 3}
    split = decide(UTILITIES, policy=Policy.SPLIT, random_share=0, **values)
    variable = decide(UTILITIES, policy=Policy.VARIABLE, **values)
    assert split[0] == variable[0]
    assert split[1].selected.tolist() == variable[1].selected.tolist()
    assert split[1].inclusion_probabilities.tolist() == variable[1].inclusion_probabilities.tolist()


def test_split_by_chance_alone_takes_no_notice_of_utilities_and_leaves_the_threshold_as_it_is() -> None:
    values: dict[str, Any] = {
        "policy": Policy.SPLIT,
        "budget": 0.3,
        "random_share": 1,
        "seed": 3,
        "window": 10_000,
    }
    state, decisions = decide(UTILITIES, **values)
    lucky = uniform(np.arange(len(UTILITIES), dtype=np.uint64), seed=3, stream=Use.SELECT_BY_CHANCE) < 0.3
    assert decisions.selected.tolist() == lucky.tolist()
    assert decisions.inclusion_probabilities.tolist() == [0.3] * len(UTILITIES)
    assert state.confidence_limit == 1


def test_quantile_lowers_its_threshold_while_labels_are_left_over_and_raises_it_when_too_many_are_spent() -> None:
    # medians 0.4, 0.6, 0.6, 0.6, 0.6; ranges 0, 0.4, 0.4, 0.2, 0.1; 0.5 seen - queried: 0.5, 0, -0.5, 0, -0.5
    state, decisions = decide(
        [0.4, 0.8, 0.6, 0.6, 0.5], policy=Policy.QUANTILE, budget=0.5, window=3, tolerance_window=10
    )
    np.testing.assert_allclose(decisions.thresholds, [0.4, 0.6, 0.62, 0.6, 0.605], rtol=1e-15)
    assert decisions.selected.tolist() == [True, True, False, True, False]
    assert decisions.inclusion_probabilities.tolist() == [1, 1, 0, 1, 0]
    assert state == State(seen=5, queried=3, recent=(0.6, 0.6, 0.5))


def test_quantile_keeps_to_the_budget_where_all_utilities_are_the_same() -> None:
    _, decisions = decide([0.5] * 17, policy=Policy.QUANTILE, budget=0.25)
    assert np.flatnonzero(decisions.selected).tolist() == [0, 3, 7, 11, 15]
    assert ((decisions.thresholds <= 0.5) == decisions.selected).all()


@given(
    values=st.lists(st.integers(0, 50).map(lambda value: value / 50), min_size=1, max_size=30),
    budget=st.floats(0.001, 1),
    window=st.integers(1, 12),
)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_the_quantile_is_that_of_numpy(values: list[float], budget: float, window: int) -> None:
    state, decisions = decide(values, policy=Policy.QUANTILE, budget=budget, window=window, tolerance_window=50)
    recent = values[-window:]
    assert state.recent == tuple(recent)
    before = state.queried - bool(decisions.selected[-1])
    credit = (budget * len(values) - before) / 50
    width = max(recent) - min(recent)
    if width > 0:
        assert decisions.thresholds[-1] == np.quantile(recent, 1 - budget) - width * credit
