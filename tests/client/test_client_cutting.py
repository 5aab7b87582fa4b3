"""Batches too big for one request: cut by the client's limits, and by what the server says of its own."""

import threading

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import ChannelSettings, InvalidArgumentError, ResourceExhaustedError, Scores
from assayd.arrays import encode
from assayd.v1 import scoring_pb2
from client.scripted import rows_of, too_many_rows

X = np.random.default_rng(12).normal(0, 2, (200, 64)).astype(np.float32)
WANTED = {"uncertainties": ["entropy", "margin"], "top_k": 3, "outputs": ["probabilities", "embeddings"]}


def assert_same(left: Scores, right: Scores) -> None:
    """Equal but for the rounding of a matrix product over more or fewer rows."""
    np.testing.assert_array_equal(left.predictions, right.predictions)
    np.testing.assert_array_equal(left.valid, right.valid)
    np.testing.assert_array_equal(left.top.classes, right.top.classes)
    np.testing.assert_allclose(left.probabilities, right.probabilities, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(left.embeddings, right.embeddings, rtol=1e-4, atol=1e-5)
    for name, values in left.uncertainty.items():
        np.testing.assert_allclose(values, right.uncertainty[name], rtol=1e-4, atol=1e-6)
    assert left.model == right.model


@pytest.mark.parametrize("rows_max", [1, 7, 50, 199, 200])
def test_a_batch_cut_by_rows_scores_as_in_one_call(serve, connect, score_calls, rows_max: int) -> None:
    app = serve(onnx_models.network())
    whole = connect(app).score(X, **WANTED)
    cut = connect(app, settings=ChannelSettings(rows_max=rows_max)).score(X, **WANTED)
    assert_same(cut, whole)
    assert score_calls(app) == {"OK": 1 + -(-200 // rows_max)}


def test_a_batch_cut_by_bytes_scores_as_in_one_call(serve, connect, score_calls) -> None:
    app = serve(onnx_models.network())
    whole = connect(app).score(X, **WANTED)
    # 256 bytes a row and less than 256 for the rest: 38 rows a request
    cut = connect(app, settings=ChannelSettings(message_bytes_max=39 * 256)).score(X, **WANTED)
    assert_same(cut, whole)
    assert score_calls(app) == {"OK": 1 + 6}


def test_logits_are_cut_as_inputs_are(serve, connect, score_calls) -> None:
    app = serve(onnx_models.identity())
    logits = X[:, :4]
    scores = connect(app, settings=ChannelSettings(rows_max=64)).score(logits=logits)
    np.testing.assert_array_equal(scores.predictions, logits.argmax(axis=1))
    assert score_calls(app) == {"OK": 4}


def test_invalid_rows_keep_their_places_in_a_cut_batch(serve, connect) -> None:
    rows = X[:30, :4].copy()
    rows[[0, 13, 29], 2] = np.nan
    scores = connect(serve(onnx_models.identity()), settings=ChannelSettings(rows_max=4)).score(rows)
    assert np.flatnonzero(~scores.valid).tolist() == [0, 13, 29]


def test_labels_are_whole_in_a_cut_batch_though_each_piece_names_only_its_own(serve, connect, tmp_path) -> None:
    labels = ["a", "bb", "ccc", "dddd"]
    onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), labels=labels)
    client = connect(serve(tmp_path / "models"), settings=ChannelSettings(rows_max=1))
    assert client.score(np.eye(4, dtype=np.float32)).labels.tolist() == labels


def test_a_single_row_over_the_limit_is_refused_before_it_is_sent(serve, connect, score_calls) -> None:
    app = serve(onnx_models.network())
    client = connect(app, settings=ChannelSettings(message_bytes_max=300))
    with pytest.raises(InvalidArgumentError, match="one row takes 256 bytes"):
        client.score(X)
    assert score_calls(app) == {}


def test_a_head_takes_room_in_every_request(serve, connect, score_calls) -> None:
    app = serve(onnx_models.identity())
    head = (np.ones((2, 4), np.float32), None)
    client = connect(app, settings=ChannelSettings(message_bytes_max=64 * 1024))
    big_head = (np.ones((3000, 4), np.float32), None)  # 48,000 bytes
    rows = np.ones((2000, 4), np.float32)  # 32,000 bytes
    client.score(embeddings=rows, head=head, outputs=["predictions"])
    client.score(embeddings=rows, head=big_head, outputs=["predictions"])
    assert score_calls(app) == {"OK": 1 + 2}


@pytest.mark.parametrize("call", ["score", "score_stream"])
def test_a_head_larger_than_a_message_is_refused_before_anything_is_sent(
    refusing_address: str, connect_to, call: str
) -> None:
    client = connect_to(refusing_address, settings=ChannelSettings(message_bytes_max=64 * 1024))
    head = (np.ones((5000, 4), np.float32), None)  # 80,000 bytes
    with pytest.raises(
        InvalidArgumentError, match=r"head: takes 80\d\d\d bytes, a message holds 65536 and rows besides"
    ) as caught:
        getattr(client, call)(X, head=head)
    assert caught.value.field == "head"


def test_a_server_that_takes_fewer_rows_makes_the_client_cut_to_that(serve, connect, score_calls) -> None:
    app = serve(onnx_models.network(), rows_max=30)
    scores = connect(app).score(X, **WANTED)
    np.testing.assert_array_equal(len(scores), 200)
    assert score_calls(app) == {"InvalidArgument": 1, "OK": 7}


def test_a_recut_batch_scores_as_in_one_call(serve, connect) -> None:
    whole = connect(serve(onnx_models.network())).score(X, **WANTED)
    cut = connect(serve(onnx_models.network(), rows_max=30)).score(X, **WANTED)
    assert_same(cut, whole)


def test_only_the_calls_under_way_are_refused_by_a_server_that_takes_fewer_rows(
    serve, connect, score_calls
) -> None:
    app = serve(onnx_models.identity(), rows_max=10)
    client = connect(app, settings=ChannelSettings(rows_max=20, calls_in_flight_max=3))
    rows = X[:, :4]
    np.testing.assert_array_equal(client.score(rows).predictions, rows.argmax(axis=1))
    calls = score_calls(app)
    assert 1 <= calls["InvalidArgument"] <= 3  # of 10 pieces
    assert calls["OK"] == 20


def test_pieces_of_a_refused_one_are_under_way_together(bare_server, connect_to) -> None:
    together = threading.Barrier(3, timeout=10)

    def answer(message: bytes, context: grpc.ServicerContext) -> bytes:
        count = len(rows_of(scoring_pb2.ScoreRequest.FromString(message)))
        if count > 1:
            refusal = too_many_rows(1)
            context.set_trailing_metadata(refusal.trailing_metadata())
            context.abort(refusal.code(), refusal.details())
        together.wait()
        return scoring_pb2.ScoreResponse(predictions=encode(np.zeros(1, np.int32))).SerializeToString()

    client = connect_to(bare_server(answer), settings=ChannelSettings(calls_in_flight_max=3))
    assert len(client.score(X[:3])) == 3


def test_batches_that_follow_are_cut_to_what_the_server_takes(serve, connect, score_calls) -> None:
    app = serve(onnx_models.identity(), rows_max=10)
    client = connect(app, settings=ChannelSettings(calls_in_flight_max=1))
    rows = X[:20, :4]
    answers = list(client.score_stream([rows, rows, rows]))
    assert [len(answer) for answer in answers] == [20, 20, 20]
    assert score_calls(app) == {"InvalidArgument": 1, "OK": 6}


def test_an_answer_too_big_for_a_message_is_asked_for_in_smaller_pieces(serve, connect, score_calls) -> None:
    app = serve(onnx_models.identity(1000), message_bytes_max=64 * 1024)
    client = connect(app, settings=ChannelSettings(message_bytes_max=64 * 1024))
    embeddings, head = X[:, :4], (np.random.default_rng(13).normal(size=(1000, 4)).astype(np.float32), None)
    scores = client.score(embeddings=embeddings, head=head)  # 800,000 bytes
    assert scores.probabilities.shape == (200, 1000)
    assert score_calls(app)["InvalidArgument"] >= 1


def test_a_row_whose_answer_alone_is_too_big_is_refused(serve, connect) -> None:
    app = serve(onnx_models.identity(), message_bytes_max=64 * 1024)
    head = (np.ones((10_000, 1), np.float32), None)  # 80,000 bytes of probabilities and logits a row
    client = connect(app)
    with pytest.raises(InvalidArgumentError) as caught:
        client.score(embeddings=np.ones((2, 1), np.float32), head=head, outputs=["probabilities", "logits"])
    assert (caught.value.reason, caught.value.details) == ("ANSWER_TOO_LARGE", {"rows_max": "0"})


def test_a_client_with_a_smaller_limit_than_the_server_gets_answers_that_fit(serve, connect) -> None:
    client = connect(serve(onnx_models.identity()), settings=ChannelSettings(message_bytes_max=1000))
    scores = client.score(X[:, :4])
    np.testing.assert_array_equal(scores.predictions, X[:, :4].argmax(axis=1))


def test_a_server_with_a_smaller_limit_than_the_client_gets_requests_that_fit(serve, connect) -> None:
    app = serve(onnx_models.network(), message_bytes_max=64 * 1024)
    rows = np.tile(X, (5, 1))  # 256,000 bytes
    scores = connect(app, settings=ChannelSettings(attempts_max=1)).score(rows, **WANTED)
    assert_same(scores, connect(serve(onnx_models.network())).score(rows, **WANTED))


def test_retries_of_messages_that_are_too_big_end_within_the_default_deadline(serve, connect, score_calls) -> None:
    app = serve(onnx_models.network(width=1000), message_bytes_max=64 * 1024)
    rows = np.random.default_rng(15).normal(0, 2, (1000, 1000)).astype(np.float32)  # 4,000,000 bytes
    scores = connect(app).score(rows, outputs=["predictions"])
    expected = connect(serve(onnx_models.network(width=1000))).score(rows, outputs=["predictions"])
    np.testing.assert_array_equal(scores.predictions, expected.predictions)
    assert score_calls(app)["OK"] < 80  # 62 full requests would do


def test_an_answer_of_one_row_over_the_clients_limit_is_an_error(serve, connect) -> None:
    settings = ChannelSettings(message_bytes_max=2000, attempts_max=1)
    client = connect(serve(onnx_models.network(width=4, class_count=1000)), settings=settings)
    with pytest.raises(ResourceExhaustedError, match="larger than max"):
        client.score(X[:2, :4])
