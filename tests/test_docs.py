"""The documents are true: every snippet runs, every command exists, and nothing is left out."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import helm_python
import numpy as np
import pyarrow as pa
import pytest
import typer
import yaml
from pyarrow import csv, parquet
from typer.testing import CliRunner

import onnx_models
from assayd.cli.app import app as assayctl
from assayd_server.bundle import Manifest
from assayd_server.cli import app as cli
from assayd_server.config import Settings
from processes import ServerProcess, serving

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))
import reference  # noqa: E402

SECURITY = ROOT / "docs" / "security.md"
"""Its commands and snippets need a server with certificates and tokens: test_security_docs.py runs them."""
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
DEMO_MODELS = ROOT / "server" / "assayd_server" / "demo" / "models"


def blocks(language: str) -> list[tuple[str, str]]:
    """(page and number, text) of every code block in that language."""
    return [
        (f"{page.relative_to(ROOT)}:{number}", text)
        for page in PAGES
        for number, text in enumerate(re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL))
    ]


SCRIPTS = {name: text for name, text in blocks("sh") if "buf curl" in text}
"""Blocks that are run as they stand."""


def commands(program: str, page: Path | None = None) -> list[str]:
    """The lines of a page, or of all, that run a program."""
    start = "" if page is None else f"{page.relative_to(ROOT)}:"
    texts = [text for name, text in blocks("sh") if name.startswith(start) and name not in SCRIPTS]
    lines = [line.partition(" #")[0].strip() for text in texts for line in text.splitlines()]
    return [line for line in lines if line.startswith(f"{program} ")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    log = tmp_path_factory.mktemp("docs") / "log"
    with serving(log, "--repository", str(DEMO_MODELS), "--drain-delay-seconds", "0") as server:
        yield server


EXAMPLES = {path.name: path.read_text() for path in sorted((ROOT / "examples").glob("[!_]*.py"))}
TESTS = [text for name, text in EXAMPLES.items() if name.startswith("test_")]
PYTHON = [
    (name, text)
    for name, text in blocks("python")
    if text not in TESTS and not name.startswith("docs/security.md:")
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_shown_as_it_is(name: str) -> None:
    """It runs as a snippet, or by itself: its tests are among those of this project."""
    assert EXAMPLES[name] in [text for _, text in blocks("python")]


@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("text", [text for _, text in PYTHON], ids=[name for name, _ in PYTHON])
def test_a_python_snippet_runs(
    server: ServerProcess,
    text: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "localhost:50051" in text or "assayd.testing" in text
    exec(compile(text.replace("localhost:50051", f"localhost:{server.port}"), "snippet", "exec"), {})  # noqa: S102
    assert "Error" not in capsys.readouterr().out


def test_the_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {words for page in PAGES for words in re.findall(r"`make ([a-z-]+)`", page.read_text())}
    named |= {command.split()[1] for command in commands("make")}
    assert {"demo", "test"} <= named <= targets


def test_every_command_is_of_a_program_that_is_checked_here() -> None:
    checked = ("assayd", "assayctl", "curl", "helm", "kubectl", "make", "pip")
    lines = {line for name, text in blocks("sh") if name not in SCRIPTS for line in text.splitlines()}
    assert {line for line in lines if not line.startswith(tuple(f"{program} " for program in checked))} == set()


@pytest.mark.parametrize("page", [page for page in PAGES if commands("assayd", page)], ids=lambda page: page.name)
def test_the_commands_of_assayd_are_accepted(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model_and_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    for command in commands("assayd", page):
        words = shlex.split(command)[1:]
        if words[0] == "serve":
            flags = [word.removeprefix("--").replace("-", "_") for word in words if word.startswith("--")]
            assert set(flags) <= set(Settings.model_fields)
        else:
            result = CliRunner().invoke(cli, words)
            assert (result.exit_code, result.stderr) == (0, ""), command


@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if commands("assayctl", page) and page != SECURITY],
    ids=lambda page: page.name,
)
def test_the_commands_of_assayctl_do_what_they_say(
    page: Path, server: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the page, on files with the rows that the demo's model takes."""
    write_pool(tmp_path)
    monkeypatch.chdir(tmp_path)
    address = {"ASSAYD_ADDRESS": f"localhost:{server.port}", "COLUMNS": "200"}
    for command in commands("assayctl", page):
        result = CliRunner().invoke(assayctl, shlex.split(command)[1:], env=address)
        # these rows are no digits
        alarming = command.split()[1] in ("drift", "watch")
        assert (result.exit_code, result.stderr) == (4 if alarming else 0, ""), command


