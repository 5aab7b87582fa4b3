"""The servers that are compared, each started as its users start it, on the server's core."""

import json
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.serving import open_inference, score_calls
from benchmarks.serving.asking import until_answered
from benchmarks.serving.cores import SERVER_CORE
from benchmarks.serving.exchanges import ENTROPY, PROBABILITIES, Answer, Exchange, only
from benchmarks.serving.network import Network
from benchmarks.serving.peers.places import HERE, debian_environment, python
from benchmarks.serving.programs import Program, free_port, running, until_listening

ASSAYD, ASSAYD_UNIX, TRITON, MLSERVER = "assayd", "assayd, Unix socket", "Triton", "MLServer"
ASSAYD_PLAIN = "assayd, plain calls"
ASSAYD_V2 = "assayd_v2"
"""Asked through the Open Inference Protocol, as Triton and MLServer are."""
ECHO, ECHO_UNIX = "bare echo", "bare echo, Unix socket"
START_SECONDS_MAX = 120.0
ON_SERVER_CORE = (SERVER_CORE,)


@dataclass(frozen=True)
class Served:
    """A server that answers."""

    name: str
    target: str
    """As gRPC writes it."""
    program: Program


@contextmanager
def assayd(folder: Path, *flags: str) -> Iterator[tuple[Served, Served]]:
    """`assayd serve` with the shipped defaults and these flags: over TCP, and over a Unix socket."""
    socket = folder / f"assayd-{free_port()}.sock"
    with assayd_tcp(folder, *flags, "--uds", str(socket)) as served:
        yield served, Served(ASSAYD_UNIX, f"unix:{socket}", served.program)


@contextmanager
def assayd_tcp(
    folder: Path, *flags: str, cores: Collection[int] = ON_SERVER_CORE, name: str = ASSAYD
) -> Iterator[Served]:
    """The same over TCP alone, and on other cores."""
    port = free_port()
    given = ["--port", str(port), "--metrics-port", str(free_port()), *flags]
    command = [sys.executable, "-m", "assayd_server", "serve", *given]
    with running(command, log=folder / f"assayd-{port}.log", cores=cores) as program:
        until_listening(port, program, timeout_seconds=START_SECONDS_MAX)
        yield Served(name, f"127.0.0.1:{port}", program)


@contextmanager
def assayd_plain(folder: Path, network: Network) -> Iterator[Served]:
    """The same over TCP, with a thread for each call."""
    with assayd_tcp(folder, *model_flags(network), "--plain-calls", name=ASSAYD_PLAIN) as served:
        yield served


def model_flags(network: Network) -> list[str]:
    """Serves the network with its reference, by which drift is counted."""
    return ["--model", str(network.model), "--reference", str(network.reference)]


@contextmanager
def echo(folder: Path) -> Iterator[tuple[Served, Served]]:
    """A bare grpc.server: over TCP, and over a Unix socket."""
    port, socket = free_port(), folder / "echo.sock"
    command = [sys.executable, "-m", "benchmarks.serving.echo_server", str(port), str(socket)]
    with running(command, log=folder / "echo.log", cores=ON_SERVER_CORE) as program:
        until_listening(port, program, timeout_seconds=START_SECONDS_MAX)
        yield Served(ECHO, f"127.0.0.1:{port}", program), Served(ECHO_UNIX, f"unix:{socket}", program)


@contextmanager
def triton(folder: Path, network: Network) -> Iterator[Served | None]:
    """Triton's own program inside pytriton; None where it is not set up."""
    interpreter = python("triton")
    if interpreter is None:
        yield None
        return
    ports = [free_port() for _ in range(3)]
    command = [str(interpreter), str(HERE / "triton_server.py"), str(network.model), *map(str, ports)]
    log, environment = folder / "triton.log", debian_environment()
    with running(command, log=log, cores=ON_SERVER_CORE, environment=environment) as program:
        until_listening(ports[0], program, timeout_seconds=START_SECONDS_MAX)
        yield Served(TRITON, f"127.0.0.1:{ports[0]}", program)


@contextmanager
def mlserver(folder: Path, network: Network) -> Iterator[Served | None]:
    """MLServer, one process; None where it is not set up."""
    interpreter = python("mlserver")
    if interpreter is None:
        yield None
        return
    settings = folder / "mlserver"
    settings.mkdir(exist_ok=True)
    ports = {name: free_port() for name in ("grpc_port", "http_port", "metrics_port")}
    (settings / "settings.json").write_text(json.dumps({"parallel_workers": 0, "host": "127.0.0.1", **ports}))
    implementation = {"name": open_inference.MODEL, "implementation": "mlserver_runtime.Network"}
    (settings / "model-settings.json").write_text(json.dumps(implementation))
    command = [str(interpreter.with_name("mlserver")), "start", str(settings)]
    environment = {"BENCHMARK_MODEL": str(network.model), "PYTHONPATH": str(HERE)}
    log = folder / "mlserver.log"
    with running(command, log=log, cores=ON_SERVER_CORE, environment=environment) as program:
        until_listening(ports["grpc_port"], program, timeout_seconds=START_SECONDS_MAX)
        yield Served(MLSERVER, f"127.0.0.1:{ports['grpc_port']}", program)


Asks = Callable[[np.ndarray, Answer], Exchange]
ASKS: dict[str, Asks] = {
    ASSAYD: score_calls.exchange,
    ASSAYD_UNIX: score_calls.exchange,
    ASSAYD_PLAIN: score_calls.exchange,
    ASSAYD_V2: open_inference.assayd_exchange,
    TRITON: open_inference.exchange,
    MLSERVER: open_inference.exchange,
}
"""How each is asked."""


def ready(served: Served, network: Network) -> Served:
    """The server, when it answers one row rightly."""
    rows = np.zeros((1, network.widths[0]), np.float32)
    expected = only(network.answer(rows), PROBABILITIES, ENTROPY)
    exchange = ASKS[served.name](rows, expected)
    until_answered(served.name, served.target, exchange, timeout_seconds=START_SECONDS_MAX)
    return served
