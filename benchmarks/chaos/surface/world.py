"""The server that is asked: a network, a pool and a reference, in versions that differ by temperature."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from assayd import Client
from benchmarks.chaos.replica import Replica, running, wait_until
from benchmarks.chaos.surface.expected import CLASSES, HIDDEN, WIDTH, Floats, Network, random_network
from benchmarks.pool_serving import IR_VERSION, OPSET

POOL_ROWS, REFERENCE_ROWS = 300, 4000
WORKERS = 2
TEMPERATURES = (1.0, 2.0, 0.5, 1.5)
"""Of versions, in turn."""


@dataclass
class World:
    """What there is, and what is known of it."""

    seed: int
    root: Path
    replica: Replica
    client: Client
    network: Network
    pool: Floats
    """The vectors of the pool; ids are row numbers."""
    rng: np.random.Generator
    newest: int = 1
    counts: dict[str, int] = field(default_factory=dict)
    """How often each thing was done."""

    def temperature(self, version: int) -> float:
        """That its softmax divides by."""
        return TEMPERATURES[(version - 1) % len(TEMPERATURES)]

    def rows(self, count: int, *, shift: float = 0.0) -> Floats:
        """Rows such as those of the reference, or shifted ones."""
        return self.rng.normal(shift, 1, (count, WIDTH)).astype(np.float32)

    def publish(self) -> None:
        """A new version, which is there for all workers when it comes back."""
        self.newest += 1
        folder = self.root / "m" / str(self.newest)
        shutil.copytree(self.root / "m" / "1", folder, ignore=shutil.ignore_patterns("bundle.json"))
        manifest = json.loads((self.root / "m" / "1" / "bundle.json").read_text())
        manifest["temperature"] = self.temperature(self.newest)
        (folder / "manifest").write_text(json.dumps(manifest))
        (folder / "manifest").rename(folder / "bundle.json")
        wait_until(self._all_have_it, what="the new version")

    def kill_a_worker(self) -> None:
        """And come back while the other one has to answer; there are two again before."""
        wait_until(lambda: self.replica.metric("assayd_workers_alive") == WORKERS, what="two workers")
        wait_until(self._all_have_it, what="the versions")
        workers = [child for child in self.replica.children() if _is_worker(child)]
        os.kill(int(self.rng.choice(workers)), signal.SIGKILL)

    def _all_have_it(self) -> bool:
        return self.replica.metric("assayd_model_info", version=str(self.newest)) == WORKERS


@contextmanager
def world(folder: Path, seed: int) -> Iterator[World]:
    """A server of two workers with all of it, and a client."""
    rng = np.random.default_rng(seed)
    network = random_network(seed)
    root = folder / "models"
    pool = _build(folder, root, network, rng)
    replica = Replica(
        folder / "server", f"--repository={root}", f"--workers={WORKERS}", "--repository-poll-seconds=0.2"
    )
    with running(replica), Client(replica.address, deadline_seconds=30) as client:
        yield World(seed, root, replica, client, network, pool, rng)


def _build(folder: Path, root: Path, network: Network, rng: np.random.Generator) -> Floats:
    (folder / "model.onnx").write_bytes(_onnx(network))
    pool_rows = rng.normal(0, 1, (POOL_ROWS, WIDTH)).astype(np.float32)
    np.save(folder / "pool.npy", pool_rows)
    np.save(folder / "reference.npy", rng.normal(0, 1, (REFERENCE_ROWS, WIDTH)).astype(np.float32))
    bundle = root / "m" / "1"
    bundle.parent.mkdir(parents=True)
    _assayd("bundle", folder / "model.onnx", "--output", bundle)
    _assayd("reference", "build", "--bundle", bundle, "--input", folder / "reference.npy")
    _assayd("index", "build", "--bundle", bundle, "--input", folder / "pool.npy", "--kind", "flat")
    return network.embeddings(pool_rows)


def _assayd(*arguments: Any) -> None:
    subprocess.run([sys.executable, "-m", "assayd_server", *map(str, arguments)], check=True, capture_output=True)


def _onnx(network: Network) -> bytes:
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["a1"]),
        helper.make_node("Tanh", ["a1"], ["embedding"]),
        helper.make_node("Gemm", ["embedding", "w2", "b2"], ["logits"]),
    ]
    widths = {"x": WIDTH, "embedding": HIDDEN, "logits": CLASSES}
    info = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width])
        for name, width in widths.items()
    }
    weights = [numpy_helper.from_array(getattr(network, name), name) for name in ("w1", "b1", "w2", "b2")]
    graph = helper.make_graph(nodes, "surface", [info["x"]], [info["logits"], info["embedding"]], weights)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString()


def _is_worker(process: int) -> bool:
    """And not what Python's own spawning has beside them."""
    return b"resource_tracker" not in Path(f"/proc/{process}/cmdline").read_bytes()
