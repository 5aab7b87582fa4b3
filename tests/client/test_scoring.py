"""ScoreJob: how it cuts, what it learns from refusals, how long each call may take. Its server is a function."""

from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from assayd import AssaydError, ChannelSettings, InvalidArgumentError, ResourceExhaustedError
from assayd.requests import score_request
from assayd.rows import Rows, collect
from assayd.scoring import ScoreJob
from client.scripted import PLENTY, Call, Refusal, Scorer, ScriptedServer, rows_of

NO_ROWS = 64 + 64
"""What rows without a name cost in a message besides their data, at most."""


def job(start: object, *, deadline_seconds: float = 10, head: object = None, **limits: int) -> Scorer:
    """A job that asks for predictions alone."""
    request = score_request(outputs=(), head=head)
    settings = ChannelSettings(**limits)
    return Scorer(ScoreJob(request, deadline_seconds=deadline_seconds, settings=settings), start)


def message_bytes(rows: int, *, row_bytes: int = 8) -> int:
    """A limit for just as many rows."""
    return score_request(outputs=()).ByteSize() + NO_ROWS + rows * row_bytes


def numbers(count: int, first: int = 0) -> np.ndarray:
    """Rows of one float64 each, counted up."""
    return np.arange(first, first + count, dtype=np.float64)[:, None]


def numbered(count: int) -> Rows:
    """The same, collected."""
    return collect(numbers(count))


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (8, [3, 3, 2]), (0, [0])]
)
def test_pieces_hold_as_many_rows_as_the_limit_and_the_last_one_the_rest(count: int, expected: list[int]) -> None:
    server = ScriptedServer()
    scores = job(server, rows_max=3).score(numbered(count))
    assert server.lengths == expected
    assert scores.predictions.tolist() == list(range(count))


def test_rows_within_both_limits_are_one_piece() -> None:
    server = ScriptedServer()
    job(server).score(numbered(16_384))
    assert server.lengths == [16_384]


def test_a_row_over_the_default_limit_is_a_second_piece() -> None:
    server = ScriptedServer()
    job(server).score(numbered(16_385))
    assert server.lengths == [16_384, 1]


def test_bytes_limit_a_piece_as_rows_do() -> None:
    server = ScriptedServer()
    job(server, message_bytes_max=message_bytes(4)).score(numbered(10))
    assert server.lengths == [4, 4, 2]


def test_a_byte_less_is_a_row_less() -> None:
    server = ScriptedServer()
    job(server, message_bytes_max=message_bytes(4) - 1).score(numbered(10))
    assert server.lengths == [3, 3, 3, 1]


def test_the_tighter_of_the_two_limits_counts() -> None:
    server = ScriptedServer()
    job(server, rows_max=2, message_bytes_max=message_bytes(4)).score(numbered(6))
    assert server.lengths == [2, 2, 2]


def test_no_rows_are_one_empty_piece_of_the_same_shape() -> None:
    server = ScriptedServer()
    job(server, rows_max=3).score(collect(np.zeros((0, 7))))
    assert [rows_of(request).shape for request in server.requests] == [(0, 7)]


def test_pieces_are_cut_only_as_they_are_sent() -> None:
    server = ScriptedServer()
    batches = (numbers(10**6) for _ in range(10**6))
    answers = job(server, rows_max=10**6, message_bytes_max=16 * 2**20, calls_in_flight_max=3).stream(batches)
    next(answers)
    answers.close()
    assert len(server.requests) == 3


arrays_of_rows = st.one_of(
    npst.arrays(
        st.sampled_from([np.float32, np.int8, np.float64]),
        st.tuples(st.just(7), st.integers(0, 5), st.integers(1, 3)),
        elements=st.integers(-5, 5),
    ),
    npst.arrays(object, st.tuples(st.just(7), st.integers(0, 3)), elements=st.text(max_size=9)),
    npst.arrays("U4", (7,), elements=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)),
)


@given(
    arrays=st.dictionaries(st.text("abcé", max_size=4), arrays_of_rows, min_size=1, max_size=3),
    rows_max=st.integers(1, 9),
    bytes_max=st.integers(350, 1300),
    server_rows_max=st.sampled_from([1, 2, 3, 5, PLENTY]),
)
@settings(derandomize=True, deadline=None, max_examples=80)
def test_answered_pieces_are_consecutive_and_in_order_and_all_pieces_within_both_limits(
    arrays: dict[str, np.ndarray], rows_max: int, bytes_max: int, server_rows_max: int
) -> None:
    server = ScriptedServer(rows_max=server_rows_max)
    limits = {"rows_max": rows_max, "message_bytes_max": bytes_max, "calls_in_flight_max": 1}
    try:
        scores = job(server, **limits).score(collect(arrays))
    except InvalidArgumentError:  # a single row may be too big; other tests say when
        assert server.requests == []
        return
    assert len(scores) == 7
    assert all(0 < length <= rows_max for length in server.lengths)
    assert all(request.ByteSize() <= bytes_max for request in server.requests)
    answered = [
        request
        for request, call in zip(server.requests, server.calls, strict=True)
        if not isinstance(call.answer, Refusal)
    ]
    for index, (name, array) in enumerate(arrays.items()):
        assert {request.rows.inputs.tensors[index].name for request in answered} == {name}
        joined = np.concatenate([rows_of(request, index) for request in answered])
        np.testing.assert_array_equal(joined, array)


@pytest.mark.parametrize("in_flight_max", [1, 3, 8, 100])
@pytest.mark.parametrize("at_once", [False, True])
def test_a_recut_batch_is_whole_and_in_order(in_flight_max: int, at_once: bool) -> None:
    server = ScriptedServer(rows_max=7, at_once=at_once)
    scores = job(server, rows_max=25, calls_in_flight_max=in_flight_max).score(numbered(230))
    assert scores.predictions.tolist() == list(range(230))


