"""Requests that are read, and responses that are written, by the forms of others: the same as protobuf has them."""

from collections.abc import Callable, Iterator
from itertools import chain, combinations, permutations
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from prometheus_client import CollectorRegistry

import onnx_models
from assayd.arrays import DTYPES, encode
from assayd.requests import score_request
from assayd.testing import Server
from assayd.v1 import scoring_pb2
from assayd_server import servable
from assayd_server.asks import Ask, Known
from assayd_server.bundle import read_folder
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import FORMULAS, Measure
from assayd_server.errors import InvalidArgumentError
from assayd_server.metrics import Metrics
from assayd_server.pace import Pace
from assayd_server.plan import Plan
from assayd_server.rows import Inputs, NamedArray
from assayd_server.rpc import requests, responses
from assayd_server.rpc.direct.request_form import RequestForms
from assayd_server.rpc.direct.score_wire import ScoreReader, response
from assayd_server.score_job import Part
from assayd_server.scoring import Scores, part_of, scored
from assayd_server.servable import Servable
from assayd_server.wanted import Output, Wanted

LIMITS = requests.RowLimits(rows_max=100, head_elements_max=100, ids_max=100)
NUMBERS = [dtype for dtype in DTYPES.values() if dtype.kind in "iuf"]
RANDOM = np.random.default_rng(0)
SCORE = "/assayd.v1.ScoringService/Score"


def message(*arrays: np.ndarray, name: str = "", **options: Any) -> bytes:
    """A request of inputs."""
    request = score_request(**options)
    for array in arrays:
        request.rows.inputs.tensors.append(encode(array, name))
    return request.SerializeToString()


def numbers(*shape: int, dtype: str = "float32") -> np.ndarray:
    """Other ones each time, that occur nowhere else in a message."""
    bits = RANDOM.integers(1, 120, (*shape, np.dtype(dtype).itemsize), np.uint8)
    return bits.view(dtype)[..., 0]


def reader() -> ScoreReader:
    return ScoreReader(LIMITS)


def is_by_form(read: tuple[Ask, Inputs] | None, sent: bytes) -> bool:
    """Whether the numbers are used where they lie: parsed, they are copied."""
    assert read is not None
    return np.shares_memory(read[1].tensors[0].values, np.frombuffer(sent, np.uint8))


def outcome(of: ScoreReader, sent: bytes) -> object:
    """All that can be told of what was read, or of why it was not."""
    try:
        read = of.read(sent)
    except InvalidArgumentError as error:
        return error.reason, error.field, str(error)
    if read is None:
        return None
    ask, rows = read
    tensors = [(one.name, one.values.dtype, one.values.shape, content_of(one.values)) for one in rows.tensors]
    return ask.wanted, rows.count, tensors


def content_of(values: np.ndarray) -> object:
    return values.tolist() if values.dtype.kind == "O" else values.tobytes()


def assert_never_mistaken(messages: list[bytes]) -> None:
    """One reader for all of them reads each as one that has seen no other, however often it comes."""
    one = reader()
    for sent in [*messages, *messages, *reversed(messages)]:
        assert outcome(one, sent) == outcome(reader(), sent)


