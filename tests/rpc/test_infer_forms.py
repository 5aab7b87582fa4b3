"""Requests of ModelInfer that are read by the form of one before: the same as when each is parsed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

import onnx_models
from assayd_server.caller import Lane
from assayd_server.config import Settings
from assayd_server.engine import Engine
from assayd_server.errors import ServiceError
from assayd_server.from_settings import engine_of, load_models
from assayd_server.metrics import Metrics
from assayd_server.rpc.direct.infer_wire import InferReader
from assayd_server.rpc.direct.score import Read
from assayd_server.rpc.requests import RowLimits
from open_inference import request

LIMITS = RowLimits(rows_max=50, head_elements_max=10, ids_max=10)
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    model = tmp_path_factory.mktemp("model") / "m.onnx"
    model.write_bytes(onnx_models.identity())
    settings = Settings(model=model)
    models, _ = load_models(settings, threads=1)
    engine = engine_of(settings, models, Metrics(CollectorRegistry()))
    yield engine
    engine.close()


def rows(count: int = 2) -> np.ndarray:
    """Other ones each time, that occur nowhere else in a message."""
    return RANDOM.normal(size=(count, 4)).astype(np.float32)


def message(values: np.ndarray, **fields: Any) -> bytes:
    return request(("x", values), **fields).SerializeToString()


def is_by_form(read: Read | None, sent: bytes) -> bool:
    """Whether the numbers are used where they lie: parsed, they are copied."""
    assert read is not None
    return np.shares_memory(read.rows.tensors[0].values, np.frombuffer(sent, np.uint8))


def outcome(reader: InferReader, sent: bytes) -> object:
    """All that can be told of what was read, or of why it was not."""
    try:
        read = reader.read(sent)
    except ServiceError as error:
        return type(error), str(error)
    if read is None:
        return None
    respond: Any = read.respond
    infer, request_id = respond.args
    tensors = [(one.name, one.values.dtype, one.values.tolist()) for one in read.rows.tensors]
    return read.ask.wanted, infer.outputs, request_id, read.timeout_seconds, tensors


def test_a_request_that_differs_in_its_numbers_alone_is_not_parsed(engine: Engine) -> None:
    reader = InferReader(engine, LIMITS)
    first, second = message(rows(), outputs=["logits"]), message(rows(), outputs=["logits"])
    assert not is_by_form(reader.read(first), first)
    assert is_by_form(reader.read(second), second)
    read, again = reader.read(first), reader.read(second)
    assert read is not None
    assert again is not None
    assert read.ask is again.ask


def test_nor_is_one_of_the_bulk_lane_to_know_that_it_is_for_others(engine: Engine) -> None:
    reader = InferReader(engine, LIMITS)
    assert reader.read(message(rows(), id="a", parameters={"priority": 2})) is None
    known = reader._forms.find(message(rows(), id="b", parameters={"priority": 2}))
    assert known is not None
    assert known.ask.lane is Lane.BULK
    assert reader.read(message(rows(), id="c", parameters={"priority": 2})) is None
    assert reader.read(message(rows(), id="c", parameters={"priority": 1})) is not None


def test_nor_is_one_that_has_another_id_of_the_same_length(engine: Engine) -> None:
    reader = InferReader(engine, LIMITS)
    for number in range(20):
        sent = message(rows(), id=f"request {number:02}")
        read = reader.read(sent)
        assert is_by_form(read, sent) == (number > 0)
        respond: Any = read.respond if read is not None else None
        assert respond.args[1] == f"request {number:02}".encode()


@pytest.mark.parametrize("one", ["ümläut", "\N{SNOWMAN}"])
def test_an_id_that_is_not_ascii_is_parsed_each_time(engine: Engine, one: str) -> None:
    reader = InferReader(engine, LIMITS)
    for _ in range(3):
        sent = message(rows(), id=one)
        assert not is_by_form(reader.read(sent), sent)


def test_bytes_that_are_no_text_in_the_place_of_an_id_are_refused(engine: Engine) -> None:
    reader = InferReader(engine, LIMITS)
    sent = message(rows(), id="abcdef")
    reader.read(sent)
    assert outcome(reader, sent.replace(b"abcdef", b"abc\xff\xfe\xfd")) == outcome(
        InferReader(engine, LIMITS), sent.replace(b"abcdef", b"abc\xff\xfe\xfd")
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2, 3]),
            st.sampled_from(["", "1", "22", "33", "é"]),
            st.sampled_from([(), ("logits",), ("assayd.entropy",), ("logits", "assayd.entropy"), ("other",)]),
            st.sampled_from(["", "m", "n"]),
            st.sampled_from(
                [{}, {"priority": 1}, {"priority": 2}, {"timeout": 7}, {"timeout": 8}, {"other": "x"}]
            ),
        ),
        max_size=12,
    )
)
def test_no_request_is_taken_for_another(engine: Engine, asked: list[Any]) -> None:
    """One reader for all of them reads each as one that has seen no other, however often it comes."""
    sent = [
        message(rows(count), id=one, outputs=outputs, model_name=name, parameters=parameters)
        for count, one, outputs, name, parameters in asked
    ]
    reader = InferReader(engine, LIMITS)
    for each in [*sent, *sent, *reversed(sent)]:
        assert outcome(reader, each) == outcome(InferReader(engine, LIMITS), each)


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_changed_byte_before_the_numbers_is_noticed(engine: Engine, place: int, byte: int) -> None:
    reader = InferReader(engine, LIMITS)
    sent = message(rows(), id="an id", outputs=["logits"], parameters={"timeout": 5})
    reader.read(sent)
    changed = bytearray(sent)
    changed[min(place, len(sent) - 33)] = byte
    assert outcome(reader, bytes(changed)) == outcome(InferReader(engine, LIMITS), bytes(changed))


def test_requests_with_several_inputs_are_parsed(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_models.two_inputs())
    settings = Settings(model=tmp_path / "m.onnx")
    models, _ = load_models(settings, threads=1)
    engine = engine_of(settings, models, Metrics(CollectorRegistry()))
    reader = InferReader(engine, LIMITS)
    for _ in range(2):
        sent = request(("a", rows()[:, :3]), ("b", np.ones((2, 3), np.uint8))).SerializeToString()
        read = reader.read(sent)
        assert not is_by_form(read, sent)
    engine.close()
