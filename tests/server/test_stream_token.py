"""The state of a stream as bytes: exact, and refused where it is not what it was."""

import math
import struct
from dataclasses import fields, replace
from hashlib import blake2b
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assayd_server import stream_token
from assayd_server.core.stream import WINDOW_ROWS_MAX, Policy, PolicySettings, State, advance, begin
from assayd_server.errors import InvalidArgumentError


def encode(state: State, chosen: PolicySettings) -> bytes:
    return stream_token.encode(state, chosen, scale="margin None")


def decode(token: bytes, chosen: PolicySettings) -> State:
    return stream_token.decode(token, chosen, scale="margin None")


SETTINGS = PolicySettings(policy=Policy.QUANTILE, budget=0.1)
STATE = State(seen=3, queried=1, recent=(0.25, 1 / 3, 0.0))
TOKEN = encode(STATE, SETTINGS)


def after(policy: Policy, row_count: int, **values: Any) -> tuple[State, PolicySettings]:
    """A state that a stream leads to."""
    chosen = PolicySettings(policy=policy, budget=0.1, **values)
    utilities = np.random.default_rng(row_count).random(row_count)
    return advance(begin(chosen), utilities, np.arange(row_count, dtype=np.uint64), chosen)[0], chosen


def refusal(token: bytes, chosen: PolicySettings = SETTINGS) -> InvalidArgumentError:
    with pytest.raises(InvalidArgumentError) as caught:
        decode(token, chosen)
    assert caught.value.field == "state"
    return caught.value


def sealed(content: bytes) -> bytes:
    """With the checksum that belongs to it."""
    return content + blake2b(content, digest_size=16).digest()


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("row_count", [0, 1, 99, 500])
def test_a_state_comes_back_as_it_was(policy: Policy, row_count: int) -> None:
    state, chosen = after(policy, row_count)
    assert decode(encode(state, chosen), chosen) == state


@given(values=st.lists(st.floats(0, 1), max_size=100))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_utilities_come_back_to_the_bit(values: list[float]) -> None:
    state = State(seen=len(values), recent=tuple(values))
    found = decode(encode(state, SETTINGS), SETTINGS).recent
    assert [value.hex() for value in found] == [value.hex() for value in values]


def test_a_window_of_100_rows_takes_less_than_2_kb() -> None:
    assert len(encode(*after(Policy.QUANTILE, 500))) == 876


def test_the_greatest_window_comes_back_as_it_was() -> None:
    state, chosen = after(Policy.QUANTILE, WINDOW_ROWS_MAX + 1, window=WINDOW_ROWS_MAX)
    assert decode(encode(state, chosen), chosen) == state


def test_a_stream_goes_on_from_a_token_as_if_it_had_not_been_interrupted() -> None:
    chosen = PolicySettings(policy=Policy.SPLIT, budget=0.2, seed=4)
    utilities, ids = np.random.default_rng(1).random(400), np.arange(400, dtype=np.uint64)
    whole = advance(begin(chosen), utilities, ids, chosen)
    state, first = advance(begin(chosen), utilities[:150], ids[:150], chosen)
    last, second = advance(decode(encode(state, chosen), chosen), utilities[150:], ids[150:], chosen)
    assert last == whole[0]
    assert [*first.selected, *second.selected] == whole[1].selected.tolist()


def test_the_layout_stays_as_it_is_from_release_to_release() -> None:
    chosen = PolicySettings(policy=Policy.VARIABLE, budget=0.25, window=20, seed=7, class_count=3)
    token = encode(State(seen=9, queried=2, spent=1.5, confidence_limit=0.75), chosen)
    assert token.hex() == (
        "61737964" "01000000" "f1fe52efe3f26ea2ab3c4451d72da04b" "0900000000000000" "0200000000000000"
        "000000000000f83f" "000000000000e83f" "00000000" "4e2736900b6697c8390bf03db822546d"
    )  # fmt: skip


