"""Imports point down: the layers of the server and of the client, read from the source text."""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = (ROOT / "server", ROOT / "client")
S = "assayd_server"
DEMO, BUILD = f"{S}.demo", f"{S}.demo.build"
TESTING = "assayd.testing"
FRAMES = "assayd.frames"
CLI = "assayd.cli"
GRAPHS = (
    "graph",
    "graph_extension",
    "graph_size",
    "weights",
    "last_layer",
    "softmax_nodes",
    "coordinate_nodes",
    "novelty_nodes",
)
TABLE_INPUT = f"{S}.table_input"
WORKERS = f"{S}.workers"
COMMANDS = (
    f"{S}.app",
    DEMO,
    f"{S}.inspection",
    f"{S}.bundling",
    f"{S}.calibrating",
    f"{S}.index_building",
    f"{S}.reference_building",
)
TOP = (
    f"{S}.__main__",
    f"{S}.cli",
    f"{S}.index_cli",
    f"{S}.reference_cli",
    WORKERS,
    *COMMANDS,
    f"{S}.from_settings",
)
PARTS = f"{S}.from_settings"
STANDARD_LIBRARY = tuple(sys.stdlib_module_names)


@dataclass(frozen=True)
class Layer:
    """Modules that may import what is in the layers below them."""

    modules: tuple[str, ...]
    """Each stands for itself and for what it contains."""
    among_themselves: bool = False
    """Whether they may import each other too."""


@dataclass(frozen=True)
class Rule:
    """What some modules may not import."""

    sentence: str
    within: tuple[str, ...]
    unless: tuple[str, ...] = ()
    """Modules within, for which the rule does not hold."""
    forbidden: tuple[str, ...] = ()
    but: tuple[str, ...] = ()
    """Parts of what is forbidden that are allowed."""
    only: tuple[str, ...] = ()
    """Where it is given, everything else is forbidden."""


# From top to bottom. A module of the server that is not named here is in the layer above core.
LAYERS = (
    Layer((f"{S}.__main__",)),
    Layer((f"{S}.cli",)),
    Layer((f"{S}.index_cli", f"{S}.reference_cli")),
    Layer((BUILD, WORKERS)),
    Layer(COMMANDS),
    Layer((PARTS,)),
    Layer((f"{S}.rpc",)),
    Layer((f"{S}.sampling",)),
    Layer((f"{S}.engine",)),
    Layer((S,), among_themselves=True),
    Layer((f"{S}.core",)),
)
CORE = len(LAYERS) - 1
THE_REST = CORE - 1

