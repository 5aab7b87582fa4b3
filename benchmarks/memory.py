"""What passes and messages take, and what of it stays: python -m benchmarks.memory [--short]. Linux only.

Passes: a convolutional network of wide layers takes batches of changing sizes, in a process of its own for each
way to keep memory between passes. Messages: 64 callers send as many bytes as a message may have, again and again,
to a server of each kind. Writes benchmarks/results/memory.json unless --short.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from assayd import Client
from assayd_server import heap, memory_return
from assayd_server.model import OnnxModel
from benchmarks.pool_processes import in_process, memory_mib, serving_alone
from benchmarks.pool_serving import IR_VERSION, OPSET, perceptron

RESULTS = Path(__file__).parent / "results" / "memory.json"
PIXELS = (1, 28, 28)
CHANNELS = 64
WIDTH = 1024
MESSAGE_ROWS = 4000
"""Of WIDTH float32 numbers: 15.6 MiB."""
SIZES = (1, 32, 256, 1024)
Pass = Callable[[np.ndarray], None]


def wide_layers() -> bytes:
    """An .onnx file: two convolutions of 64 channels, whose outputs are 250 kB a row."""
    rng = np.random.default_rng(0)
    shapes = {"c1": (CHANNELS, 1, 3, 3), "c2": (CHANNELS, CHANNELS, 3, 3), "w": (CHANNELS, 10)}
    weights = [
        numpy_helper.from_array(rng.normal(0, 0.1, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "c1"], ["a1"], pads=[1] * 4),
        helper.make_node("Relu", ["a1"], ["h1"]),
        helper.make_node("Conv", ["h1", "c2"], ["a2"], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["a2"], ["h2"]),
        helper.make_node("GlobalAveragePool", ["h2"], ["means"]),
        helper.make_node("Flatten", ["means"], ["embedding"]),
        helper.make_node("MatMul", ["embedding", "w"], ["logits"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", *PIXELS])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", 10])
    graph = helper.make_graph(nodes, "wide", [x], [logits], weights)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString()


def passes(kind: str) -> tuple[Pass, Callable[[], None]]:
    """How a batch goes through the network, and how its memory is given back when nothing is computed."""
    if kind == "assayd":
        model = OnnxModel(wide_layers(), threads=1)
        return lambda x: model.run({"x": x}, ["logits"]) and None, model.release_memory
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = kind != "no arena"
    session = onnxruntime.InferenceSession(wide_layers(), options, providers=["CPUExecutionProvider"])
    run_options = onnxruntime.RunOptions()
    if kind == "shrunk after each pass":
        run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return lambda x: session.run(None, {"x": x}, run_options) and None, lambda: None


KINDS = ("assayd", "shrunk after each pass", "no arena")


def kept(kind: str, count: int) -> dict[str, float]:
    """Memory in MiB beyond that of a process which has run one row: at most, after the passes, given back."""
    run, release = passes(kind)
    rng = np.random.default_rng(0)
    x = rng.random((SIZES[-1], *PIXELS), dtype=np.float32)
    run(x[:1])
    before = memory_mib("VmRSS")
    for size in (*rng.integers(1, len(x), count), len(x)):
        run(x[:size])
    most, after = memory_mib("VmHWM"), memory_mib("VmRSS")
    release()
    heap.return_free_pages()
    return {"most": most - before, "after": after - before, "given back": memory_mib("VmRSS") - before}


def ratios(rounds: int) -> dict[str, dict[int, float]]:
    """The time of a pass over that of assayd's, by kind and rows; taken in turns, the median of pairs."""
    runs = {kind: passes(kind)[0] for kind in KINDS}
    found: dict[str, dict[int, float]] = {kind: {} for kind in KINDS}
    for size in SIZES:
        x = np.random.default_rng(0).random((size, *PIXELS), dtype=np.float32)
        seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(max(2, rounds // size)):
            for kind, run in runs.items():
                began = time.perf_counter()
                run(x)
                seconds[kind].append(time.perf_counter() - began)
        for kind, own in seconds.items():
            found[kind][size] = median(a / b for a, b in zip(own[1:], seconds["assayd"][1:], strict=True))
    return found


def messages(folder: Path, *, heaps: int | None, callers: int, rounds: int) -> dict[str, float]:
    """Memory in MiB of a server at the start, at most, after the last message, and a minute later."""
    rng = np.random.default_rng(0)
    layers = [(rng.normal(0, 0.03, shape), np.zeros(shape[1])) for shape in ((WIDTH, 64), (64, 10))]
    model = folder / "messages.onnx"
    model.write_bytes(perceptron(layers))
    x = rng.random((MESSAGE_ROWS, WIDTH), dtype=np.float32)
    if heaps is not None:
        os.environ["MALLOC_ARENA_MAX"] = str(heaps)  # the server's process reads it when it starts
    try:
        with serving_alone(model=model, inference_threads=1) as server, ExitStack() as stack:
            start = server.memory_mib("VmRSS")
            clients = [stack.enter_context(Client(server.address, deadline_seconds=300)) for _ in range(callers)]
            for _ in range(rounds):
                with ThreadPoolExecutor(callers) as threads:
                    list(threads.map(lambda client: len(client.score(x)), clients))
            found = {"start": start, "most": server.memory_mib("VmHWM"), "after": server.memory_mib("VmRSS")}
            time.sleep(memory_return.PAUSE_SECONDS + 2 * memory_return.LOOK_SECONDS)
            return found | {"a minute later": server.memory_mib("VmRSS")}
    finally:
        os.environ.pop("MALLOC_ARENA_MAX", None)


def table(title: str, rows: dict[str, dict[Any, float]], digits: int) -> str:
    """A Markdown table of numbers by row and column."""
    columns = list(next(iter(rows.values())))
    lines = [f"| {title} | {' | '.join(map(str, columns))} |", f"|{'---|' * (len(columns) + 1)}"]
    lines += [
        f"| {name} | {' | '.join(f'{row[column]:.{digits}f}' for column in columns)} |"
        for name, row in rows.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="seconds, and nothing is written")
    short = parser.parse_args().short
    by_kind = {kind: in_process(kept, kind, 3 if short else 100)[0] for kind in KINDS}
    print(table("MiB beyond one row's", by_kind, 0), "\n")
    times = in_process(ratios, 64 if short else 20_000)[0]
    print(table("time over assayd's, by rows", times, 2), "\n")
    result = {"passes_mib": by_kind, "time_over_assayd": times}
    if not short:
        with TemporaryDirectory() as folder:
            by_heaps = {
                name: messages(Path(folder), heaps=heaps, callers=64, rounds=4)
                for name, heaps in {"two heaps, as served": 2, "a heap for each thread": None}.items()
            }
        print(table("MiB of a server", by_heaps, 0))
        RESULTS.write_text(json.dumps(result | {"messages_mib": by_heaps}, indent=1) + "\n")


if __name__ == "__main__":
    main()
