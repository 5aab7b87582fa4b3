"""Selection on a stream: what holds for every policy and every stream."""

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server.core.stream import (
    Decisions,
    Policy,
    PolicySettings,
    SettingError,
    State,
    advance,
    begin,
    check,
)

GATED = [policy for policy in Policy if policy is not Policy.QUANTILE]
UTILITIES = st.lists(st.integers(0, 100).map(lambda value: value / 100) | st.just(math.nan), max_size=60)
BUDGETS = st.sampled_from([0.01, 0.1, 0.3, 0.75, 1.0])


def rows(utilities: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Utilities, and ids that belong to the places."""
    return np.array(utilities, np.float64), np.arange(len(utilities), dtype=np.uint64)


def bits(decisions: Decisions) -> list[bytes]:
    return [getattr(decisions, field.name).tobytes() for field in fields(decisions)]


def make(policy: Policy, budget: float, **values: Any) -> PolicySettings:
    return PolicySettings(policy=policy, budget=budget, **({"window": 7, "class_count": 3, "step": 0.1} | values))


@pytest.mark.parametrize("policy", Policy)
@given(utilities=UTILITIES, budget=BUDGETS, cuts=st.lists(st.integers(0, 60), max_size=5))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_however_a_stream_is_cut_the_decisions_and_the_state_are_the_same_to_the_bit(
    policy: Policy, utilities: list[float], budget: float, cuts: list[int]
) -> None:
    chosen = make(policy, budget, random_share=0.3)
    values, ids = rows(utilities)
    whole_state, whole = advance(begin(chosen), values, ids, chosen)
    state, parts = begin(chosen), []
    for part in np.split(np.arange(len(values)), sorted(cuts)):
        state, decisions = advance(state, values[part], ids[part], chosen)
        parts.append(decisions)
    joined = [b"".join(pieces) for pieces in zip(*map(bits, parts), strict=True)]
    assert joined == bits(whole)
    assert state == whole_state


@pytest.mark.parametrize("policy", Policy)
@given(utilities=UTILITIES, budget=BUDGETS)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_a_row_without_a_utility_leaves_no_trace(policy: Policy, utilities: list[float], budget: float) -> None:
    chosen = make(policy, budget)
    values, ids = rows(utilities)
    valid = ~np.isnan(values)
    state, decisions = advance(begin(chosen), values, ids, chosen)
    alone_state, alone = advance(begin(chosen), values[valid], ids[valid], chosen)
    assert state == alone_state
    assert bits(Decisions(*(getattr(decisions, field.name)[valid] for field in fields(decisions)))) == bits(alone)
    assert not decisions.selected[~valid].any()
    assert np.isnan(decisions.thresholds[~valid]).all()
    assert (decisions.inclusion_probabilities[~valid] == 0).all()


@pytest.mark.parametrize("policy", Policy)
@given(utilities=UTILITIES, budget=BUDGETS, seed=st.integers(0, 2**64 - 1))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_what_is_decided_and_what_is_remembered_agree(
    policy: Policy, utilities: list[float], budget: float, seed: int
) -> None:
    chosen = make(policy, budget, seed=seed)
    state, decisions = advance(begin(chosen), *rows(utilities), chosen)
    check(state, chosen)
    assert state.queried == decisions.selected.sum()
    assert state.seen == np.isfinite(decisions.thresholds).sum()
    assert (decisions.inclusion_probabilities[decisions.selected] > 0).all()
    assert ((decisions.inclusion_probabilities >= 0) & (decisions.inclusion_probabilities <= 1)).all()
    if policy in (Policy.FIXED, Policy.VARIABLE, Policy.QUANTILE):
        assert decisions.inclusion_probabilities.tolist() == decisions.selected.tolist()


@pytest.mark.parametrize("policy", GATED)
@given(utilities=UTILITIES, budget=BUDGETS)
@settings(derandomize=True, deadline=None, max_examples=60)
def test_rows_are_selected_only_while_the_budget_over_the_window_lasts(
    policy: Policy, utilities: list[float], budget: float
) -> None:
    chosen = make(policy, budget)
    _, decisions = advance(begin(chosen), *rows(utilities), chosen)
    spent = 0.0
    for selected in decisions.selected[~np.isnan(decisions.thresholds)]:
        assert not selected or spent / 7 < budget
        spent = spent * 6 / 7 + selected


@pytest.mark.parametrize("shape", [(2, 8), (0.05, 5), (8, 2)], ids=["unsure at times", "mostly sure", "unsure"])
@pytest.mark.parametrize("budget", [0.01, 0.2])
def test_quantile_is_never_further_from_its_budget_than_the_tolerance_window(
    shape: tuple[float, float], budget: float
) -> None:
    chosen = PolicySettings(policy=Policy.QUANTILE, budget=budget, tolerance_window=20)
    values = np.random.default_rng(1).beta(*shape, 5000)
    values = np.concatenate([values, np.sort(values), np.sort(values)[::-1], np.zeros(500)])  # not a kind stream
    _, decisions = advance(begin(chosen), values, np.arange(len(values), dtype=np.uint64), chosen)
    credits_ = budget * np.arange(1, len(values) + 1) - decisions.selected.cumsum()
    assert np.abs(credits_).max() <= 21


@pytest.mark.parametrize("policy", [Policy.VARIABLE, Policy.RANDOMIZED_VARIABLE, Policy.SPLIT, Policy.QUANTILE])
@pytest.mark.parametrize("budget", [0.05, 0.2])
def test_a_policy_that_adapts_spends_its_budget_whatever_the_level_of_uncertainty(
    policy: Policy, budget: float
) -> None:
    chosen = PolicySettings(policy=policy, budget=budget, window=int(10 / budget), class_count=10)
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.beta(2, 8, 10_000), rng.beta(4, 6, 10_000)])
    _, decisions = advance(begin(chosen), values, np.arange(len(values), dtype=np.uint64), chosen)
    for half in np.split(decisions.selected, 2):
        assert abs(half.mean() / budget - 1) < 0.1


@pytest.mark.parametrize("policy", Policy)
def test_utilities_in_single_precision_are_taken_for_what_they_are(policy: Policy) -> None:
    chosen = make(policy, 0.3)
    narrow = np.random.default_rng(3).random(50).astype(np.float32)
    ids = np.arange(50, dtype=np.uint64)
    narrow.flags.writeable = ids.flags.writeable = False
    state, decisions = advance(begin(chosen), narrow, ids, chosen)
    wide_state, wide = advance(begin(chosen), narrow.astype(np.float64), ids, chosen)
    assert (state, bits(decisions)) == (wide_state, bits(wide))
    assert [getattr(decisions, field.name).dtype for field in fields(decisions)] == [bool, np.float64, np.float64]


@pytest.mark.parametrize("policy", [Policy.RANDOMIZED_VARIABLE, Policy.SPLIT])
@pytest.mark.parametrize("change", ["seed", "ids"])
def test_chance_depends_on_the_seed_and_the_ids(policy: Policy, change: str) -> None:
    values, ids = np.random.default_rng(4).random(300), np.arange(300, dtype=np.uint64)
    chosen = make(policy, 0.3)
    other, others = (make(policy, 0.3, seed=1), ids) if change == "seed" else (chosen, ids + np.uint64(1000))
    first = advance(begin(chosen), values, ids, chosen)[1]
    assert first.selected.tolist() != advance(begin(other), values, others, other)[1].selected.tolist()


@pytest.mark.parametrize("policy", [Policy.RANDOMIZED_VARIABLE, Policy.SPLIT])
def test_selected_rows_weighted_by_their_probabilities_stand_for_all_that_could_be_afforded(
    policy: Policy,
) -> None:
    chosen = PolicySettings(policy=policy, budget=0.3, random_share=0.3, spread=0.5)
    values = np.random.default_rng(5).beta(2, 8, 40_000)
    _, decisions = advance(begin(chosen), values, np.arange(len(values), dtype=np.uint64), chosen)
    affordable = decisions.inclusion_probabilities > 0
    weights = decisions.selected[affordable] / decisions.inclusion_probabilities[affordable]
    errors = weights * values[affordable] - values[affordable]
    assert values[decisions.selected].mean() > 1.02 * values.mean()  # without weights they do not
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(len(errors))


@pytest.mark.parametrize("utility", [-0.001, 1.001, math.inf, -math.inf])
def test_a_utility_outside_0_to_1_is_refused(utility: float) -> None:
    chosen = make(Policy.FIXED, 0.3)
    with pytest.raises(ValueError, match=r"utilities lie outside \[0, 1\]"):
        advance(begin(chosen), *rows([0.5, math.nan, utility]), chosen)


def test_each_utility_needs_an_id() -> None:
    chosen = make(Policy.FIXED, 0.3)
    with pytest.raises(ValueError, match="there are 2 utilities and 1 ids"):
        advance(begin(chosen), np.zeros(2), np.zeros(1, np.uint64), chosen)


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("policy", "fixed", "fixed, variable, randomized_variable, split, quantile"),
        ("budget", 0, "numbers above 0 and up to 1"),
        ("budget", 1.0001, "numbers above 0 and up to 1"),
        ("budget", math.nan, "numbers above 0 and up to 1"),
        ("budget", True, "numbers above 0 and up to 1"),
        ("window", 0, "whole numbers from 1 to 10000"),
        ("window", 10_001, "whole numbers from 1 to 10000"),
        ("window", 10.0, "whole numbers from 1 to 10000"),
        ("step", 0, "numbers above 0 and below 1"),
        ("step", 1, "numbers above 0 and below 1"),
        ("tolerance_window", 0, "whole numbers from 1 to 1000000"),
        ("random_share", -0.1, "numbers from 0 to 1"),
        ("random_share", 1.1, "numbers from 0 to 1"),
        ("spread", 0, "numbers above 0 and up to 10"),
        ("spread", math.inf, "numbers above 0 and up to 10"),
        ("seed", -1, "whole numbers from 0 to 18446744073709551615"),
        ("seed", 2**64, "whole numbers from 0 to 18446744073709551615"),
        ("class_count", 1, "whole numbers from 2 to 2147483647"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_by_name(field: str, value: object, allowed: str) -> None:
    values: dict[str, Any] = {"policy": Policy.FIXED, "budget": 0.1, field: value}
    with pytest.raises(SettingError) as caught:
        PolicySettings(**values)
    assert caught.value.field == field
    assert str(caught.value) == f"{field} {caught.value.problem}" == f"{field} is {value!r}, allowed are {allowed}"


@pytest.mark.parametrize("field", [field.name for field in fields(PolicySettings)])
def test_every_setting_has_a_range(field: str) -> None:
    values: dict[str, Any] = {"policy": Policy.FIXED, "budget": 0.1, field: "much"}
    with pytest.raises(SettingError, match=f"^{field} is 'much', allowed are "):
        PolicySettings(**values)


@pytest.mark.parametrize(
    ("policy", "state", "problem"),
    [
        (Policy.FIXED, State(seen=-1), "counts"),
        (Policy.FIXED, State(seen=1, queried=2, spent=1), "counts"),
        (Policy.FIXED, State(seen=2**53 + 1), "counts"),
        (Policy.FIXED, State(seen=9, queried=1, spent=1.1), "spending"),
        (Policy.FIXED, State(seen=900, queried=900, spent=31.1), "spending"),
        (Policy.VARIABLE, State(spent=-0.1), "spending"),
        (Policy.VARIABLE, State(spent=math.nan), "spending"),
        (Policy.QUANTILE, State(seen=1, queried=1, spent=0.5, recent=(0.5,)), "spending"),
        (Policy.FIXED, State(confidence_limit=0.9), "threshold"),
        (Policy.QUANTILE, State(confidence_limit=0.9), "threshold"),
        (Policy.SPLIT, State(confidence_limit=0), "threshold"),
        (Policy.SPLIT, State(confidence_limit=math.inf), "threshold"),
        (Policy.SPLIT, State(confidence_limit=math.nan), "threshold"),
        (Policy.FIXED, State(seen=1, recent=(0.5,)), "window"),
        (Policy.QUANTILE, State(seen=2, recent=(0.5,)), "window"),
        (Policy.QUANTILE, State(seen=200, recent=(0.5,) * 101), "window"),
        (Policy.QUANTILE, State(seen=1, recent=(1.5,)), "utilities"),
        (Policy.QUANTILE, State(seen=1, recent=(math.nan,)), "utilities"),
    ],
)
def test_a_state_that_no_stream_leads_to_is_refused(policy: Policy, state: State, problem: str) -> None:
    with pytest.raises(ValueError, match=f"its {problem} cannot come from a stream under these settings"):
        check(state, PolicySettings(policy=policy, budget=0.3))


def test_a_state_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        begin(make(Policy.FIXED, 0.3)).seen = 1  # type: ignore[misc]
