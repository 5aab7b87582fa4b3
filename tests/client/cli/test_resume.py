"""`assayctl score` goes on after any end: what is kept, what is the same job, and what is refused."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import onnx_models
from assayd import Client
from assayd.cli.locking import held
from assayd.testing import Server, serving
from client.cli.conftest import Assayctl

PARTS = Path("scores.parquet.parts")
INPUT_OUTPUT = ("score", "--input", "pool.npy", "--output", "scores.parquet")
FLAGS = ("--wire-type", "uint8", "--batch-rows", "10")
WORDS = (*INPUT_OUTPUT, *FLAGS)
BAD_ROW = 600
SECONDS_MAX = 60.0


@pytest.fixture
def begun(assayctl: Assayctl, x: np.ndarray) -> Assayctl:
    """A job that ended at a number that uint8 does not hold; the input is mended, and looks as if nothing were."""
    bad = x.copy()
    bad[BAD_ROW, 0] = 300
    np.save("pool.npy", bad)
    status = Path("pool.npy").stat()
    sentence = assayctl.refusal(*WORDS)
    assert sentence.startswith(
        "pool.npy, counted from row 600: inputs: wire_type uint8 holds whole numbers from 0"
    )
    assert sentence.endswith(" finished rows are kept, the same command goes on from there")
    np.save("pool.npy", x)
    os.utime("pool.npy", ns=(status.st_atime_ns, status.st_mtime_ns))
    return assayctl


def rows_kept() -> int:
    return sum(int(path.stem.split("-")[1]) for path in PARTS.glob("*.arrow"))


def test_the_same_command_goes_on_and_the_result_is_the_same(begun: Assayctl, x: np.ndarray) -> None:
    kept = rows_kept()
    assert 0 < kept <= BAD_ROW
    result = begun(*WORDS)
    assert (result.exit_code, result.stderr) == (0, f"assayctl: going on after {kept:,} rows\n")
    begun.done("score", "--input", "pool.npy", "--output", "whole.parquet", *FLAGS)
    assert Path("scores.parquet").read_bytes() == Path("whole.parquet").read_bytes()
    assert not PARTS.exists()


@pytest.mark.parametrize(
    ("flags", "difference"),
    [
        (["--top-k", "2"], "--top-k was 0 and is 2"),
        (["--uncertainty", "margin"], '--uncertainty was [] and is ["margin"]'),
        (["--outputs", "logits"], '--outputs was null and is ["logits"]'),
        (["--batch-rows", "20"], "--batch-rows was 10 and is 20"),
        (["--temperature", "2"], "--temperature was null and is 2.0"),
    ],
)
def test_another_job_is_refused_and_it_says_what_differs(
    begun: Assayctl, flags: list[str], difference: str
) -> None:
    kept = rows_kept()
    sentence = begun.refusal(*WORDS, *flags, code=2)
    assert sentence == f"{PARTS}: holds a part of another job: {difference}; --restart begins anew"
    assert rows_kept() == kept


def test_another_input_is_refused(begun: Assayctl, x: np.ndarray) -> None:
    np.save("pool.npy", x[:900])
    sentence = begun.refusal(*WORDS, code=2)
    assert "the input's size was " in sentence
    assert "the input's time of change was " in sentence


def test_restart_begins_anew(begun: Assayctl, x: np.ndarray) -> None:
    begun.done(*WORDS, "--top-k", 1, "--restart")
    assert "top_1" in parquet.read_schema("scores.parquet").names
    assert parquet.read_metadata("scores.parquet").num_rows == len(x)
    assert not PARTS.exists()


def test_a_part_that_is_missing_is_refused(begun: Assayctl) -> None:
    (part,) = PARTS.glob("*.arrow")
    part.rename(part.with_name("000000000000010-000000010.arrow"))
    sentence = begun.refusal(*WORDS, code=2)
    assert sentence == f"{PARTS}: the part that begins at row 0 is missing, --restart begins anew"
    begun.done(*WORDS, "--restart")


def test_a_part_that_is_damaged_is_refused(begun: Assayctl) -> None:
    (part,) = PARTS.glob("*.arrow")
    part.write_bytes(part.read_bytes()[:100])
    assert begun.refusal(*WORDS, code=2).startswith(f"{part}: is damaged, --restart begins anew")


def test_a_description_that_is_damaged_is_refused(begun: Assayctl) -> None:
    (PARTS / "job.json").write_text("{")
    assert begun.refusal(*WORDS, code=2) == f"{PARTS}: its job.json cannot be read, --restart begins anew"


def test_a_file_that_was_being_written_is_forgotten(begun: Assayctl) -> None:
    (PARTS / "000000000000700-000000010.arrow.tmp").write_bytes(b"half")
    begun.done(*WORDS)
    assert not PARTS.exists()


@pytest.mark.parametrize("flags", [[], ["--restart"]])
def test_the_files_of_others_are_not_removed(begun: Assayctl, flags: list[str]) -> None:
    others = {"notes.txt", "table.arrow", "notes.tmp", "0-1.arrow.tmp"}
    for name in others:
        (PARTS / name).write_text("mine")
    begun.done(*WORDS, *flags)
    assert {path.name for path in PARTS.iterdir()} == others


def test_what_is_refused_removes_no_files_of_others(assayctl: Assayctl, pool: pa.Table) -> None:
    PARTS.mkdir()
    (PARTS / "table.arrow").write_text("mine")
    assayctl.refusal(*WORDS, "--model", "zzz")
    assert [path.name for path in PARTS.iterdir()] == ["table.arrow"]


def test_two_runs_at_once_are_refused(assayctl: Assayctl, pool: pa.Table) -> None:
    with held(PARTS):
        assert assayctl.refusal(*WORDS) == f"{PARTS}: another run is at work on this output"


def test_an_input_that_changes_meanwhile_is_refused(
    serve: Callable[..., Server], x: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assayd.cli import parts

    original = parts.Parts.flush

    def flush(self: parts.Parts) -> None:
        os.utime("pool.npy", (1, 1))
        original(self)

    np.save("pool.npy", x)
    monkeypatch.setattr(parts.Parts, "flush", flush)
    app = serve(onnx_models.identity())
    sentence = Assayctl(app.address).refusal(*WORDS, code=2)
    assert "the input's time of change was " in sentence


def test_the_version_is_pinned(begun: Assayctl, serve: Callable[..., Server], tmp_path: Path) -> None:
    """Of the job that was begun with m version 1, a server with 1 (another file) and 2, and one with 2 alone."""
    onnx_models.write_bundle(tmp_path / "new", onnx_models.identity(), version=2)
    newer = Assayctl(serve(tmp_path / "new").address)
    sentence = newer.refusal(*WORDS, code=2)
    assert sentence.startswith("the job was begun with m version 1, which is no longer served: ")
    assert sentence.endswith("; --restart begins anew")
    assert "--version was 1 and is 2" in newer.refusal(*WORDS, "--version", 2, code=2)
    assert newer.refusal(*WORDS, "--model", "zzz", code=1).startswith("NOT_FOUND: model.name: 'zzz'")
    onnx_models.write_bundle(tmp_path / "both", onnx_models.identity(), version=1, temperature=2.0)
    onnx_models.write_bundle(tmp_path / "both", onnx_models.identity(), version=2)
    both = Assayctl(serve(tmp_path / "both").address)
    assert "the model's digest was " in both.refusal(*WORDS, code=2)
    begun.done(*WORDS)


def test_the_same_file_read_in_another_way_is_refused(
    begun: Assayctl, serve: Callable[..., Server], tmp_path: Path
) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_models.identity())
    sentence = Assayctl(serve(path, activation="sigmoid").address).refusal(*WORDS, code=2)
    assert 'how the model is read was "multiclass, logits by logits' in sentence
    assert 'is "multilabel, logits by logits' in sentence


def test_a_newer_version_does_not_get_into_a_job_that_goes_on(
    serve: Callable[..., Server], tmp_path: Path, x: np.ndarray
) -> None:
    root = tmp_path / "models"
    onnx_models.write_bundle(root, onnx_models.identity(), version=1)
    assayctl = Assayctl(serve(root).address)
    bad = x.copy()
    bad[BAD_ROW, 0] = 300
    np.save("pool.npy", bad)
    status = Path("pool.npy").stat()
    assayctl.refusal(*WORDS)
    np.save("pool.npy", x)
    os.utime("pool.npy", ns=(status.st_atime_ns, status.st_mtime_ns))
    onnx_models.write_bundle(root, onnx_models.identity(), version=2)
    newer = Assayctl(serve(root).address)
    assert newer.document("inspect", "--model", "m")["version"] == 2
    assert newer.document(*WORDS)["model"]["version"] == 1


@pytest.fixture(scope="module")
def wide_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with answers of many columns, so that parts are full soon."""
    model = tmp_path_factory.mktemp("model") / "m.onnx"
    model.write_bytes(onnx_models.identity(64))
    with serving(model) as wide:
        yield wide.address