RULES = (
    Rule(
        "core is arithmetic: the standard library, NumPy, scipy.special and core itself",
        within=(f"{S}.core",),
        only=(*STANDARD_LIBRARY, "numpy", "scipy.special", f"{S}.core"),
    ),
    Rule("only rpc speaks gRPC", within=(S,), unless=(f"{S}.rpc", DEMO), forbidden=("grpc", "grpc_*")),
    Rule(
        "only core_calls.py uses what is not public of gRPC",
        within=(S, "assayd"),
        unless=(f"{S}.rpc.direct.core_calls",),
        forbidden=("grpc._cython", "grpc._server"),
    ),
    Rule(
        "only tracing.py knows OpenTelemetry, and is imported where it is wanted",
        within=(S, "assayd"),
        unless=(f"{S}.rpc.tracing",),
        forbidden=("opentelemetry",),
    ),
    Rule("only model.py runs ONNX Runtime", within=(S,), unless=(f"{S}.model", BUILD), forbidden=("onnxruntime",)),
    Rule("only pool.py searches with Faiss", within=(S, "assayd"), unless=(f"{S}.pool",), forbidden=("faiss",)),
    Rule(
        "only object_store.py speaks with object stores",
        within=(S, "assayd"),
        unless=(f"{S}.object_store",),
        forbidden=("obstore",),
    ),
    Rule(
        "of the client the server shares the stubs and the byte layout; table_input.py reads tables as it does",
        within=(S,),
        unless=(DEMO, TABLE_INPUT),
        forbidden=("assayd",),
        but=("assayd.v1", "assayd.arrays"),
    ),
    Rule(
        "below rpc there are no messages",  # assayd.arrays makes them too
        within=(S,),
        unless=(*TOP, f"{S}.rpc", TABLE_INPUT),
        forbidden=(f"{S}.rpc", "google", "assayd"),
    ),
    Rule(
        "what reads tables takes no more of the client than tables and their files, and pyarrow",
        within=(TABLE_INPUT,),
        only=(
            *STANDARD_LIBRARY,
            "numpy",
            "pyarrow",
            "assayd.results",
            "assayd.tables",
            "assayd.cli.columns",
            "assayd.cli.exits",
            "assayd.cli.sources",
            S,
        ),
    ),
    Rule("only table_input.py needs pyarrow", within=(S,), unless=(TABLE_INPUT,), forbidden=("pyarrow",)),
    Rule(
        "settings are built by cli and read by app and workers",
        within=(S,),
        unless=(f"{S}.cli", f"{S}.app", f"{S}.configuring", PARTS, WORKERS),
        forbidden=(f"{S}.config", f"{S}.configuring"),
    ),
    Rule(
        "only logs.py knows structlog, which obeys the program around it",
        within=(S,),
        unless=(f"{S}.logs",),
        forbidden=("structlog",),
    ),
    Rule(
        "the client knows nothing of the server",
        within=("assayd",),
        unless=(TESTING,),
        forbidden=(S,),
    ),
    Rule(
        "the client needs no more than its four requirements",
        within=("assayd",),
        unless=(TESTING, FRAMES, CLI),
        only=(*STANDARD_LIBRARY, "numpy", "grpc", "google", "assayd"),
    ),
    Rule(
        "what starts a server in a test needs the server and no more",
        within=(TESTING,),
        unless=(f"{TESTING}.fixtures",),
        only=(*STANDARD_LIBRARY, "assayd", S),
    ),
    Rule(
        "what starts servers in tests is for tests",
        within=("assayd", S),
        unless=(TESTING,),
        forbidden=(TESTING,),
    ),
    Rule(
        "frames are made by frames.py alone",
        within=(FRAMES,),
        only=(*STANDARD_LIBRARY, "numpy", "assayd", "pandas", "pyarrow"),
    ),
    Rule("the client does not know its command line", within=("assayd",), unless=(CLI,), forbidden=(CLI,)),
    Rule(
        "the command line stands on the client, typer, rich and pyarrow",
        within=(CLI,),
        only=(*STANDARD_LIBRARY, "numpy", "grpc", "grpc_health", "assayd", "typer", "rich", "pyarrow"),
    ),
    Rule(
        "models are trained by the demo's script alone",
        within=(S,),
        unless=(BUILD,),
        forbidden=("sklearn", "skl2onnx", "threadpoolctl"),
    ),
    Rule(
        "only graph.py, graph_size.py, graph_extension.py, weights.py, last_layer.py, ..._nodes.py read graphs",
        within=(S,),
        unless=(*(f"{S}.{name}" for name in GRAPHS), BUILD),
        forbidden=("onnx",),
    ),
    Rule("the demo's script is run and not imported", within=(S,), forbidden=(BUILD,)),
)


@dataclass(frozen=True)
class Module:
    """A module's name, and where its text is from."""

    name: str
    path: Path
    text: str

    @property
    def package(self) -> str:
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a module imports, inside of functions too."""
    for node in ast.walk(ast.parse(module.text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.package.split(".")
            start = ".".join(parents[: len(parents) + 1 - node.level]) if node.level else ""
            base = ".".join(filter(None, (start, node.module)))
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def fits(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name is one of these modules or in one of them."""
    return any(
        name.startswith(pattern[:-1]) if pattern.endswith("*") else f"{name}.".startswith(f"{pattern}.")
        for pattern in patterns
    )


