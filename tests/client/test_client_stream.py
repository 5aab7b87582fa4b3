"""Client.score_stream: the order of answers, how far it reads ahead, kinds of batches, and errors."""

import gc
import threading
import time
from collections.abc import Iterator

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import ChannelSettings, Client, InvalidArgumentError
from assayd.arrays import encode
from assayd.v1 import scoring_pb2

PREDICTIONS = {"outputs": ["predictions"]}


def one_hot(position: int, rows: int = 1) -> np.ndarray:
    """Rows for which the identity model predicts a class."""
    return np.tile(np.eye(4, dtype=np.float32)[position], (rows, 1))


class Source:
    """An endless iterable of one-row batches that knows how many were taken."""

    def __init__(self) -> None:
        self.taken = 0
        self.closed = False

    def __iter__(self) -> Iterator[np.ndarray]:
        try:
            while True:
                self.taken += 1
                yield one_hot(self.taken % 4)
        finally:
            self.closed = True


def test_answers_come_in_the_order_of_the_batches(identity_client: Client) -> None:
    positions = [index % 4 for index in range(50)]
    answers = identity_client.score_stream((one_hot(position) for position in positions), **PREDICTIONS)
    assert [int(answer.predictions[0]) for answer in answers] == positions


def test_batches_of_different_sizes_stay_apart(identity_client: Client) -> None:
    sizes = [3, 1, 0, 7, 2]
    answers = identity_client.score_stream([one_hot(1, size) for size in sizes], **PREDICTIONS)
    assert list(map(len, answers)) == sizes


def test_no_batches_give_no_answers(identity_client: Client) -> None:
    assert list(identity_client.score_stream([])) == []


def test_batches_larger_than_a_request_are_cut_and_joined(serve, connect, score_calls) -> None:
    app = serve(onnx_models.identity())
    client = connect(app, settings=ChannelSettings(rows_max=4))
    batches = [np.concatenate([one_hot(index % 4) for index in range(size)]) for size in (10, 3, 9)]
    answers = list(client.score_stream(batches, **PREDICTIONS))
    for batch, answer in zip(batches, answers, strict=True):
        np.testing.assert_array_equal(answer.predictions, batch.argmax(axis=1))
    assert score_calls(app) == {"OK": 3 + 1 + 3}


def test_nothing_is_read_before_the_first_answer_is_wanted(identity_client: Client) -> None:
    source = Source()
    identity_client.score_stream(source, **PREDICTIONS)
    assert source.taken == 0


@pytest.mark.parametrize("in_flight_max", [1, 3])
def test_it_reads_ahead_by_no_more_than_the_calls_in_flight(serve, connect, in_flight_max: int) -> None:
    source = Source()
    client = connect(serve(onnx_models.identity()), settings=ChannelSettings(calls_in_flight_max=in_flight_max))
    answers = client.score_stream(source, **PREDICTIONS)
    taken = []
    for _ in range(5):
        next(answers)
        taken.append(source.taken)
    answers.close()
    assert all(index < count <= index + in_flight_max for index, count in enumerate(taken))


def test_as_many_calls_are_under_way_as_allowed(bare_server, connect_to) -> None:
    together = threading.Barrier(3, timeout=10)

    def answer(_message: bytes, _context: grpc.ServicerContext) -> bytes:
        together.wait()
        return scoring_pb2.ScoreResponse(predictions=encode(np.zeros(1, np.int32))).SerializeToString()

    client = connect_to(bare_server(answer), settings=ChannelSettings(calls_in_flight_max=3))
    assert len(list(client.score_stream([one_hot(0)] * 6))) == 6


def test_with_one_call_in_flight_an_answer_comes_before_the_next_batch_is_made(serve, connect) -> None:
    first_seen = threading.Event()
    waited: list[bool] = []

    def slow() -> Iterator[np.ndarray]:
        yield one_hot(1)
        waited.append(first_seen.wait(timeout=10))
        yield one_hot(2)

    client = connect(serve(onnx_models.identity()), settings=ChannelSettings(calls_in_flight_max=1))
    answers = client.score_stream(slow(), **PREDICTIONS)
    assert next(answers).predictions.tolist() == [1]
    first_seen.set()
    assert next(answers).predictions.tolist() == [2]
    assert waited == [True]


def test_a_slow_consumer_does_not_use_up_the_time_of_the_calls_that_follow(serve, connect) -> None:
    settings = ChannelSettings(rows_max=1, calls_in_flight_max=2)  # so that batches are partly sent meanwhile
    client = connect(serve(onnx_models.identity()), settings=settings)
    client.score(one_hot(0))  # connected
    answers = client.score_stream([one_hot(position, 3) for position in range(3)], deadline_seconds=0.5)
    consumed = [next(answers)]
    time.sleep(0.6)  # no condition to wait for: the time itself is what must not count
    consumed += answers
    assert [answer.predictions.tolist() for answer in consumed] == [[0] * 3, [1] * 3, [2] * 3]