@given(position=st.integers(0, 8 * len(TOKEN) - 1))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_a_flipped_bit_is_noticed(position: int) -> None:
    damaged = bytearray(TOKEN)
    damaged[position // 8] ^= 1 << position % 8
    refusal(bytes(damaged))


@pytest.mark.parametrize("length", range(len(TOKEN)))
def test_a_token_that_is_cut_short_is_refused(length: int) -> None:
    assert refusal(TOKEN[:length]).reason == ("STATE_FOREIGN" if length < 4 else "STATE_TRUNCATED")


def test_a_token_that_is_cut_short_says_how_long_it_should_be() -> None:
    problem = f"is cut short, or damaged: {len(TOKEN) - 1} bytes instead of {len(TOKEN)}"
    assert refusal(TOKEN[:-1]).message == f"state: {problem}"


@pytest.mark.parametrize(
    "token", [b"", b"\x00" * 76, b"a state of another service, which may be of any length at all"]
)
def test_bytes_that_are_no_token_are_refused(token: bytes) -> None:
    found = refusal(token)
    assert found.message == "state: is not a state of this service: it does not begin as one"
    assert found.reason == "STATE_FOREIGN"


@pytest.mark.parametrize("token", [TOKEN + b"\x00", TOKEN[:-1] + b"\x00", TOKEN[:50] + b"\xff" + TOKEN[51:]])
def test_a_damaged_token_is_refused(token: bytes) -> None:
    found = refusal(token)
    assert found.message == "state: is damaged: its checksum is wrong"
    assert found.reason == "STATE_DAMAGED"


def test_a_token_with_more_in_it_than_its_count_of_utilities_is_refused() -> None:
    assert refusal(sealed(TOKEN[:-16] + b"\x00" * 8)).reason == "STATE_DAMAGED"


def test_a_token_of_another_version_is_refused_with_both_versions() -> None:
    found = refusal(sealed(TOKEN[:4] + struct.pack("<I", 2) + TOKEN[8:-16]))
    assert found.message == "state: is of version 2, and this server reads version 1"
    assert found.reason == "STATE_VERSION"


@pytest.mark.parametrize(
    "change",
    [
        {"policy": Policy.FIXED},
        {"budget": 0.1 + 1e-9},
        {"window": 101},
        {"step": 0.02},
        {"tolerance_window": 101},
        {"random_share": 0.2},
        {"spread": 1.1},
        {"seed": 1},
        {"class_count": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_token_of_other_settings_is_refused(change: dict[str, Any]) -> None:
    found = refusal(TOKEN, replace(SETTINGS, **change))
    assert found.message == "state: was made under other settings than these"
    assert found.reason == "STATE_OF_OTHER_SETTINGS"


def test_every_setting_is_tried_above() -> None:
    tried = next(
        mark.args[1] for mark in test_a_token_of_other_settings_is_refused.pytestmark if mark.args[0] == "change"
    )
    assert {name for change in tried for name in change} == {field.name for field in fields(PolicySettings)}


def test_a_whole_number_and_the_same_number_as_a_float_are_the_same_setting() -> None:
    whole, real = (PolicySettings(policy=Policy.FIXED, budget=budget) for budget in (1, 1.0))
    assert decode(encode(State(), whole), real) == State()


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        (State(seen=1, queried=2, recent=(0.5,)), "counts"),
        (State(confidence_limit=math.nan), "threshold"),
        (State(seen=1, recent=(2.0,)), "utilities"),
        (State(seen=1), "window"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_token_that_was_made_up_is_refused_by_its_values(state: State, problem: str) -> None:
    found = refusal(encode(state, SETTINGS))
    assert f"its {problem} cannot come from a stream" in found.message
    assert found.reason == "STATE_IMPOSSIBLE"


def test_a_state_of_another_measure_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="under other settings") as caught:
        stream_token.decode(TOKEN, SETTINGS, scale="entropy None")
    assert caught.value.reason == "STATE_OF_OTHER_SETTINGS"
