"""The benchmarks run, in their short form; what they measure is not judged here."""

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import pseudo_labels
from benchmarks.chaos import pages as chaos
from benchmarks.fuzz import report
from benchmarks.soak.pages import BEGIN, END, PAGE, found

ROOT = Path(__file__).resolve().parents[1]
SERVING = (
    "one_row",
    "rows_256_uint8",
    "drift_counting",
    "open_inference",
    "rank",
    "client_cost",
    "start_up",
    "cores",
)
"""Those of benchmarks.serving that take seconds."""
RUN_BY_OTHERS = {"ranking_tools", "drift_tools", "drift_stream_peers", "diversity_peers", "seals_reports"}
READS_PROC = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


BENCHMARKS: dict[str, tuple[list[str], str]] = {
    "server_kinds": (["-m", "benchmarks.server_kinds", "--quick"], "sync-64"),
    "tensor_encoding": (["benchmarks/tensor_encoding.py"], "repeated float / bytes"),
    "softmax_nodes": (["-m", "benchmarks.softmax_nodes", "--short"], "nodes / NumPy"),
    "stream_budget": (["benchmarks/stream_budget.py", "--short"], "spent / budget"),
    "diversity": (["-m", "benchmarks.diversity", "--short"], "BatchBALD"),
    "ranking_core": (["-m", "benchmarks.ranking_core", "--short"], "assayd's / its"),
    "select_stream": (["-m", "benchmarks.select_stream", "--short"], "calls / open stream"),
    "novelty": (["-m", "benchmarks.novelty", "--short"], "forward pass"),
    "boundary": (["-m", "benchmarks.boundary", "--short"], "| nines, 50 |"),
    "pseudo_labels": (["-m", "benchmarks.pseudo_labels", "--short"], "| threshold 0.9 |"),
    "learning_curve": (["-m", "benchmarks.learning_curve", "--short"], "labels to target"),
    "pool_index": (["-m", "benchmarks.pool_index", "--short"], "100 in 64s / flat"),
    "seals": (["-m", "benchmarks.seals", "--short"], "max_entropy, SEALS"),
    "drift_calibration": (["-m", "benchmarks.drift_calibration", "--short"], "chi_squared | 200"),
    "drift_speed": (["-m", "benchmarks.drift_speed", "--short"], "time / limit's"),
    "drift_stream": (["-m", "benchmarks.drift_stream", "--short"], "assayd | new class"),
    "drift_weather": (["-m", "benchmarks.drift_weather"], "as they came: 4 of 7 years drifted"),
    "fleet_drift": (["-m", "benchmarks.fleet_drift", "--short"], "categories | 1000"),
    "access_cost": (["-m", "benchmarks.access_cost", "--short"], "with an access file"),
    "memory": (["-m", "benchmarks.memory", "--short"], "shrunk after each pass"),
    "rank_pool": (["-m", "benchmarks.rank_pool", "--short"], "merged rows"),
    "search_rate": (["-m", "benchmarks.search_rate", "--short", "--kinds", "ivf"], "Search / in process"),
    "pass_rows": (["-m", "benchmarks.pass_rows", "--short"], "combined novelty"),
    "search_stages": (["-m", "benchmarks.search_stages", "--short"], "| checks of recall |"),
    "novelty_serving": (["-m", "benchmarks.novelty_serving", "--short"], "of those without"),
    "novelty_stages": (["-m", "benchmarks.novelty_stages", "--short"], "| discoveries |"),
    "drift_counting": (["-m", "benchmarks.drift_counting", "--short"], "| 256 | read slowly |"),
    "shared_pool": (["-m", "benchmarks.shared_pool", "--short"], "\nshared: two servers"),
    "soak": (["-m", "benchmarks.soak", "--short", "drain", "worker_kill"], "| worker_kill |"),
    "more soak": (["-m", "benchmarks.soak", "--short", "overload", "lanes", "mixed", "swap"], "| swap |"),
    "fuzz": (["-m", "benchmarks.fuzz", "--short"], "afterwards: the scores of before"),
    "chaos": (
        ["-m", "benchmarks.chaos", "--short", "rolling_restart", "everything"],
        "| steps in random order",
    ),
    "more chaos": (
        [
            *("-m", "benchmarks.chaos", "--short"),
            *("frozen", "idle", "slow", "descriptors", "killed", "clock", "certificates"),
        ],
        "is killed",
    ),
    "serving": (["-m", "benchmarks.serving", "--short", "--only", "rows_256_uint8"], "/ ONNX Runtime"),
    "more serving": (["-m", "benchmarks.serving", "--short", "--only", *SERVING], "drift counting"),
}
"""How each is run, and what it then prints."""
LINUX = {
    "access_cost",
    "memory",
    "rank_pool",
    "search_rate",
    "search_stages",
    "novelty_serving",
    "drift_counting",
    "shared_pool",
    "soak",
    "fuzz",
    "chaos",
    "serving",
}
"""They read /proc."""
ALWAYS = {"soak", "fuzz", "chaos"}
"""The others are of single decisions, and are run by make test LONG=1."""


def marks(name: str) -> list[pytest.MarkDecorator]:
    """Of the test of a benchmark."""
    return [*([READS_PROC] if name in LINUX else []), *([] if name in ALWAYS else [pytest.mark.long])]


@pytest.mark.parametrize("name", [pytest.param(name, marks=marks(name)) for name in BENCHMARKS])
def test_a_benchmark_runs(name: str) -> None:
    command, words = BENCHMARKS[name]
    result = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert words in result.stdout


def test_the_table_of_what_a_server_withstands_is_that_of_the_figures() -> None:
    assert f"{BEGIN}{found()}\n{END}" in PAGE.read_text()


def test_the_tables_of_what_mutated_messages_come_to_are_those_of_the_figures() -> None:
    assert f"{report.BEGIN}{report.written()}\n{report.END}" in report.PAGE.read_text()


def test_the_table_of_faults_is_that_of_the_figures() -> None:
    assert f"{chaos.BEGIN}{chaos.found()}\n{END}" in PAGE.read_text()


def test_the_tables_of_proposed_labels_are_those_of_the_figures() -> None:
    page = (ROOT / "docs" / "labels.md").read_text().splitlines()
    assert len(pseudo_labels.written()) == 14
    assert [line for line in pseudo_labels.written() if line not in page] == []


def test_each_benchmark_is_named_where_all_are_explained() -> None:
    folder = ROOT / "benchmarks"
    page = (folder / "README.md").read_text()
    run = [
        path for path in folder.glob("*.py") if "def main()" in path.read_text() and path.stem not in RUN_BY_OTHERS
    ]
    names = [path.stem for path in (*run, *(path.parent for path in folder.glob("*/__main__.py")))]
    assert len(names) > 20
    assert [
        name for name in names if f"benchmarks.{name}" not in page and f"benchmarks/{name}.py" not in page
    ] == []
