"""Callers who do not read: their answers must not take the room of those of others for long."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from benchmarks.chaos import frames

import onnx_models
from assayd import Client
from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import rows_pb2, scoring_pb2
from scraping import metric
from waiting import wait_until

ROWS = np.zeros((500, 4), np.float32)
UNREAD_BYTES_MAX = 65_536


@contextmanager
def unread_calls(server: Server, count: int) -> Iterator[None]:
    """Calls whose answers are never taken; each answer is a third of what may wait."""
    rows = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(ROWS)]))
    outputs = [scoring_pb2.OUTPUT_PROBABILITIES, scoring_pb2.OUTPUT_LOGITS]
    content = scoring_pb2.ScoreRequest(rows=rows, outputs=outputs).SerializeToString()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(frames.hello(window=0))
        for stream in range(1, 2 * count, 2):
            connection.sendall(frames.call(stream) + frames.message(stream, content))
        wait_until(lambda: metric(server, "grpc_server_started_total", grpc_method="Score") >= count)
        yield


def test_answers_that_nobody_reads_make_room_for_those_of_others(
    serve: Callable[..., Server], connect: Callable[..., Client]
) -> None:
    app = serve(onnx_models.identity(), unread_bytes_max=UNREAD_BYTES_MAX)
    with unread_calls(app, 4):
        wait_until(lambda: metric(app, "assayd_unread_answer_bytes") > UNREAD_BYTES_MAX / 2)
        assert len(connect(app).score(ROWS, outputs=["probabilities", "logits"])) == len(ROWS)
        wait_until(lambda: metric(app, "assayd_stalled_calls_total") > 0)
        wait_until(lambda: metric(app, "assayd_unread_answer_bytes") <= UNREAD_BYTES_MAX / 2)
    wait_until(lambda: metric(app, "assayd_unread_answer_bytes") == 0)


def test_an_answer_that_nobody_reads_waits_while_there_is_room(
    serve: Callable[..., Server], connect: Callable[..., Client]
) -> None:
    app = serve(onnx_models.identity())
    with unread_calls(app, 1):
        wait_until(lambda: metric(app, "assayd_unread_answer_bytes") > 0)
        assert len(connect(app).score(ROWS)) == len(ROWS)
        assert metric(app, "assayd_stalled_calls_total") == 0