@pytest.mark.parametrize("in_flight_max", [1, 3, 8])
def test_only_what_was_under_way_is_refused_by_a_server_that_takes_fewer_rows(in_flight_max: int) -> None:
    server = ScriptedServer(rows_max=10)
    job(server, rows_max=25, calls_in_flight_max=in_flight_max).score(numbered(2500))
    assert server.refused == in_flight_max
    assert server.lengths[:in_flight_max] == [25] * in_flight_max


def test_the_smallest_limit_that_any_server_named_stays() -> None:
    server = ScriptedServer(rows_max=2)
    answers = job(server, rows_max=8, calls_in_flight_max=1).stream([numbers(8), numbers(8, first=8)])
    assert next(answers).predictions.tolist() == list(range(8))
    server.rows_max = 6
    assert next(answers).predictions.tolist() == list(range(8, 16))
    assert server.lengths == [8, 2, 2, 2, 2, 2, 2, 2, 2]


def test_pieces_of_a_refused_one_are_sent_before_the_first_of_them_is_waited_for() -> None:
    server = ScriptedServer(rows_max=1)
    sent_by_then: list[int] = []

    class Watched(Call):
        def result(self) -> object:
            sent_by_then.append(len(server.calls))
            return super().result()

    def start(request: object, seconds: float) -> Call:
        return Watched(server(request, seconds).answer)

    job(start, rows_max=4, calls_in_flight_max=4).score(numbered(4))
    assert sent_by_then == [1, 5, 5, 5, 5]


def test_a_message_over_the_limit_is_cut_once_by_what_grpc_says_of_it() -> None:
    server = ScriptedServer(bytes_max=message_bytes(100))
    scores = job(server, calls_in_flight_max=1).score(numbered(5000))
    assert scores.predictions.tolist() == list(range(5000))
    assert server.refused == 1
    assert min(server.lengths[1:-1]) > 75  # and not far more pieces than it takes


def test_two_rows_just_over_the_limit_are_sent_one_by_one() -> None:
    request = score_request(outputs=())
    request.rows.MergeFrom(numbered(2).message())
    server = ScriptedServer(bytes_max=request.ByteSize() - 1)
    assert len(job(server).score(numbered(2))) == 2
    assert server.lengths == [2, 1, 1]


def test_a_single_row_over_the_limit_is_an_error_and_not_a_loop() -> None:
    server = ScriptedServer(bytes_max=10)
    with pytest.raises(ResourceExhaustedError, match="larger than max"):
        job(server).score(numbered(3))
    assert server.lengths == [3, 1, 1, 1]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "the server is full"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"),
        (grpc.StatusCode.INTERNAL, "larger than max (9 vs. 4)"),
    ],
)
def test_an_error_that_gives_no_sizes_of_a_message_is_raised_as_it_is(code: grpc.StatusCode, words: str) -> None:
    calls = []

    def start(request: object, seconds: float) -> Call:
        calls.append(Call(Refusal(code, words)))
        return calls[-1]

    with pytest.raises(AssaydError) as caught:
        job(start).score(numbered(8))
    assert caught.value.message == words
    assert len(calls) == 1


def test_an_error_among_the_pieces_of_a_refused_one_cancels_the_others() -> None:
    server = ScriptedServer(rows_max=2)

    def start(request: object, seconds: float) -> Call:
        call = server(request, seconds)
        if server.lengths[-1] <= 2:
            call.answer = Refusal(grpc.StatusCode.INTERNAL, "no luck")
        return call

    with pytest.raises(AssaydError, match="no luck"):
        job(start, rows_max=8, calls_in_flight_max=3).score(numbered(8))
    assert [call.cancelled for call in server.calls] == [False, False, True, True]


def test_each_call_of_a_stream_has_the_whole_deadline() -> None:
    server = ScriptedServer(rows_max=2)
    list(job(server, rows_max=4, deadline_seconds=7).stream([numbers(8)] * 3))
    assert set(server.seconds) == {7}


def test_a_batch_has_one_deadline_for_all_its_pieces_and_those_cut_again() -> None:
    server = ScriptedServer(rows_max=2)
    job(server, rows_max=4, deadline_seconds=7).score(numbered(16))
    assert server.seconds == sorted(server.seconds, reverse=True)
    assert 0 < server.seconds[-1] < server.seconds[0] <= 7


def test_a_deadline_that_has_passed_leaves_no_seconds_and_not_less() -> None:
    server = ScriptedServer()
    job(server, deadline_seconds=1e-9).score(numbered(1))
    assert server.seconds == [0.0]


def test_a_head_larger_than_a_message_is_refused_by_name_before_anything_is_sent() -> None:
    head = (np.zeros((100, 4)), None)
    with pytest.raises(InvalidArgumentError) as caught:
        job(ScriptedServer(), head=head, message_bytes_max=3200)
    size = score_request(head=head).head.ByteSize()
    assert caught.value.message == f"head: takes {size} bytes, a message holds 3200 and rows besides"
    assert caught.value.field == "head"


def test_an_answer_that_is_there_is_given_before_the_next_batch_is_waited_for() -> None:
    given: list[object] = []
    given_by_then: list[int] = []

    def source() -> Iterator[np.ndarray]:
        for index in range(3):
            given_by_then.append(len(given))
            yield numbers(1, first=index)

    for answer in job(ScriptedServer(at_once=True), calls_in_flight_max=8).stream(source()):
        given.append(answer)
    assert given_by_then == [0, 1, 2]
