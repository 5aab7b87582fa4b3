"""Requests that are read by the forms of others before them: the same as protobuf reads them."""

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import onnx_models
from assayd.arrays import DTYPES, encode
from assayd.requests import OUTPUTS, score_request
from assayd.testing import Server
from assayd.v1 import scoring_pb2
from assayd_server.asks import Ask
from assayd_server.errors import InvalidArgumentError
from assayd_server.rows import Inputs, NamedArray
from assayd_server.rpc import requests
from assayd_server.rpc.direct.request_form import RequestForms
from assayd_server.rpc.direct.score_wire import ScoreReader
from assayd_server.wanted import Wanted

LIMITS = requests.RowLimits(rows_max=100, head_elements_max=100, ids_max=100)
NUMBERS = [dtype for dtype in DTYPES.values() if dtype.kind in "iuf"]
RANDOM = np.random.default_rng(0)
SCORE = "/assayd.v1.ScoringService/Score"
WIDTH = 6
Serve = Callable[..., Server]


def message(*arrays: np.ndarray, name: str = "", **options: Any) -> bytes:
    """A request of inputs."""
    request = score_request(**options)
    for array in arrays:
        request.rows.inputs.tensors.append(encode(array, name))
    return request.SerializeToString()


def rows_of(kind: str) -> bytes:
    """A request of rows that are none for a model."""
    request = scoring_pb2.ScoreRequest()
    getattr(request.rows, kind).CopyFrom(encode(numbers(2, 3)))
    return request.SerializeToString()


def numbers(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Other ones each time, that occur nowhere else in a message."""
    bits = RANDOM.integers(1, 120, (*shape, np.dtype(dtype).itemsize), np.uint8)
    return bits.view(dtype)[..., 0]


def reader() -> ScoreReader:
    return ScoreReader(LIMITS)


def read_by(one: ScoreReader, sent: bytes) -> tuple[Ask, Inputs]:
    read = one.read(sent)
    assert read is not None
    return read.ask, read.rows


def is_by_form(one: ScoreReader, sent: bytes) -> bool:
    """Whether the numbers are used where they lie: parsed, they are copied."""
    return np.shares_memory(read_by(one, sent)[1].tensors[0].values, np.frombuffer(sent, np.uint8))


def outcome(of: ScoreReader, sent: bytes) -> object:
    """All that can be told of what was read, or of why it was not."""
    try:
        read = of.read(sent)
    except InvalidArgumentError as error:
        return error.reason, error.field, str(error)
    if read is None:
        return None
    ask, rows = read.ask, read.rows
    tensors = [(one.name, one.values.dtype, one.values.shape, content_of(one.values)) for one in rows.tensors]
    return ask.wanted, read.lane, rows.count, tensors


def content_of(values: np.ndarray) -> object:
    return values.tolist() if values.dtype.kind == "O" else values.tobytes()


def twice(sent: bytes) -> object:
    """The second outcome, of a reader that has seen no other."""
    one = reader()
    outcome(one, sent)
    return outcome(one, sent)


def assert_never_mistaken(messages: list[bytes]) -> None:
    """One reader for all of them reads each as one that has seen no other, however often it comes.

    Those of the bulk lane are read from the second one of a length on.
    """
    one = reader()
    for sent in messages:
        assert outcome(one, sent) in (outcome(reader(), sent), twice(sent))
    for sent in [*messages, *reversed(messages)]:
        assert outcome(one, sent) == twice(sent)


def field(number: int, content: bytes | int) -> bytes:
    """A field as protobuf writes it: bytes of up to 127, or a number of up to 127."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def request_of(*tensor_fields: bytes) -> bytes:
    """A request with a tensor of these fields, in this order."""
    return field(2, field(1, field(1, b"".join(tensor_fields))))


FLOAT32, THREE_BY_TWO = field(2, 7), field(3, bytes([3, 2]))
"""Fields of a tensor."""


each_options = st.fixed_dictionaries(
    {},
    optional={
        "uncertainties": st.lists(st.sampled_from(["margin", "entropy", "ratio"]), max_size=5),
        "top_k": st.integers(0, 3),
        "outputs": st.none() | st.lists(st.sampled_from(list(OUTPUTS)), max_size=5),
        "temperature": st.none() | st.floats(0.5, 2),
        "model": st.text(max_size=5),
        "record": st.booleans(),
    },
)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.data(), st.sampled_from(NUMBERS), npst.array_shapes(max_dims=4, max_side=4), st.text(max_size=9))
def test_any_request_is_read_by_its_form_as_it_is_parsed(
    data: st.DataObject, dtype: np.dtype[Any], shape: tuple[int, ...], name: str
) -> None:
    options, one, asks = data.draw(each_options), reader(), set[Ask]()
    first, second = (data.draw(npst.arrays(dtype, shape)) for _ in range(2))
    for values in (first, second, first):
        sent = message(values, name=name, **options)
        ask, rows = read_by(one, sent)
        asks.add(ask)
        assert (rows.count, [tensor.name for tensor in rows.tensors]) == (len(values), [name])
        assert (rows.tensors[0].values.dtype, rows.tensors[0].values.shape) == (dtype, shape)
        assert rows.tensors[0].values.tobytes() == values.tobytes()
        assert outcome(one, sent) == outcome(reader(), sent)
    assert len(asks) == 1  # the same object: an ask is equal to itself alone