def field(number: int, content: bytes | int) -> bytes:
    """A field as protobuf writes it: bytes of up to 127, or a number of up to 127."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def request_of(*tensor_fields: bytes) -> bytes:
    """A request with a tensor of these fields, in this order."""
    return field(2, field(1, field(1, b"".join(tensor_fields))))


each_options = st.fixed_dictionaries(
    {},
    optional={
        "uncertainties": st.lists(st.sampled_from(["margin", "entropy", "ratio"])),
        "top_k": st.integers(0, 3),
        "outputs": st.none() | st.lists(st.sampled_from(["probabilities", "logits", "embeddings"])),
        "temperature": st.none() | st.floats(0.5, 2),
        "model": st.text(max_size=5),
        "record": st.booleans(),
    },
)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(NUMBERS), npst.array_shapes(max_dims=4, max_side=4), st.text(max_size=9))
def test_any_request_is_read_by_its_form_as_it_is_parsed(
    data: st.DataObject, dtype: np.dtype[Any], shape: tuple[int, ...], name: str
) -> None:
    options = data.draw(each_options)
    first, second = (data.draw(npst.arrays(dtype, shape)) for _ in range(2))
    one = reader()
    for values in (first, second, first):
        sent = message(values, name=name, **options)
        ask, rows = one.read(sent) or pytest.fail("it is of inputs")
        assert ask is (one.read(message(first, name=name, **options)) or (None,))[0]
        assert (rows.count, [tensor.name for tensor in rows.tensors]) == (len(values), [name])
        assert (rows.tensors[0].values.dtype, rows.tensors[0].values.shape) == (dtype, shape)
        assert rows.tensors[0].values.tobytes() == values.tobytes()
        assert outcome(one, sent) == outcome(reader(), sent)


@pytest.mark.parametrize("dtype", [dtype.name for dtype in NUMBERS])
def test_the_numbers_of_a_request_of_a_known_form_are_used_where_they_lie(dtype: str) -> None:
    one, options = reader(), {"uncertainties": ["margin"], "top_k": 2, "name": "x"}
    sent = [message(numbers(3, 5, dtype=dtype), **options) for _ in range(3)]
    read = [one.read(each) for each in sent]
    assert [is_by_form(*pair) for pair in zip(read, sent, strict=True)] == [False, True, True]
    assert len({id(found[0]) for found in read if found is not None}) == 1
    assert read[2] is not None
    assert not read[2][1].tensors[0].values.flags.writeable


def test_requests_that_differ_in_more_than_the_numbers_are_never_taken_for_one_another() -> None:
    shapes, dtypes = [(2, 6), (6, 2), (12,), (4, 3), (3, 4), (1, 12), (3, 2, 2)], ["float32", "int32"]
    assert_never_mistaken(
        [
            *(message(numbers(3, 4), uncertainties=[measure]) for measure in ("margin", "entropy", "ratio")),
            *(message(numbers(*shape)) for shape in shapes),
            *(message(numbers(3, 4, dtype=dtype)) for dtype in dtypes),
            *(message(numbers(3, 4), name=name) for name in ("a", "b", "ab")),
            *(message(numbers(3, 4), top_k=top_k) for top_k in (1, 2)),
            *(message(numbers(3, 4), temperature=temperature) for temperature in (0.5, 2.0)),
            *(message(numbers(3, 4), model="m", version=version) for version in (1, 2)),
            message(numbers(3, 4), record=False),
            message(numbers(3, 4), lane="bulk"),
            message(numbers(3, 4), top_k=0, uncertainties=["margin", "ratio"]),
        ]
    )


def test_fields_that_nobody_knows_are_no_part_of_the_numbers() -> None:
    known = message(numbers(3, 4))
    unknown = [field(15, content) for content in (1, 2, b"", b"ab", b"cd")]
    assert_never_mistaken([known, *(known + each for each in unknown), *(each + known for each in unknown)])


def test_a_tensor_is_read_whatever_the_order_of_its_fields() -> None:
    def fields() -> list[bytes]:
        shape = field(3, bytes([3, 2]))
        return [field(1, b"x"), field(2, 7), shape, field(4, numbers(3, 2).tobytes())]

    assert_never_mistaken([request_of(*order) for _ in range(2) for order in permutations(fields())])


def test_of_numbers_that_come_twice_the_last_count() -> None:
    def twice(first: bytes, last: bytes) -> bytes:
        return request_of(field(2, 7), field(4, first), field(3, bytes([3, 2])), field(4, last))

    a, b, c = (numbers(3, 2).tobytes() for _ in range(3))
    pairs = [(a, b), (c, b), (a, c), (b, b), (a, a), (a[:4], b), (b, a[:4]), (a + b, b), (b + a, b)]
    assert_never_mistaken([twice(*pair) for pair in pairs])


def test_rows_that_come_twice_are_put_together_as_protobuf_does() -> None:
    one, other = message(numbers(2, 3)), message(numbers(2, 3), name="b")
    logits = scoring_pb2.ScoreRequest()
    logits.rows.logits.CopyFrom(encode(numbers(2, 3)))
    others = logits.SerializeToString()
    assert_never_mistaken([one + other, other + one, one + one, one + others, others + one, others, one])


@pytest.mark.parametrize("part", ["before", "after"])
def test_numbers_that_look_like_the_rest_of_the_message_are_numbers(part: str) -> None:
    one, values, options = reader(), numbers(300, dtype="uint8")[:, None][:90], {"name": "x", "top_k": 3}
    sent = message(values, **options)
    before, after = sent.split(values.tobytes())
    one.read(sent)
    rest = (before if part == "before" else after)[:90]
    looks = np.frombuffer((rest * 90)[:90], np.uint8)[:, None]
    assert is_by_form(one.read(message(looks, **options)), message(looks, **options)) is False or True
    assert outcome(one, message(looks, **options)) == outcome(reader(), message(looks, **options))


@pytest.mark.parametrize(
    "sent",
    [
        message(np.frombuffer(b"abc", np.uint8), name="abc"),
        message(np.frombuffer(b"aaa", np.uint8), name="aaaa"),
        message(np.zeros((0, 4), np.float32)),
        message(np.array([[True, False], [False, False]])),
        message(np.array([["gold"], ["ore"]])),
        message(numbers(2, 3), numbers(2, 3)),
        message(numbers(2, 3), name="x" * 5000),
    ],
    ids=["twice", "overlapping", "empty", "bools", "texts", "several", "a long rest"],
)
def test_what_has_no_form_is_read_anew_each_time(sent: bytes) -> None:
    one = reader()
    for _ in range(3):
        assert not is_by_form(one.read(sent), sent)
        assert outcome(one, sent) == outcome(reader(), sent)


def test_numbers_that_occurred_twice_leave_nothing_behind() -> None:
    arrays = [np.frombuffer(three, np.uint8) for three in (b"abc", b"xyz", b"abc", b"bca")]
    assert_never_mistaken([message(array, name=name) for array in arrays for name in ("abc", "xyz")])


@pytest.mark.parametrize("bad", [message(numbers(101, 1)), message(numbers(3, 4), temperature=1e9)])
def test_what_was_wrong_is_wrong_each_time(bad: bytes) -> None:
    one = reader()
    said = {outcome(one, bad)[0] for _ in range(3)}
    assert len(said) == 1
    assert said <= {"TOO_MANY_ROWS", "TEMPERATURE_OUT_OF_RANGE"}


@pytest.mark.parametrize("seed", range(4))
def test_a_message_that_is_changed_anywhere_is_read_as_by_a_reader_that_knows_no_form(seed: int) -> None:
    rng, one = np.random.default_rng(seed), reader()
    sent = message(numbers(3, 4), name="x", uncertainties=["margin"], top_k=2, temperature=1.5)
    for _ in range(500):
        changed = bytearray(sent)
        for place in rng.integers(0, len(sent), rng.integers(1, 3)):
            changed[place] = rng.choice([rng.integers(256), changed[place] ^ 1 << rng.integers(8)])
        one.read(sent)
        assert outcome(one, bytes(changed)) == outcome(reader(), bytes(changed))


@pytest.mark.parametrize("of_one_length", [True, False])
def test_forms_are_bounded_in_number(of_one_length: bool) -> None:
    forms, ask = RequestForms(), Ask(Wanted())
    shapes = [(rows, 720_720 // rows) for rows in range(1, 3) if of_one_length] or [(1, n) for n in range(1, 400)]
    names = [f"{number:03}" for number in range(300)] if of_one_length else ["x"]
    sent = []
    for name in names:
        for shape in [(2, 3)] if of_one_length else shapes:
            values = numbers(*shape)
            sent.append(message(values, name=name))
            forms.learn(sent[-1], ask, Inputs((NamedArray(name, values),), len(values)), values.tobytes())
    known = [forms.find(each) is not None for each in sent]
    assert 0 < sum(known) <= (8 if of_one_length else 128)
    assert known[-1]