def test_each_command_and_each_flag_of_assayctl_is_shown() -> None:
    page = ROOT / "docs" / "assayctl.md"
    known = typer.main.get_group(assayctl).commands
    assert {command.split()[1] for command in commands("assayctl", page)} == {*known, "--version"}
    of_labels = known["labels"].commands
    shown = {command.split()[2] for command in commands("assayctl", page) if command.split()[1] == "labels"}
    assert shown == set(of_labels)
    all_of_them = [*known.values(), *of_labels.values()]
    flags = {flag for command in all_of_them for parameter in command.params for flag in parameter.opts}
    assert {flag for flag in flags if f"`{flag}" not in page.read_text()} == set()


def write_pool(folder: Path) -> None:
    """pool.parquet, pool.csv (with a column `id`) and pool.npy: 64 pixels a row; labels, and ids."""
    x = np.random.default_rng(0).integers(0, 17, (300, 64), np.uint8)
    table = pa.table({"id": np.arange(300), **{f"pixel_{place}": x[:, place] for place in range(64)}})
    parquet.write_table(table, folder / "pool.parquet")
    csv.write_csv(table, folder / "pool.csv")
    np.save(folder / "pool.npy", x)
    labels = np.random.default_rng(1).integers(0, 10, 300)
    parquet.write_table(table.append_column("label", pa.array(labels)), folder / "labeled.parquet")
    np.save(folder / "labels.npy", labels)
    np.save(folder / "held_out.npy", np.random.default_rng(2).dirichlet(np.ones(10), 300))
    csv.write_csv(pa.table({"id": [17, 4, 230]}), folder / "labeled.csv")
    csv.write_csv(pa.table({"id": [99]}), folder / "today.csv")


def test_each_command_of_assayd_is_shown_but_the_demo_that_needs_no_words() -> None:
    shown = {command.split()[1] for command in commands("assayd")}
    assert shown | {"demo"} == {command.name for command in typer.main.get_group(cli).commands.values()}


def test_each_command_of_an_index_is_shown_and_each_flag_but_those_of_inspect() -> None:
    page = ROOT / "docs" / "retrieval.md"
    of_assayd = typer.main.get_group(cli).commands
    known = of_assayd["index"].commands
    words = [command.split() for command in commands("assayd", page)]
    assert {line[2] for line in words if line[1] == "index"} == set(known)
    flags = {flag for command in known.values() for parameter in command.params for flag in parameter.opts}
    elsewhere = {flag for parameter in of_assayd["inspect"].params for flag in parameter.opts}
    text = "\n".join(line for line in page.read_text().splitlines() if "--" in line)
    assert {flag for flag in flags - elsewhere if flag.startswith("--") and flag not in text} == set()


def model_and_data(folder: Path) -> None:
    """The files that commands in the documents name: a model whose logits are its rows, four classes, a pool."""
    (folder / "model.onnx").write_bytes(onnx_models.identity(4))
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 4, (200, 4)).astype(np.float32)
    np.save(folder / "rows.npy", rows)
    np.save(folder / "y.npy", (rows / 2 + rng.gumbel(size=rows.shape)).argmax(axis=1))
    ids = rng.permutation(len(rows))
    np.save(folder / "pool.npy", rows)
    np.save(folder / "ids.npy", ids)
    columns = {f"column_{place}": rows[:, place] for place in range(4)}
    parquet.write_table(pa.table({"id": ids, **columns}), folder / "pool.parquet")