@pytest.mark.parametrize("dtype", [dtype.name for dtype in NUMBERS])
def test_the_numbers_of_a_request_of_a_known_form_are_used_where_they_lie(dtype: str) -> None:
    one, options = reader(), {"uncertainties": ["margin"], "top_k": 2, "name": "x"}
    sent = [message(numbers(3, 5, dtype=dtype), **options) for _ in range(3)]
    assert [is_by_form(one, each) for each in sent] == [False, True, True]
    assert not read_by(one, sent[0])[1].tensors[0].values.flags.writeable


def test_requests_that_differ_in_more_than_the_numbers_are_never_taken_for_one_another() -> None:
    shapes = [(2, 6), (6, 2), (12,), (4, 3), (3, 4), (1, 12), (3, 2, 2)]
    assert_never_mistaken(
        [
            *(message(numbers(3, 4), uncertainties=[measure]) for measure in ("margin", "entropy", "ratio")),
            *(message(numbers(3, 4), outputs=[output]) for output in ("logits", "embeddings")),
            *(message(numbers(*shape)) for shape in shapes),
            *(message(numbers(3, 4, dtype=dtype)) for dtype in ("float32", "int32")),
            *(message(numbers(3, 4), name=name) for name in ("a", "b", "ab")),
            *(message(numbers(3, 4), top_k=top_k) for top_k in (1, 2)),
            *(message(numbers(3, 4), temperature=temperature) for temperature in (0.5, 2.0)),
            *(message(numbers(3, 4), model="m", version=version) for version in (1, 2)),
            *(message(numbers(3, 4), record=record) for record in (True, False)),
            *(message(numbers(3, 4), lane=lane) for lane in ("online", "bulk")),
        ]
    )


def test_fields_that_nobody_knows_are_no_part_of_the_numbers() -> None:
    known = message(numbers(3, 4))
    unknown = [field(15, content) for content in (1, 2, b"", b"ab", b"cd")]
    assert_never_mistaken([known, *(known + each for each in unknown), *(each + known for each in unknown)])


def test_a_tensor_is_read_whatever_the_order_of_its_fields() -> None:
    def fields() -> list[bytes]:
        return [field(1, b"x"), FLOAT32, THREE_BY_TWO, field(4, numbers(3, 2).tobytes())]

    assert_never_mistaken([request_of(*order) for _ in range(2) for order in permutations(fields())])


def test_of_numbers_that_come_twice_the_last_count() -> None:
    a, b, c = (numbers(3, 2).tobytes() for _ in range(3))
    pairs = [(a, b), (c, b), (a, c), (b, b), (a, a), (a[:4], b), (b, a[:4]), (a + b, b), (b + a, b)]
    orders = [[FLOAT32, field(4, first), THREE_BY_TWO, field(4, last)] for first, last in pairs]
    assert_never_mistaken([request_of(*order) for order in orders])
    one = reader()
    for first, last in [(a, b), (c, b), (a, c)]:
        sent = request_of(FLOAT32, field(4, first), THREE_BY_TWO, field(4, last))
        assert read_by(one, sent)[1].tensors[0].values.tobytes() == last


def test_rows_that_come_twice_are_put_together_as_protobuf_does() -> None:
    one, other, others = message(numbers(2, 3)), message(numbers(2, 3), name="b"), rows_of("logits")
    assert_never_mistaken([one, one + other, other + one, one + one, one + others, others + one, others])


def test_numbers_that_look_like_the_rest_of_the_message_are_numbers() -> None:
    one, values, options = (
        reader(),
        numbers(90, dtype="uint8"),
        {"name": "x", "top_k": 3, "uncertainties": ["margin"]},
    )
    sent = message(values, **options)
    read_by(one, sent)
    for rest in sent.split(values.tobytes()):
        looks = message(np.frombuffer((rest * 90)[:90], np.uint8), **options)
        assert outcome(one, looks) == outcome(reader(), looks)
        assert is_by_form(one, looks)


@pytest.mark.parametrize(
    "sent",
    [
        message(np.frombuffer(b"abc", np.uint8), name="abc"),
        message(np.frombuffer(b"aaa", np.uint8), name="aaaa"),
        message(np.zeros((0, 4), np.float32)),
        message(np.array([[True, False], [False, False]])),
        message(numbers(2, 3), numbers(2, 3)),
        message(numbers(2, 3), name="x" * 5000),
    ],
    ids=["numbers twice", "overlapping", "empty", "bools", "several tensors", "much besides"],
)
def test_what_has_no_form_is_read_anew_each_time(sent: bytes) -> None:
    one = reader()
    for _ in range(3):
        assert not is_by_form(one, sent)
        assert outcome(one, sent) == outcome(reader(), sent)


