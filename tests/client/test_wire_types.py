"""wire_type: in which type numbers are sent, what does not fit it, and types that the wire lacks."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import onnx_models
from assayd import Client, InvalidArgumentError
from assayd.arrays import decode, encode
from assayd.channel import ChannelSettings
from assayd.requests import score_request
from assayd.rows import Rows, collect, rows_fitting
from assayd.scoring import ScoreJob
from assayd.wire import WIRE_TYPES, check_fits, wire_dtype
from assayd_server.app import App
from client.scripted import Scorer, ScriptedServer, rows_of

each_wire_type = pytest.mark.parametrize("name", WIRE_TYPES)


def sent(rows: Rows) -> list[np.ndarray]:
    """What is in the message of rows."""
    return [decode(tensor) for tensor in rows.message().inputs.tensors]


def refusal(array: np.ndarray, name: str) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        check_fits(array, WIRE_TYPES[name], "inputs")
    assert caught.value.field == "inputs"
    return caught.value.message


def test_the_types_are_those_of_numbers_on_the_wire() -> None:
    assert list(WIRE_TYPES) == ["uint8", "int8", "int32", "int64", "float16", "float32", "float64"]


def test_no_name_is_no_type() -> None:
    assert wire_dtype(None) is None


@pytest.mark.parametrize("name", ["bool", "string", "int16", "", "UINT8", np.uint8])
def test_other_names_are_refused_with_those_allowed(name: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        wire_dtype(name)
    allowed = "uint8, int8, int32, int64, float16, float32, float64"
    assert caught.value.message == f"wire_type: {name!r} is unknown, allowed are {allowed}"
    assert caught.value.field == "wire_type"


@each_wire_type
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint64", "float16", "float32", "float64", ">f4"])
def test_numbers_are_sent_as_that_type(name: str, dtype: str) -> None:
    array = np.array([[0, 1], [1, 0]], dtype)
    (found,) = sent(collect(array).sent_as(WIRE_TYPES[name]))
    assert found.dtype == WIRE_TYPES[name]
    assert found.tolist() == [[0, 1], [1, 0]]


def test_text_is_sent_as_text() -> None:
    rows = collect({"a": np.array(["p", "q"]), "b": np.array([1.0, 2.0])}).sent_as(np.dtype(np.int8))
    assert [array.tolist() for array in sent(rows)] == [["p", "q"], [1, 2]]


@pytest.mark.parametrize(
    ("dtype", "wider"), [("int16", "int32"), ("uint16", "int32"), ("uint32", "int64"), (">i2", "int32")]
)
def test_types_that_the_wire_lacks_are_widened(dtype: str, wider: str) -> None:
    limits = np.iinfo(dtype)
    (found,) = sent(collect(np.array([limits.min, limits.max], dtype)))
    assert found.dtype == wider
    assert found.tolist() == [limits.min, limits.max]


@pytest.mark.parametrize("dtype", ["uint64", "complex64", "M8[s]"])
def test_types_that_none_is_wide_enough_for_are_refused(dtype: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not one of bool, uint8, "):
        collect(np.zeros(2, dtype)).message()


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        (np.array([1, 256, 300]), "uint8", "whole numbers from 0 to 255, got 256 in row 1"),
        (np.array([1, -1]), "uint8", "whole numbers from 0 to 255, got -1 in row 1"),
        (np.array([1.0, 0.5]), "uint8", "whole numbers from 0 to 255, got 0.5 in row 1"),
        (np.array([np.nan]), "int8", "whole numbers from -128 to 127, got nan in row 0"),
        (np.array([np.inf]), "int64", f"whole numbers from {-(2**63)} to {2**63 - 1}, got inf in row 0"),
        (np.array([2.0**63]), "int64", f"whole numbers from {-(2**63)} to {2**63 - 1}, got 9.2"),
        (np.array([2**63], np.uint64), "int64", f"to {2**63 - 1}, got {2**63} in row 0"),
        (np.float32([2**31]), "int32", f"to {2**31 - 1}, got 2147483648.0 in row 0"),
        (np.float16([1, 65504]), "int8", "got 65504.0 in row 1"),
        (np.array([1, 65520.0]), "float16", "-65504.0 to 65504.0, got 65520.0 in row 1"),
        (np.array([1, -70000]), "float16", "-65504.0 to 65504.0, got -70000 in row 1"),
        (np.array([1e39]), "float32", "-3.4028234663852886e+38 to 3.4028234663852886e+38, got 1e+39 in row 0"),
        (np.array([[[1, 2], [3, 4]], [[5, 600], [7, 800]]]), "uint8", "got 600 in row 1"),
    ],
    ids=str,
)
def test_the_first_number_that_does_not_fit_is_named_with_what_is_allowed(
    values: np.ndarray, name: str, words: str
) -> None:
    message = refusal(values, name)
    assert message.startswith(f"inputs: wire_type {name} holds ")
    assert words in message


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (np.array([0, 255]), "uint8"),
        (np.array([0.0, -0.0, 255.0]), "uint8"),
        (np.array([-(2.0**63)]), "int64"),
        (np.array([np.nan, np.inf, -np.inf, 65519, 1e-9]), "float16"),
        (np.array([2**53 + 1]), "float32"),
        (np.zeros((0, 3)), "uint8"),
        (np.zeros((3, 0)), "uint8"),
        (np.array(["text"]), "uint8"),
    ],
    ids=str,
)
def test_what_fits_passes(values: np.ndarray, name: str) -> None:
    check_fits(values, WIRE_TYPES[name], "inputs")


def test_the_row_is_that_of_the_whole_batch_however_far_it_is() -> None:
    array = np.zeros((600_000, 2))
    array[543_210, 1] = 0.25
    assert refusal(array, "uint8").endswith("got 0.25 in row 543210")


numbers = npst.arrays(
    st.sampled_from([np.int16, np.int64, np.uint64, np.float16, np.float32, np.float64]),
    npst.array_shapes(max_dims=3, min_side=0),
)


INFINITE_FROM = {"float16": 2**16 - 2**4, "float32": 2**128 - 2**103, "float64": math.inf}
"""Half a step above the largest number; what is rounded to an infinity."""


def fits(value: float, name: str) -> bool:
    """Whether a type can hold a number, by Python's own comparisons, which are exact."""
    if name in INFINITE_FROM:
        return not math.isfinite(value) or abs(value) < INFINITE_FROM[name]
    bits, low = int(name[-2:].strip("t")), 0 if name[0] == "u" else 1
    return math.isfinite(value) and value == int(value) and -low * 2 ** (bits - 1) <= value < 2 ** (bits - low)