def test_a_process_that_is_killed_and_then_interrupted_goes_on_each_time(wide_server: str) -> None:
    x = np.random.default_rng(0).normal(0, 4, (60_000, 64)).astype(np.float32)
    np.save("pool.npy", x)
    words = [*INPUT_OUTPUT, "--address", wide_server, "--quiet", "--outputs", "logits", "--outputs", "embeddings"]
    assert ended_half_way(words, signal.SIGKILL) == (-signal.SIGKILL, "")
    killed_after = rows_kept()
    kept = r"assayctl: interrupted; [\d,]+ finished rows are kept, the same command goes on from there\n"
    code, stderr = ended_half_way(words, signal.SIGINT)
    assert code == 130
    assert re.fullmatch(kept, stderr)
    assert 0 < killed_after < rows_kept() <= len(x)
    assert not Path("scores.parquet").exists()
    Assayctl(wide_server).done(*words)
    with Client(wide_server) as client:
        expected = client.score(x, outputs=["logits", "embeddings"]).to_arrow()
    assert parquet.read_table("scores.parquet").equals(expected)  # the model only adds: nothing is rounded


def ended_half_way(words: list[str], end: signal.Signals) -> tuple[int, str]:
    """Run the command in a process until one more part of its work is kept; its exit code and stderr."""
    before = rows_kept()
    process = subprocess.Popen([sys.executable, "-m", "assayd.cli", *words], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + SECONDS_MAX
    while rows_kept() == before:
        assert process.poll() is None
        assert time.monotonic() < deadline
    process.send_signal(end)
    _, stderr = process.communicate(timeout=SECONDS_MAX)
    return process.returncode, stderr
