"""The tests with the lowest and the newest versions that pyproject.toml admits, on each Python: make test-matrix.

A cell is such a combination: `lowest-3.11`, `newest-3.11`, `newest-3.12` and so on. Each gets an environment of
its own, .venv-matrix-<cell>, made anew each time. The development tools are always the newest.
"""

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("grpcio", "protobuf", "numpy", "onnxruntime")
_PYTHON = "Programming Language :: Python :: "


@dataclass(frozen=True)
class Cell:
    """One environment to test in."""

    versions: str
    """lowest or newest."""
    python: str
    """Such as 3.11."""

    @property
    def name(self) -> str:
        return f"{self.versions}-{self.python}"

    @property
    def folder(self) -> Path:
        return ROOT / f".venv-matrix-{self.name}"


def cells(project: Mapping[str, Any]) -> list[Cell]:
    """The lowest versions on the oldest Python, which has wheels for them all, and the newest on every Python."""
    classifiers = (text for text in project["classifiers"] if text.startswith(_PYTHON))
    pythons = sorted((text.removeprefix(_PYTHON) for text in classifiers), key=Version)
    return [Cell("lowest", pythons[0]), *(Cell("newest", python) for python in pythons)]


def extras(project: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is tested: all but what examples train with, which the package does not import, and which is large."""
    return {name: texts for name, texts in project["optional-dependencies"].items() if name != "train"}


def lowest_pins(settings: Mapping[str, Any]) -> list[str]:
    """A pin to its lower bound for each requirement of the package and of its extras, and for libraries of tables.

    Args:
        settings: what pyproject.toml holds.

    Raises:
        ValueError: a requirement has no lower bound, so that nobody knows what it works with.
    """
    project, groups = settings["project"], settings["dependency-groups"]
    lists = (project["dependencies"], *extras(project).values(), groups["tables"])
    bounds: dict[str, Version] = {}
    for requirement in (Requirement(text) for texts in lists for text in texts):
        bound = _lower_bound(requirement)
        bounds[requirement.name] = max(bound, bounds.get(requirement.name, bound))
    return [f"{name}=={bound}" for name, bound in sorted(bounds.items())]


def _lower_bound(requirement: Requirement) -> Version:
    for specifier in requirement.specifier:
        if specifier.operator in (">=", "=="):
            return Version(specifier.version)
    raise ValueError(f"{requirement}: has no lower bound")


def missing(found: Iterable[Cell]) -> list[Cell]:
    """The cells whose Python does not run on this machine; a shim may be there without what it stands for."""
    return [cell for cell in found if not shutil.which(f"python{cell.python}") or not _runs(cell)]


def _runs(cell: Cell) -> bool:
    return subprocess.run([f"python{cell.python}", "-c", ""], capture_output=True, check=False).returncode == 0


def run(cell: Cell, settings: Mapping[str, Any]) -> str:
    """Make the cell's environment and run the tests in it: what became of it."""
    print(f"{cell.name}: installing ...", flush=True)
    python = str(cell.folder / "bin" / "python")
    subprocess.run([f"python{cell.python}", "-m", "venv", "--clear", str(cell.folder)], check=True)
    pins = cell.folder / "pins.txt"
    pins.write_text("\n".join(lowest_pins(settings) if cell.versions == "lowest" else []))
    package = f"{ROOT}[{','.join(extras(settings['project']))}]"
    install = ["install", "--constraint", str(pins), "--editable", package, "--group", "dev"]
    for arguments in (["install", "--upgrade", "pip"], install):
        if subprocess.run([python, "-m", "pip", "--quiet", *arguments], cwd=ROOT, check=False).returncode:
            return "failed: it cannot be installed"
    print(f"{cell.name}: testing with {_versions(python)} ...", flush=True)
    tests = [python, "-m", "pytest", "-q", "--numprocesses", "2", "--dist", "loadgroup", "-p", "no:cacheprovider"]
    code = subprocess.run(tests, cwd=ROOT, check=False).returncode
    return f"{'failed' if code else 'passed'}: {_versions(python)}"


def _versions(python: str) -> str:
    code = "import sys, importlib.metadata as m; print(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"
    return subprocess.run([python, "-c", code, *SHOWN], check=True, capture_output=True, text=True).stdout.strip()


def main() -> int:
    """Run the cells one after the other: the exit code is not 0 where one failed or none could run."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    every = cells(settings["project"])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print the cells and the lowest versions")
    parser.add_argument("--only", choices=[cell.name for cell in every], help="run this cell alone")
    arguments = parser.parse_args()
    if arguments.list:
        print("cells: ", *(cell.name for cell in every))
        print("lowest:", *lowest_pins(settings))
        return 0
    chosen = [cell for cell in every if arguments.only in (None, cell.name)]
    left_out = missing(chosen)
    results = {cell.name: run(cell, settings) for cell in chosen if cell not in left_out}
    results |= {cell.name: f"left out: python{cell.python} does not run here" for cell in left_out}
    print("\n" + "\n".join(f"{cell.name:12} {results[cell.name]}" for cell in chosen))
    outcomes = {result.partition(":")[0] for result in results.values()}
    return 0 if "passed" in outcomes and "failed" not in outcomes else 1


if __name__ == "__main__":
    sys.exit(main())