def test_closing_it_lets_go_of_the_batches(identity_client: Client) -> None:
    source = Source()
    answers = identity_client.score_stream(source, **PREDICTIONS)
    next(answers)
    answers.close()
    del answers
    gc.collect()
    assert source.closed


@pytest.mark.parametrize(
    ("batch", "wanted"),
    [
        ({"x": one_hot(2)}, {}),
        ({"logits": one_hot(2)}, {}),
        ({"probabilities": one_hot(2)}, {}),
        ({"embeddings": one_hot(2)}, {"head": (np.eye(4, dtype=np.float32), None)}),
    ],
    ids=lambda value: next(iter(value), ""),
)
def test_a_batch_may_name_its_kind_of_rows(identity_client: Client, batch: dict, wanted: dict) -> None:
    (answer,) = identity_client.score_stream([batch], **wanted)
    assert answer.predictions.tolist() == [2]


def test_kinds_of_rows_may_differ_from_batch_to_batch(identity_client: Client) -> None:
    answers = identity_client.score_stream([one_hot(1), {"logits": one_hot(3)}, one_hot(2)])
    assert [(int(answer.predictions[0]), answer.model is None) for answer in answers] == [
        (1, False),
        (3, True),
        (2, False),
    ]


def test_a_dict_with_other_names_is_inputs_by_name(identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="'y' is not an input of the model"):
        list(identity_client.score_stream([{"y": one_hot(0)}]))


def test_a_dict_with_two_kinds_of_rows_is_inputs_by_name(identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="'logits' is not an input of the model"):
        list(identity_client.score_stream([{"x": one_hot(0), "logits": one_hot(0)}]))


def test_answers_before_a_wrong_batch_are_given_and_then_its_error(serve, connect) -> None:
    client = connect(serve(onnx_models.identity()), settings=ChannelSettings(calls_in_flight_max=2))
    answers = client.score_stream([one_hot(0), one_hot(1), one_hot(2)[:, :3], one_hot(3)], **PREDICTIONS)
    assert [int(next(answers).predictions[0]) for _ in range(2)] == [0, 1]
    with pytest.raises(InvalidArgumentError) as caught:
        next(answers)
    assert caught.value.field == "rows.inputs.tensors[0].shape"
    assert next(answers, None) is None


def test_a_batch_that_is_no_rows_is_an_error_where_it_is_read(identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="a single number is not rows"):
        list(identity_client.score_stream([one_hot(0), 3.0], **PREDICTIONS))


def test_an_iterable_that_fails_ends_the_stream_with_its_own_error(identity_client: Client) -> None:
    def failing() -> Iterator[np.ndarray]:
        yield one_hot(0)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(identity_client.score_stream(failing(), **PREDICTIONS))


def test_wrong_keywords_are_refused_before_anything_is_read(identity_client: Client) -> None:
    source = Source()
    with pytest.raises(InvalidArgumentError, match="'bald' is unknown"):
        identity_client.score_stream(source, uncertainties=["bald"])
    assert source.taken == 0


def test_two_streams_of_one_client_do_not_mix(identity_client: Client) -> None:
    left = identity_client.score_stream([one_hot(index % 4) for index in range(20)], **PREDICTIONS)
    right = identity_client.score_stream([one_hot(3 - index % 4) for index in range(20)], **PREDICTIONS)
    pairs = [(int(a.predictions[0]), int(b.predictions[0])) for a, b in zip(left, right, strict=True)]
    assert pairs == [(index % 4, 3 - index % 4) for index in range(20)]


def test_rows_count_as_production_traffic_in_score_and_not_in_a_stream_unless_it_is_said(
    bare_server, connect_to
) -> None:
    asked: list[scoring_pb2.ScoreRequest] = []

    def answer(message: bytes, _context: grpc.ServicerContext) -> bytes:
        asked.append(scoring_pb2.ScoreRequest.FromString(message))
        return scoring_pb2.ScoreResponse(predictions=encode(np.zeros(1, np.int32))).SerializeToString()

    client = connect_to(bare_server(answer))
    client.score(one_hot(0))
    client.score(one_hot(0), record=False)
    list(client.score_stream([one_hot(0)]))
    list(client.score_stream([one_hot(0)], record=True))
    assert [(request.HasField("record"), request.record, request.lane) for request in asked] == [
        (False, False, scoring_pb2.LANE_UNSPECIFIED),  # not set means that they count
        (True, False, scoring_pb2.LANE_UNSPECIFIED),
        (True, False, scoring_pb2.LANE_BULK),
        (False, False, scoring_pb2.LANE_UNSPECIFIED),
    ]
