"""From the tensors of a request to the arrays of a model: which fit, which are cast, which are refused where."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assayd_server.contract import TensorSpec
from assayd_server.errors import InvalidArgumentError
from assayd_server.feeds import cast, matched
from assayd_server.rows import NamedArray

FLOATS = ["float16", "float32", "float64"]
TYPES = ["bool", "uint8", "int8", "int32", "int64", *FLOATS, "string"]
# What may be sent for each type that a model takes: no fraction is dropped, no text is parsed.
MAY_BE_SENT = {
    "bool": ["bool"],
    "uint8": ["bool", "uint8", "int8", "int32", "int64"],
    "int8": ["bool", "uint8", "int8", "int32", "int64"],
    "int32": ["bool", "uint8", "int8", "int32", "int64"],
    "int64": ["bool", "uint8", "int8", "int32", "int64"],
    "float16": [name for name in TYPES if name != "string"],
    "float32": [name for name in TYPES if name != "string"],
    "float64": [name for name in TYPES if name != "string"],
    "string": ["string"],
}
PAIRS = list(product(TYPES, TYPES))
ALLOWED = [(sent, taken) for sent, taken in PAIRS if sent in MAY_BE_SENT[taken]]
REFUSED = [pair for pair in PAIRS if pair not in ALLOWED]


def spec(data_type: str = "float32", *shape: int | None, name: str = "x") -> TensorSpec:
    return TensorSpec(name, data_type, (None, *shape))


def ones(data_type: str) -> NDArray[Any]:
    return np.array(["1", "1"], object) if data_type == "string" else np.ones(2, data_type)


def fed(values: NDArray[Any], wanted: TensorSpec) -> NDArray[Any]:
    """What the model gets for one array."""
    return cast([wanted], matched([wanted], [NamedArray("", values)]))[wanted.name]


def refusal(specs: list[TensorSpec], *tensors: tuple[str, NDArray[Any]]) -> InvalidArgumentError:
    with pytest.raises(InvalidArgumentError) as caught:
        matched(specs, [NamedArray(name, values) for name, values in tensors])
    assert caught.value.reason == "INPUT_DOES_NOT_FIT"
    return caught.value


@pytest.mark.parametrize(("sent", "taken"), ALLOWED)
def test_a_type_that_keeps_the_meaning_is_cast(sent: str, taken: str) -> None:
    values = fed(ones(sent), spec(taken))
    assert values.dtype == (object if taken == "string" else np.dtype(taken))
    assert values.tolist() == ones(taken).tolist()


@pytest.mark.parametrize(("sent", "taken"), REFUSED)
def test_a_type_that_loses_the_meaning_is_refused(sent: str, taken: str) -> None:
    error = refusal([spec(taken)], ("", ones(sent)))
    assert error.field == "rows.inputs.tensors[0].data_type"
    assert str(error) == f"{error.field}: {sent} cannot be cast to what the model takes, x: {taken} (any)"


@pytest.mark.parametrize("data_type", TYPES)
def test_an_array_of_the_models_own_type_is_not_copied(data_type: str) -> None:
    values = ones(data_type)
    assert fed(values, spec(data_type)) is values


@pytest.mark.parametrize("value", [-128, 127])
def test_a_whole_number_at_the_edge_of_the_range_is_cast(value: int) -> None:
    assert fed(np.array([value], np.int64), spec("int8")).tolist() == [value]


@pytest.mark.parametrize(
    ("sent", "taken", "value"),
    [
        ("int64", "int8", 128),
        ("int64", "int8", -129),
        ("uint8", "int8", 200),
        ("int64", "uint8", 256),
        ("int8", "uint8", -1),
        ("int64", "int32", 2**31),
        ("int64", "int32", -(2**63)),
    ],
)
def test_a_whole_number_outside_of_the_range_is_refused(sent: str, taken: str, value: int) -> None:
    error = refusal([spec(taken)], ("", np.array([0, value], sent)))
    assert error.field == "rows.inputs.tensors[0].data"
    low, high = np.iinfo(taken).min, np.iinfo(taken).max
    assert str(error) == f"{error.field}: a value is outside of {taken}, [{low}, {high}]"


def test_no_rows_have_no_value_outside_of_the_range() -> None:
    assert fed(np.zeros(0, np.int64), spec("int8")).shape == (0,)


def test_nan_and_infinities_keep_their_meaning() -> None:
    values = fed(np.array([np.nan, np.inf, -np.inf]), spec("float32"))
    np.testing.assert_array_equal(values, np.array([np.nan, np.inf, -np.inf], np.float32))


@pytest.mark.parametrize(
    ("sent", "taken", "value"), [("float64", "float32", 1e300), ("float32", "float16", -1e30)]
)
def test_a_number_beyond_the_models_type_becomes_an_infinity_in_silence(
    sent: str, taken: str, value: float
) -> None:
    assert fed(np.array([value], sent), spec(taken)).tolist() == [np.sign(value) * np.inf]


def test_rounding_to_a_narrower_float_is_to_the_nearest() -> None:
    values = np.random.default_rng(0).normal(0, 1, 100)
    np.testing.assert_array_equal(fed(values, spec("float32")), values.astype(np.float32))


def test_big_endian_numbers_are_read_rightly() -> None:
    assert fed(np.array([1.5, 2.5], ">f4"), spec("float32")).tolist() == [1.5, 2.5]


def test_any_number_of_rows_fits() -> None:
    assert [fed(np.zeros((rows, 4), np.float32), spec("float32", 4)).shape[0] for rows in (0, 1, 7)] == [0, 1, 7]


def test_axes_of_any_length_fit_any_length() -> None:
    assert fed(np.zeros((2, 9, 3), np.float32), spec("float32", None, 3)).shape == (2, 9, 3)


@pytest.mark.parametrize("shape", [(2, 5), (2, 0), (2,), (2, 4, 1), ()], ids=str)
def test_a_shape_that_does_not_fit_is_refused_with_the_one_that_would(shape: tuple[int, ...]) -> None:
    error = refusal([spec("float32", 4)], ("", np.zeros(shape, np.float32)))
    assert error.field == "rows.inputs.tensors[0].shape"
    assert str(error) == f"{error.field}: is {list(shape)}, the model takes x: float32 (any, 4)"


def test_the_shape_is_looked_at_before_the_type() -> None:
    assert refusal([spec("int8", 4)], ("", np.zeros((2, 5)))).field.endswith(".shape")


def test_a_tensor_without_a_name_feeds_the_only_input() -> None:
    assert list(matched([spec(name="image")], [NamedArray("", ones("float32"))])) == ["image"]


def test_tensors_feed_the_inputs_of_their_names_in_any_order() -> None:
    specs = [spec("float32", name="a"), spec("int64", name="b")]
    a, b = ones("float32"), ones("int64")
    arrays = matched(specs, [NamedArray("b", b), NamedArray("a", a)])
    assert arrays["a"] is a
    assert arrays["b"] is b


@pytest.mark.parametrize(("sent", "taken"), ALLOWED)
def test_an_array_that_was_matched_is_the_callers_own_still(sent: str, taken: str) -> None:
    values = ones(sent)
    assert matched([spec(taken)], [NamedArray("", values)])["x"] is values


def test_arrays_are_cast_in_the_order_of_the_models_inputs() -> None:
    specs = [spec("float32", name="a"), spec("int64", name="b")]
    arrays = cast(specs, {"b": ones("int8"), "a": ones("float64")})
    assert [(name, values.dtype.name) for name, values in arrays.items()] == [("a", "float32"), ("b", "int64")]


def test_what_is_cast_leaves_the_callers_array_as_it_was() -> None:
    values = np.array([1.5, 2.5])
    cast([spec("float32")], {"x": values})
    assert (values.dtype.name, values.tolist()) == ("float64", [1.5, 2.5])


def test_the_tensor_that_is_wrong_is_the_one_that_is_named() -> None:
    specs = [spec("float32", name="a"), spec("int64", name="b")]
    error = refusal(specs, ("a", ones("float32")), ("b", ones("float64")))
    assert error.field == "rows.inputs.tensors[1].data_type"


def test_an_unknown_input_is_refused_with_those_that_there_are() -> None:
    error = refusal([spec("float32", 4, name="a"), spec("int64", name="b")], ("c", ones("float32")))
    assert error.field == "rows.inputs.tensors[0].name"
    assert str(error) == (
        f"{error.field}: 'c' is not an input of the model, it takes a: float32 (any, 4); b: int64 (any)"
    )


def test_of_several_inputs_a_tensor_must_say_which_it_feeds() -> None:
    error = refusal([spec(name="a"), spec(name="b")], ("a", ones("float32")), ("", ones("float32")))
    assert error.field == "rows.inputs.tensors[1].name"


@pytest.mark.parametrize("names", [("x", "x"), ("x", ""), ("", "x"), ("", "")])
def test_an_input_that_is_given_twice_is_refused(names: tuple[str, str]) -> None:
    error = refusal([spec()], *((name, ones("float32")) for name in names))
    assert str(error) == "rows.inputs.tensors[1].name: input 'x' was given twice"


def test_inputs_that_were_not_given_are_listed() -> None:
    specs = [spec(name="a"), spec(name="b"), spec(name="c")]
    error = refusal(specs, ("b", ones("float32")))
    assert error.field == "rows.inputs.tensors"
    assert str(error).startswith("rows.inputs.tensors: the model's inputs ['a', 'c'] were not given, it takes a: ")


def test_a_request_without_tensors_is_refused() -> None:
    assert refusal([spec()]).field == "rows.inputs.tensors"