def concerns(rule: Rule, module: str) -> bool:
    return fits(module, rule.within) and not fits(module, rule.unless)


def breaks(rule: Rule, imported: str) -> bool:
    if rule.only:
        return not fits(imported, rule.only)
    return fits(imported, rule.forbidden) and not fits(imported, rule.but)


def place(name: str) -> tuple[int, str]:
    """The layer of a module of the server, and which of the layer's modules it belongs to."""
    order = [*range(THE_REST), CORE, THE_REST]  # the one that takes the rest comes last
    return next((number, unit) for number in order for unit in LAYERS[number].modules if fits(name, (unit,)))


def points_down(importer: str, imported: str) -> bool:
    (above, importers_unit), (below, importeds_unit) = place(importer), place(imported)
    beside = above == below and (LAYERS[above].among_themselves or importers_unit == importeds_unit)
    return above < below or beside


def violations(module: Module) -> list[str]:
    """What a module imports and should not: file, line, import and rule."""
    found = []
    for line, imported in imports(module):
        broken = [rule.sentence for rule in RULES if concerns(rule, module.name) and breaks(rule, imported)]
        if fits(module.name, (S,)) and imported.startswith(f"{S}.") and not points_down(module.name, imported):
            broken.append("imports point down")
        found += [f"{module.path}:{line}: imports {imported}, but {sentence}" for sentence in broken]
    return found


def cycle(modules: Mapping[str, Module]) -> list[str]:
    """Modules that import each other in a ring; empty where there is none."""
    graph = {
        name: {target for target in targets(module, modules) if target != name} for name, module in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def targets(module: Module, modules: Mapping[str, Module]) -> Iterator[str]:
    """The modules that a module imports: of package.module.name, the longest part that is one."""
    for _, imported in imports(module):
        parts = imported.split(".")
        prefixes = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        yield from [name for name in prefixes if name in modules][:1]


def read(path: Path, source: Path) -> Module:
    parts = path.relative_to(source).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path.relative_to(ROOT), path.read_text(encoding="utf-8"))


def invented(name: str, text: str) -> Module:
    return Module(name, Path(*name.split(".")).with_suffix(".py"), text)


GENERATED = "assayd.v1"
MODULES = {
    module.name: module
    for source in SOURCES
    for module in (read(path, source) for path in sorted(source.rglob("*.py")))
    if not fits(module.name, (GENERATED,))
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_it_may(name: str) -> None:
    assert violations(MODULES[name]) == []


def test_no_modules_of_the_server_import_each_other_in_a_ring() -> None:
    assert cycle({name: module for name, module in MODULES.items() if fits(name, (S,))}) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.sentence)