@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs(server: ServerProcess, name: str) -> None:
    script = SCRIPTS[name].replace("localhost:50051", f"localhost:{server.port}")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["bash", "-euo", "pipefail", "-c", script]
    result = subprocess.run(
        command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.xdist_group("docs")
@pytest.mark.parametrize("command", sorted(set(commands("curl"))))
def test_what_is_fetched_is_there(server: ServerProcess, command: str) -> None:
    (address,) = shlex.split(command)[1:]
    port = server.wait_for("serving")["metrics_port"]
    with urlopen(f"http://{address.replace('localhost:9090', f'localhost:{port}')}", timeout=10) as response:
        assert response.status == 200


def test_the_extras_that_are_installed_are_there() -> None:
    lists = [found for command in commands("pip") for found in re.findall(r"assayd\[([\w,]+)\]", command)]
    extras = {extra for found in lists for extra in found.split(",")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"server"} <= extras <= set(project["optional-dependencies"])


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    """What the chart makes of these values, as a release with the name of the documents."""
    with helm_python.Chart.load(ROOT / "helm" / "assayd") as chart:  # its schema refuses a value it does not know
        files = chart.render(values, name="assayd", namespace="default")
    return [yaml.safe_load(text) for name, text in files.items() if name.endswith(".yaml")]


@pytest.mark.parametrize("command", commands("helm"))
def test_the_chart_takes_the_values_that_are_named(command: str) -> None:
    words = shlex.split(command)
    assert words[2].startswith("assayd")
    if words[1] in ("rollback", "test"):
        return
    assert words[1] in ("install", "upgrade")
    assert words[3] == "helm/assayd"
    values: dict[str, Any] = {}
    for assignment in (words[index + 1] for index, word in enumerate(words) if word == "--set"):
        path, _, value = assignment.partition("=")
        *outer, last = path.split(".")
        place = values
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = yaml.safe_load(value)
    assert set(values.get("settings", {})) <= set(Settings.model_fields)
    assert rendered(values)


def test_the_objects_of_kubectl_are_those_of_the_chart() -> None:
    objects = rendered({"repository": {"existingClaim": "models"}})
    names = {f"{found['kind'].lower()}/{found['metadata']['name']}" for found in objects if found}
    named = {word for command in commands("kubectl") for word in shlex.split(command) if "/" in word}
    assert named
    assert named <= names


def test_alerts_are_about_metrics_that_there_are() -> None:
    table = (ROOT / "docs" / "metrics.md").read_text()
    known = set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))
    alerts = "\n".join(text for _, text in blocks("promql"))
    named = set(re.findall(r"\b((?:assayd|grpc)_(?!method|code|service|type)\w+)", alerts))
    assert named
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} <= known


def test_the_manifest_in_the_docs_is_one() -> None:
    manifests = blocks("json")
    assert manifests
    for _, text in manifests:
        Manifest.model_validate_json(text)


@pytest.mark.parametrize("name", reference.PAGES)
def test_each_line_of_a_written_table_is_a_row_of_it(name: str) -> None:
    table = reference.PAGES[name]().partition("\n|")[2].splitlines()
    assert [line for line in table[1:] if not (line.startswith("| ") or line.startswith("|---"))] == []


@pytest.mark.parametrize("name", reference.PAGES)
def test_settings_and_metrics_are_documented_as_they_are(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == reference.PAGES[name](), "run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_table_of_rpcs_is_complete() -> None:
    from assayd.v1 import labeling_pb2, monitoring_pb2, retrieval_pb2, scoring_pb2, selection_pb2
    from assayd_server.rpc.open_inference import open_inference_pb2

    table = (ROOT / "README.md").read_text()
    services = [
        *scoring_pb2.DESCRIPTOR.services_by_name.values(),
        *selection_pb2.DESCRIPTOR.services_by_name.values(),
        *retrieval_pb2.DESCRIPTOR.services_by_name.values(),
        *monitoring_pb2.DESCRIPTOR.services_by_name.values(),
        *labeling_pb2.DESCRIPTOR.services_by_name.values(),
        *open_inference_pb2.DESCRIPTOR.services_by_name.values(),
    ]
    for service in services:
        assert f"`{service.full_name}`" in table
        assert all(f"`{method.name}`" in table for method in service.methods)


def test_the_table_of_how_well_novelty_tells_is_that_of_the_benchmark() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "novelty.json").read_text(encoding="utf-8"))["detection"]
    page = (ROOT / "docs" / "drift.md").read_text(encoding="utf-8")
    for row in found:
        mean, lowest, highest = (row["auroc"][name] for name in ("mean", "lowest", "highest"))
        assert f"| `{row['measure']}` | {mean:.3f} | {lowest:.3f} | {highest:.3f} |" in page
