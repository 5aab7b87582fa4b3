"""Ids of rows of a pool: what is taken for them, and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assayd import InvalidArgumentError
from assayd.arrays import encode
from assayd.ids import check_alike, id_array, id_tensor, joined_ids


def refusal(value: Any) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        id_array(value, "ids")
    assert caught.value.field == "ids"
    return caught.value.message


@pytest.mark.parametrize(
    "value",
    [
        [3, 1, 3],
        (3, 1, 3),
        iter([3, 1, 3]),
        [np.int64(3), 1, np.uint8(3)],
        np.array([3, 1, 3], np.int16),
        np.array([3, 1, 3], np.uint64),
        np.array([3, 1, 3], object),
        pd.Series([3, 1, 3]),
        pa.array([3, 1, 3]),
    ],
)
def test_whole_numbers_become_int64(value: Any) -> None:
    ids = id_array(value, "ids")
    assert (ids.dtype, ids.tolist()) == (np.int64, [3, 1, 3])


@pytest.mark.parametrize(
    "value",
    [
        ["b", "ä"],
        [np.str_("b"), "ä"],
        [b"b", "ä".encode()],
        np.array(["b", "ä"]),
        np.array([b"b", "ä".encode()]),
        np.array(["b", "ä"], object),
        pd.Series(["b", "ä"], dtype="string"),
        pa.array(["b", "ä"]),
    ],
)
def test_texts_become_objects(value: Any) -> None:
    ids = id_array(value, "ids")
    assert (ids.dtype, ids.tolist()) == (object, ["b", "ä"])


def test_sets_and_the_keys_of_a_dict_are_ids() -> None:
    assert sorted(id_array({3, 1}, "ids")) == [1, 3]
    assert id_array({3: "x", 1: "y"}, "ids").tolist() == [3, 1]
    assert id_array({3: "x", 1: "y"}.keys(), "ids").tolist() == [3, 1]


@pytest.mark.parametrize("value", [[], (), set(), np.empty(0, np.int32), np.empty(0, object)])
def test_none_at_all_are_no_error(value: Any) -> None:
    assert len(id_array(value, "ids")) == 0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("abc", "ids: is 'abc', allowed are lists and arrays of ids"),
        (b"abc", "ids: is b'abc', allowed are lists and arrays of ids"),
        (5, "ids: is 5, allowed are lists and arrays of ids"),
        (None, "ids: is None, allowed are lists and arrays of ids"),
        (np.array(5), "ids: is of shape [], allowed is (n,)"),
        (np.zeros((2, 1), int), "ids: is of shape [2, 1], allowed is (n,)"),
        (
            [[1], [2]],
            "ids: has an element of type list, allowed are text and whole numbers of 64 bits with a sign",
        ),
        ([1, "a"], "ids: has an element of type str beside others, allowed are text and whole numbers of 64 bits"),
        ([1, None], "ids: has an element of type NoneType beside others, allowed are"),
        ([True], "ids: has an element of type bool, allowed are"),
        ([1.0], "ids: has an element of type float, allowed are"),
        (np.array([1.0]), "ids: is of type float64, allowed are text and whole numbers of 64 bits with a sign"),
        (np.array([True]), "ids: is of type bool, allowed are"),
        (np.array([2**63], np.uint64), "ids: is of type uint64, allowed are"),
        ([2**63], "ids: has a number that is too large, allowed are"),
        ([b"\xff"], "ids: has a text that is not UTF-8: invalid start byte"),
    ],
)
def test_what_is_no_list_of_ids_is_refused(value: Any, message: str) -> None:
    assert refusal(value).startswith(message)


def test_ids_are_sent_as_they_are_and_none_are_not_sent() -> None:
    assert id_tensor(np.array([5]), "ids") == encode(np.array([5]))
    assert id_tensor(np.empty(0, np.int64), "ids") is None


def test_a_text_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="ids: data: has a text that UTF-8 cannot hold"):
        id_tensor(np.array(["\ud800"], object), "ids")


def test_ids_are_joined_each_once_whichever_are_empty() -> None:
    numbers, nothing = np.array([3, 1, 3]), np.empty(0, object)
    assert joined_ids(numbers, np.array([2, 1])).tolist() == [1, 2, 3]
    assert joined_ids(numbers, nothing).tolist() == joined_ids(nothing, numbers).tolist() == [1, 3]


def test_ids_of_two_kinds_do_not_go_together() -> None:
    texts, numbers, nothing = np.array(["a"], object), np.array([1]), np.empty(0, object)
    check_alike("these", texts, "those", texts)
    check_alike("these", nothing, "those", numbers)
    check_alike("these", numbers, "those", nothing)
    with pytest.raises(InvalidArgumentError) as caught:
        check_alike("these", texts, "those", numbers)
    assert caught.value.message == "these: are text and those numbers, a pool has ids of one kind"
    assert caught.value.field == "these"
