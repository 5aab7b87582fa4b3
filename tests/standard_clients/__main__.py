"""Real clients of the Open Inference Protocol against assayd, and one suite against its peers too: make clients.

Each client has an environment of its own, .venv-client-<name>: they want an older protobuf than assayd may have.
The servers are processes of their own. Triton and MLServer take part where make bench has set them up.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks.serving import network, systems  # noqa: E402

from assayd import Client  # noqa: E402
from processes import serving  # noqa: E402

HERE = Path(__file__).resolve().parent
DEMO = ROOT / "server" / "assayd_server" / "demo"
REQUIREMENTS = {
    "triton": ["tritonclient[grpc]==2.73.0", f"--editable={ROOT}[server]"],
    "mlserver": ["mlserver==1.7.1"],
    "kserve": ["kserve==0.21.0"],
}
"""By environment; that of tritonclient has assayd's server too, which has to bear it."""
OWN_MEASURES = ("entropy", "margin", "least_confidence", "ratio")
PEERS = ("assayd", systems.TRITON, systems.MLSERVER)
BUT = {"assayd": set(), systems.TRITON: {"the index lists the model"}}
"""What is not so, by who else has to do everything: models that pytriton brings lie in no repository."""


@dataclass(frozen=True)
class Script:
    """A client's script, with its environment and its arguments."""

    environment: str
    name: str
    arguments: tuple[str, ...]

    def run(self) -> bool:
        """Whether all went well; it prints what it has looked at."""
        command = [python(self.environment), str(HERE / f"{self.name}.py"), *self.arguments]
        print(f"\n{self.name} {self.arguments[0] if self.name == 'one_process' else ''}", flush=True)
        return subprocess.run(command, check=False, timeout=300).returncode == 0


def python(environment: str) -> str:
    """The interpreter of a client's environment."""
    return str(ROOT / f".venv-client-{environment}" / "bin" / "python")


def install(environment: str) -> None:
    """Make a client's environment, unless it has what is wanted already."""
    folder, wanted = ROOT / f".venv-client-{environment}", "\n".join(REQUIREMENTS[environment])
    done = folder / "wanted.txt"
    if done.exists() and done.read_text() == wanted:
        return
    print(f"installing {environment}'s client ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    command = [python(environment), "-m", "pip", "install", "--quiet", *REQUIREMENTS[environment]]
    subprocess.run(command, check=True)
    done.write_text(wanted)


def written_answers(address: str, place: Path) -> str:
    """Rows of the demo, and what assayd's own client is told of them: the name of the model's input."""
    with Client(address) as client:
        (spec,) = client.model().inputs
        rows = np.load(DEMO / "held_out.npz")["images"][:40].astype(spec.data_type)
        scores = client.score(
            rows, outputs=["probabilities", "embeddings"], uncertainties=[*OWN_MEASURES], novelty=["combined"]
        )
    assert scores.novelty is not None
    wanted = {f"assayd.{measure}": scores.uncertainty[measure] for measure in OWN_MEASURES}
    wanted |= {"assayd.probabilities": scores.probabilities, "assayd.embedding": scores.embeddings}
    wanted |= {
        "assayd.novelty": scores.novelty.scores["combined"],
        "assayd.novelty_p": scores.novelty.p_values["combined"],
    }
    np.savez(place, rows=rows, **wanted)
    return spec.name


def clients(folder: Path) -> bool:
    """Whether every client of the protocol is served as its users expect."""
    with serving(folder / "assayd.log", "--repository", str(DEMO / "models")) as server:
        address, expected = f"127.0.0.1:{server.port}", str(folder / "expected.npz")
        name = written_answers(address, Path(expected))
        scripts = [
            Script("triton", "triton_client", (address, expected)),
            Script("triton", "triton_asyncio", (address, expected)),
            Script("triton", "one_process", ("theirs-first", expected)),
            Script("triton", "one_process", ("ours-first", expected)),
            Script("triton", "documented", (address, str(ROOT / "docs" / "standard_clients.md"))),
            Script("mlserver", "mlserver_client", (address, expected)),
            Script("kserve", "kserve_client", (address, expected, name)),
        ]
        well = [script.run() for script in scripts]
    return all(well)


@contextmanager
def peers(folder: Path) -> Iterator[dict[str, str]]:
    """Addresses of servers of one network, by name."""
    served = network.written(folder / "network", classes=10, reference_rows=400)
    model = served.model.rename(served.model.with_name("network.onnx"))
    with ExitStack() as stack:
        own = stack.enter_context(serving(folder / "network.log", "--model", str(model)))
        found = {"assayd": f"127.0.0.1:{own.port}"}
        for start in (systems.triton, systems.mlserver):
            peer = stack.enter_context(start(folder, network.Network(served.widths, model, served.reference)))
            if peer is not None:
                found[peer.name] = systems.ready(peer, served).target
        yield found


def protocol(folder: Path) -> bool:
    """Whether assayd does all that the suite looks at, and Triton too, or it would be no suite of the protocol."""
    found: dict[str, Mapping[str, str]] = {}
    with peers(folder) as addresses:
        for name, address in addresses.items():
            result, prefix = folder / f"{name}.json", "assayd." if name == "assayd" else ""
            command = [python("triton"), str(HERE / "protocol.py"), address, str(result), prefix]
            subprocess.run(command, check=True, timeout=300)
            found[name] = json.loads(result.read_text())
    print(f"\n{'the protocol':50}" + "".join(f"{name:10}" for name in found))
    for check in found["assayd"]:
        print(f"{check:50}" + "".join(f"{'ok' if each[check] == 'ok' else 'no':10}" for each in found.values()))
    for name, results in found.items():
        print("\n".join(f"{name}: {check}: {said[:200]}" for check, said in results.items() if said != "ok"))
    print("\n".join(f"left out: {name}, which make bench sets up" for name in PEERS if name not in found))
    missed = {name: {check for check, said in each.items() if said != "ok"} for name, each in found.items()}
    return all(missed[name] <= but for name, but in BUT.items() if name in missed)


PARTS = {"clients": clients, "protocol": protocol}


def main() -> int:
    """Run what is asked for: the exit code is not 0 where something is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=[*PARTS], help="run this part alone")
    chosen = parser.parse_args().only
    for environment in REQUIREMENTS:
        install(environment)
    with TemporaryDirectory(prefix="assayd-clients-") as folder:
        well = [run(Path(folder)) for name, run in PARTS.items() if chosen in (None, name)]
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