def test_numbers_that_occurred_twice_leave_nothing_behind() -> None:
    arrays = [np.frombuffer(three, np.uint8) for three in (b"abc", b"xyz", b"abc", b"bca")]
    assert_never_mistaken([message(array, name=name) for array in arrays for name in ("abc", "xyz")])


@pytest.mark.parametrize(
    "sent",
    [
        rows_of("logits"),
        rows_of("pool_ids"),
        scoring_pb2.ScoreRequest().SerializeToString(),
        message(numbers(2, 3), numbers(2, 3), lane="bulk"),
        message(numbers(2, 3)) + field(13, 77),
        message(numbers(2, 3), head=([[1.0, 2.0], [3.0, 4.0]], None)),
        message(numbers(2, 3), neighbors=1),
        message(np.array([["gold"], ["ore"]])),
    ],
    ids=["logits", "ids", "no rows", "two inputs in bulk", "an unknown lane", "a head", "neighbors", "texts"],
)
def test_requests_that_take_long_or_may_be_wrong_are_left_to_others_each_time(sent: bytes) -> None:
    one = reader()
    one.read(message(numbers(2, 3)))
    assert [one.read(sent) for _ in range(3)] == [None] * 3


def test_the_lane_is_part_of_the_form_and_says_whether_rows_count_as_production_traffic() -> None:
    one = reader()
    one.read(message(numbers(2, 3), lane="bulk"))
    for lane in ("bulk", "online", "bulk", "online"):
        read = one.read(message(numbers(2, 3), lane=lane))
        assert read is not None
        assert read.lane == lane
        assert read.ask.wanted.record is (lane == "online")
    assert is_by_form(one, message(numbers(2, 3), lane="bulk"))


def test_bulk_requests_of_ever_other_lengths_leave_nothing_behind() -> None:
    one = reader()
    sent = [message(numbers(rows, columns), lane="bulk") for rows in range(1, 90) for columns in (1, 97)]
    assert len({len(each) for each in sent}) > 150
    assert [one.read(each) for each in sent] == [None] * len(sent)
    assert one._forms._forms == {}
    assert len(one._lengths) == 128
    assert one.read(sent[-1]) is not None


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (message(numbers(101, 1)), "TOO_MANY_ROWS"),
        (message(numbers(3, 4), temperature=1e9), "TEMPERATURE_OUT_OF_RANGE"),
        (b"\xff" * 40, "BAD_MESSAGE"),
    ],
)
def test_what_is_wrong_is_wrong_each_time(bad: bytes, reason: str) -> None:
    one = reader()
    for _ in range(3):
        with pytest.raises(InvalidArgumentError) as caught:
            one.read(bad)
        assert caught.value.reason == reason


@pytest.mark.parametrize("seed", range(4))
def test_a_message_that_is_changed_anywhere_is_read_as_by_a_reader_that_knows_no_form(seed: int) -> None:
    rng, one = np.random.default_rng(seed), reader()
    sent = message(numbers(3, 4), name="x", uncertainties=["margin"], top_k=2, temperature=1.5)
    for _ in range(300):
        changed = bytearray(sent)
        for place in rng.integers(0, len(sent), rng.integers(1, 3)):
            changed[place] = rng.choice([rng.integers(256), changed[place] ^ 1 << rng.integers(8)])
        assert outcome(one, sent) == outcome(reader(), sent)
        assert outcome(one, bytes(changed)) in (outcome(reader(), bytes(changed)), twice(bytes(changed)))


@pytest.mark.parametrize(
    ("tensors", "most"),
    [([(f"{number:03}", (2, 3)) for number in range(100)], 8), ([("x", (1, n)) for n in range(1, 400)], 128)],
    ids=["of one length", "of many lengths"],
)
def test_forms_are_bounded_in_number(tensors: Sequence[tuple[str, tuple[int, ...]]], most: int) -> None:
    forms, ask, sent = RequestForms(), Ask(Wanted()), list[bytes]()
    for name, shape in tensors:
        values = numbers(*shape)
        sent.append(message(values, name=name))
        forms.learn(sent[-1], ask, Inputs((NamedArray(name, values),), len(values)), values.tobytes())
    known = [forms.find(each) is not None for each in sent]
    assert sum(known) == most
    assert all(known[-most:])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8"])
def test_rows_are_scored_alike_wherever_they_lie_in_a_message(serve: Serve, dtype: str) -> None:
    app = serve(onnx_models.network(width=WIDTH))
    rows = message(RANDOM.integers(0, 9, (7, WIDTH)).astype(dtype), uncertainties=["entropy"], top_k=2)
    shifted = [field(15, b"z" * shift) + rows for shift in range(1, 9)]
    with grpc.insecure_channel(app.address) as channel:
        score = channel.unary_unary(SCORE)
        answers = {score(sent) for sent in [rows, *shifted, *shifted]}  # read twice: by parsing and by form
    assert len(answers) == 1
