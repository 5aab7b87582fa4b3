"""Calls that keep a server busy for seconds."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import numpy as np

from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import rows_pb2, selection_pb2, selection_pb2_grpc
from scraping import metric
from waiting import wait_until

SLOW = {"width": 512, "hidden": 8192}
"""Of onnx_models.network: a pass of 1000 rows takes some tenths of a second."""

SLOWER = {**SLOW, "hidden": 4 * SLOW["hidden"]}
"""The same, of some seconds for a call of busy."""


@contextmanager
def busy(server: Server, count: int, *, threads: int = 64, rows: int = 4000) -> Iterator[list[grpc.Future]]:
    """Calls of Rank, of which so many have threads and take turns, and hold the turn for a while."""
    inputs = rows_pb2.Inputs(tensors=[encode(np.zeros((rows, SLOW["width"]), np.uint8))])
    request = selection_pb2.RankRequest(rows=rows_pb2.Rows(inputs=inputs), measure=2, count=1)
    with grpc.insecure_channel(server.address) as channel:
        stub = selection_pb2_grpc.SelectionServiceStub(channel)
        held = metric(server, "assayd_calls")
        calls = [stub.Rank.future(request, timeout=60) for _ in range(count)]
        wait_until(lambda: metric(server, "assayd_calls") == held + count)
        wait_until(lambda: metric(server, "assayd_pending_rows") >= rows * min(count, threads))
        try:
            yield calls
        finally:
            for call in calls:
                call.cancel()
