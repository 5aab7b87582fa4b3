"""How select_stream compares with a stream that stays open: batches decided a second, side by side.

    python -m benchmarks.select_stream [--short]

The client makes a call for each batch, with the state that the one before came to; a stream of gRPC keeps it in a
thread of the server. Rounds of both alternate, and the median of their ratios counts.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from queue import SimpleQueue

import grpc
import numpy as np
from onnx import TensorProto, helper

from assayd.arrays import encode
from assayd.testing import Server, serving
from assayd.v1 import rows_pb2, scoring_pb2, selection_pb2, selection_pb2_grpc

ROUNDS = 9
SETTINGS = selection_pb2.SelectionSettings(
    measure=scoring_pb2.UNCERTAINTY_MEASURE_LEAST_CONFIDENCE,
    policy=selection_pb2.SELECTION_POLICY_QUANTILE,
    budget=0.05,
)


def model() -> bytes:
    """Logits that are the input; the calls bring logits and do not run it."""
    matrix = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", 10]) for name in ("x", "logits")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["logits"])], "g", matrix[:1], matrix[1:])
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def by_calls(server: Server, batches: list[np.ndarray]) -> float:
    """Seconds of select_stream."""
    with server.client() as client:
        began = time.perf_counter()
        for _ in client.select_stream(({"logits": batch} for batch in batches), budget=0.05):
            pass
        return time.perf_counter() - began


def by_stream(server: Server, batches: list[np.ndarray]) -> float:
    """Seconds of a stream that stays open, each batch sent when the one before was answered."""
    sent: SimpleQueue[selection_pb2.SelectStreamRequest | None] = SimpleQueue()

    def requests() -> Iterator[selection_pb2.SelectStreamRequest]:
        yield selection_pb2.SelectStreamRequest(settings=SETTINGS)
        while (request := sent.get()) is not None:
            yield request

    with grpc.insecure_channel(server.address) as channel:
        began = time.perf_counter()
        answers = selection_pb2_grpc.SelectionServiceStub(channel).SelectStream(requests())
        for batch in batches:
            sent.put(selection_pb2.SelectStreamRequest(rows=rows_pb2.Rows(logits=encode(batch))))
            next(answers)
        sent.put(None)
        return time.perf_counter() - began


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    short = parser.parse_args().short
    rng = np.random.default_rng(0)
    print("rows a batch   calls / open stream, batches a second (median, lowest to highest of the rounds)")
    with serving(model()) as server:
        for rows in (1, 32, 1024):
            batches = [rng.normal(size=(rows, 10)).astype(np.float32) for _ in range(20 if short else 300)]
            ratios = []
            for _ in range(3 if short else ROUNDS):
                calls, stream = by_calls(server, batches), by_stream(server, batches)
                ratios.append(stream / calls)
            print(f"{rows:12d}   {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
