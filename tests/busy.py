"""A server that is busy for as long as a test likes: it computes nothing, and calls wait."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import numpy as np

from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import rows_pb2, selection_pb2, selection_pb2_grpc
from assayd_server.caller import Caller
from scraping import metric
from waiting import wait_until

WIDTH = 64
"""Of a row of onnx_models.network()."""


@contextmanager
def busy(server: Server, count: int, *, threads: int = 64, rows: int = 2) -> Iterator[list[grpc.Future]]:
    """Calls of Rank, of which so many have threads and wait for their turn, which is held; none is computed."""
    inputs = rows_pb2.Inputs(tensors=[encode(np.zeros((rows, WIDTH), np.uint8))])
    request = selection_pb2.RankRequest(rows=rows_pb2.Rows(inputs=inputs), measure=2, count=1)
    gate = server._app._engine.merging._gate
    with grpc.insecure_channel(server.address) as channel, gate.enter(0, Caller()):
        stub = selection_pb2_grpc.SelectionServiceStub(channel)
        held, ended = metric(server, "assayd_calls"), _ended(server)
        calls = [stub.Rank.future(request, timeout=60) for _ in range(count)]
        wait_until(lambda: metric(server, "assayd_calls") == held + count)
        wait_until(lambda: metric(server, "assayd_pending_rows") >= rows * min(count, threads))
        try:
            yield calls
        finally:
            for call in calls:
                call.cancel()
            wait_until(lambda: _ended(server) >= ended + count)


def _ended(server: Server) -> float:
    return metric(server, "grpc_server_handled_total", grpc_method="Rank")