@each_wire_type
@given(array=numbers)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_numbers_arrive_as_they_were_or_are_refused(name: str, array: np.ndarray) -> None:
    wanted = WIRE_TYPES[name]
    if not all(fits(value, name) for value in array.ravel().tolist()):
        refusal(array, name)
        return
    (found,) = sent(collect(array).sent_as(wanted))
    assert found.dtype == wanted
    if wanted.kind in "iu":
        assert found.tolist() == array.tolist()
    else:
        np.testing.assert_array_equal(found, array.astype(wanted))


def test_a_message_holds_as_many_rows_as_the_type_that_is_sent_lets_it() -> None:
    rows = collect(np.zeros((10, 8)))
    assert rows_fitting(rows, 64 + 64 * 3) == 3
    assert rows_fitting(rows.sent_as(np.dtype(np.uint8)), 64 + 64 * 3) == 24
    assert rows_fitting(collect(np.zeros((10, 8), np.int16)), 64 + 64 * 3) == 6


def test_every_piece_of_a_batch_is_sent_as_that_type() -> None:
    server = ScriptedServer(rows_max=3)
    request, limits = score_request(outputs=()), ChannelSettings(rows_max=7)
    work = ScoreJob(request, deadline_seconds=10, settings=limits, wire_dtype=np.dtype(np.uint8))
    scores = Scorer(work, server).score(collect(np.arange(20.0)[:, None]))
    assert scores.predictions.tolist() == list(range(20))
    assert {rows_of(request).dtype.name for request in server.requests} == {"uint8"}


def test_nothing_is_sent_of_a_batch_with_a_number_that_does_not_fit() -> None:
    server = ScriptedServer()
    request, limits = score_request(outputs=()), ChannelSettings(rows_max=7)
    work = ScoreJob(request, deadline_seconds=10, settings=limits, wire_dtype=np.dtype(np.uint8))
    with pytest.raises(InvalidArgumentError, match=r"^INVALID_ARGUMENT: inputs\['b'\]: .* got 299.0 in row 299$"):
        Scorer(work, server).score(collect({"a": np.zeros(300), "b": np.where(np.arange(300) == 299, 299.0, 0)}))
    assert server.requests == []


@pytest.mark.parametrize("name", ["uint8", "float16", None])
def test_the_server_takes_what_is_sent(
    serve: Callable[..., App], connect: Callable[..., Client], name: str | None
) -> None:
    client = connect(serve(onnx_models.identity()))
    x = np.eye(4) * 3
    np.testing.assert_array_equal(client.score(x, outputs=["logits"], wire_type=name).logits, x)
    (scores,) = client.score_stream([x], outputs=["logits"], wire_type=name)
    np.testing.assert_array_equal(scores.logits, x)


def test_logits_may_be_narrower_too(serve: Callable[..., App], connect: Callable[..., Client]) -> None:
    client = connect(serve(onnx_models.identity()))
    assert client.score(logits=np.eye(4), wire_type="float16").predictions.tolist() == [0, 1, 2, 3]


def test_an_encoded_array_is_never_widened_by_itself() -> None:
    with pytest.raises(ValueError, match="int16 is not one of"):
        encode(np.zeros(1, np.int16))
