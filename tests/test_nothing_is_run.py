"""Nothing that comes in files or messages is run: no unpickling, no evaluation, no shell, in server and client."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [
    path
    for folder in ("client/assayd", "server/assayd_server")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.parent != ROOT / "client" / "assayd" / "v1"
]
OF_ONE_PROGRAM = {f"server/assayd_server/workers/{name}.py" for name in ("child", "messages", "worker")}
"""A parent and its workers send each other objects over pipes that they inherit, and nobody else has."""
MODULES = {
    "pickle",
    "cPickle",
    "_pickle",
    "dill",
    "cloudpickle",
    "joblib",
    "jsonpickle",
    "marshal",
    "shelve",
    "multiprocessing",  # its connections unpickle what they receive
    "yaml",
    "xml",  # expands what it is given
    "code",
    "runpy",
}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp"}
UNPICKLING = {"np.load", "np.lib.format.read_array", "npy.read_array"}
"""Do so where nobody says otherwise, or did in older releases."""


def dangers(text: str) -> list[str]:
    """What a module does and should not, by line."""
    return [f"{line}: {what}" for node in ast.walk(ast.parse(text)) for line, what in _dangers_of(node)]


def _dangers_of(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        yield from ((node.lineno, f"imports {name}") for name in names if name.partition(".")[0] in MODULES)
    if not isinstance(node, ast.Call):
        return
    name = ast.unparse(node.func)
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    if name in CALLS:
        yield node.lineno, f"calls {name}"
    if name in UNPICKLING and not _is(given.get("allow_pickle"), False):
        yield node.lineno, f"calls {name} without allow_pickle=False"
    for keyword in ("allow_pickle", "shell"):
        if keyword in given and not _is(given[keyword], False):
            yield node.lineno, f"calls {name} with {keyword}"


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_runs_nothing_that_it_is_given(path: Path) -> None:
    found = dangers(path.read_text(encoding="utf-8"))
    if str(path.relative_to(ROOT)) in OF_ONE_PROGRAM:
        found = [danger for danger in found if "imports multiprocessing" not in danger]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "def late():\n    from joblib import load",
        "import multiprocessing.connection",
        "eval(text)",
        "exec(text)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "npy.read_array(file)",
        "os.system(command)",
        "subprocess.run(command, shell=True)",
    ],
)
def test_the_checker_finds_what_runs_something(text: str) -> None:
    assert len(dangers(text)) >= 1


def test_the_checker_lets_pass_what_reads_numbers() -> None:
    assert dangers("np.load(path, allow_pickle=False)\njson.loads(text)\nre.compile('a')\nmodel.eval") == []