def test_a_rule_is_about_modules_that_there_are(rule: Rule) -> None:
    assert any(concerns(rule, name) for name in MODULES)
    assert [name for name in rule.unless if name not in MODULES] == []


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.modules[0])
def test_a_layer_is_made_of_modules_that_there_are(layer: Layer) -> None:
    assert [name for name in layer.modules if name not in MODULES] == []


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (f"{S}.core.softmax", "import pandas", "core is arithmetic"),
        (f"{S}.core.softmax", "from scipy import stats", "core is arithmetic"),
        (f"{S}.core.softmax", "from assayd_server import errors", "core is arithmetic"),
        (f"{S}.engine", "import grpc", "only rpc speaks gRPC"),
        (f"{S}.rpc.server", "from grpc._cython import cygrpc", "only core_calls.py uses what is not public"),
        (f"{S}.metrics", "from grpc_health.v1 import health", "only rpc speaks gRPC"),
        (f"{S}.servable", "import onnxruntime as ort", "only model.py runs ONNX Runtime"),
        (f"{S}.rpc.server", "from opentelemetry import trace", "only tracing.py knows OpenTelemetry"),
        (f"{S}.engine", "from faiss import IndexFlatL2", "only pool.py searches with Faiss"),
        (f"{S}.mirror", "from obstore.store import S3Store", "only object_store.py speaks with object stores"),
        (f"{S}.rpc.requests", "from assayd import Client", "of the client the server shares"),
        (f"{S}.plan", "from assayd.v1 import rows_pb2", "below rpc there are no messages"),
        (f"{S}.feeds", "from google.protobuf import any_pb2", "below rpc there are no messages"),
        (f"{S}.gate", "from assayd_server.rpc import status", "below rpc there are no messages"),
        (f"{S}.rpc.server", "from assayd_server.config import Settings", "settings are built by cli"),
        (f"{S}.app", "from assayd_server.workers import supervisor", "imports point down"),
        (f"{S}.inspection", "from assayd_server import config", "settings are built by cli"),
        ("assayd.rows", "from assayd_server.core import softmax", "the client knows nothing of the server"),
        ("assayd.rows", "import pydantic", "the client needs no more"),
        ("assayd.client", "from assayd.testing import serving", "what starts servers in tests is for tests"),
        ("assayd.testing.server", "import pytest", "what starts a server in a test needs"),
        (f"{S}.engine", "import structlog", "only logs.py knows structlog"),
        ("assayd.tables.detection", "import pandas", "the client needs no more"),
        (FRAMES, "import polars", "frames are made by frames.py alone"),
        ("assayd.rows", "from pyarrow import parquet", "the client needs no more"),
        ("assayd.client", "from assayd.cli import parts", "the client does not know its command line"),
        (f"{CLI}.bulk", "import pandas", "the command line stands on the client"),
        (f"{CLI}.bulk", "from assayd_server.app import App", "the client knows nothing of the server"),
        (f"{S}.demo.run", "import sklearn.datasets", "models are trained by the demo's script alone"),
        (f"{S}.servable", "import onnx", "only graph.py, graph_size.py, graph_extension.py"),
        (f"{S}.cli", "from assayd_server.demo import build", "the demo's script is run and not imported"),
        (f"{S}.engine", "from assayd_server.app import App", "imports point down"),
        (f"{S}.engine", "from assayd_server import cli", "imports point down"),
        (f"{S}.gate", "from assayd_server.engine import Engine", "imports point down"),
        (f"{S}.inspection", "from assayd_server.app import App", "imports point down"),
        (f"{S}.rpc.server", "from assayd_server.from_settings import load_models", "imports point down"),
        (f"{S}.calibrating", "from assayd_server.bundling import bundle", "imports point down"),
        (f"{S}.bundling", "from assayd_server.inspection import describe", "imports point down"),
        (f"{S}.app", "def start():\n    from . import cli", "imports point down"),
        (f"{S}.a_new_module", "from .engine import Engine", "imports point down"),
    ],
)
def test_the_checker_catches_a_violation(name: str, text: str, sentence: str) -> None:
    assert any(f", but {sentence}" in found for found in violations(invented(name, text)))


def test_the_checker_names_file_line_and_import() -> None:
    module = invented(f"{S}.engine", "import time\n\n\ndef late():\n    import grpc.aio\n")
    assert violations(module) == ["assayd_server/engine.py:5: imports grpc.aio, but only rpc speaks gRPC"]


def test_the_checker_lets_pass_what_is_allowed() -> None:
    text = "import numpy as np\nfrom scipy.special import entr\nfrom . import arrays\nfrom .arrays import Floats\n"
    assert violations(invented(f"{S}.core.softmax", text)) == []


def test_the_checker_finds_a_ring() -> None:
    texts = {"p": "", "p.a": "from p import b", "p.b": "def f():\n    from .c import g", "p.c": "import p.a.x"}
    ring = cycle({name: invented(name, text) for name, text in texts.items()})
    assert set(ring) == {"p.a", "p.b", "p.c"}
