"""`assayd index build` goes on after any end: what is kept, what is the same job, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper
from typer.testing import CliRunner, Result

import onnx_models
from assayd_server import bundle_writing, index_building
from assayd_server.bundle import read_folder
from assayd_server.cli import app as cli
from assayd_server.embedded_rows import EmbeddedRows, embedded_count
from assayd_server.errors import ArtefactError
from assayd_server.locking import locked
from assayd_server.pool_folder import read_pool

pytestmark = pytest.mark.long

ROWS, KEPT, BAD_ROW = 5000, 4096, 4500
POSITIONS = np.random.default_rng(0).integers(0, 64, ROWS)
TABLE = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
PARTIAL = Path("pool.partial")
FLAGS = ("--model", "m.onnx", "--input", "x.npy", "--output", "pool", "--metric", "l2", "--kind", "flat")
SECONDS_MAX = 60.0


def look_up(table: np.ndarray = TABLE) -> bytes:
    """An embedding by position in a table: one outside of it makes the model fail."""
    matrix = (TensorProto.FLOAT, ["rows", table.shape[1]])
    return onnx_models.build(
        nodes=[helper.make_node("Gather", ["table", "x"], [name], axis=0) for name in ("logits", "embedding")],
        inputs={"x": (TensorProto.INT64, ["rows"])},
        outputs={"logits": matrix, "embedding": matrix},
        weights={"table": table},
    )


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.onnx").write_bytes(look_up())
    np.save("x.npy", POSITIONS)


@pytest.fixture
def begun() -> None:
    """A job that ended at a row that the model fails on; the input is mended, and looks as if nothing were."""
    bad = POSITIONS.copy()
    bad[BAD_ROW] = 64
    np.save("x.npy", bad)
    status = Path("x.npy").stat()
    sentence = refusal()
    assert sentence.startswith("x.npy: rows 4,096 to 4,999: the model failed on these rows: ")
    assert sentence.endswith(
        f"; 4,096 embedded rows are kept in {PARTIAL.resolve()}, the same command goes on from there"
    )
    np.save("x.npy", POSITIONS)
    os.utime("x.npy", ns=(status.st_atime_ns, status.st_mtime_ns))


def invoke(*flags: str) -> Result:
    return CliRunner().invoke(cli, ["index", "build", *FLAGS, *flags])


def built(*flags: str) -> np.ndarray:
    """The vectors of the pool that is built."""
    result = invoke(*flags)
    assert (result.exit_code, result.stderr) == (0, "")
    assert not PARTIAL.exists()
    return np.array(read_pool(Path("pool")).stored.searched)


def refusal(*flags: str) -> str:
    result = invoke(*flags)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line.removeprefix("assayd: ")


def test_the_same_command_goes_on_and_the_pool_is_the_same(begun: None) -> None:
    assert embedded_count(PARTIAL) == KEPT
    np.testing.assert_array_equal(built(), TABLE[POSITIONS])


def test_what_is_kept_is_not_embedded_again(begun: None) -> None:
    status = Path("x.npy").stat()
    np.save("x.npy", np.where(np.arange(ROWS) < KEPT, 0, POSITIONS))
    os.utime("x.npy", ns=(status.st_atime_ns, status.st_mtime_ns))
    np.testing.assert_array_equal(built(), TABLE[POSITIONS])


def test_what_was_written_after_it_was_made_sure_of_is_written_anew(begun: None) -> None:
    with (PARTIAL / "embedded.f32").open("ab") as file:
        file.write(b"half a row")
    np.testing.assert_array_equal(built(), TABLE[POSITIONS])


@pytest.mark.parametrize("flags", [("--metric", "inner_product"), ("--skip-invalid",), ("--kind", "ivf")])
def test_another_pool_of_the_same_vectors_goes_on_too(begun: None, flags: tuple[str, ...]) -> None:
    np.testing.assert_array_equal(built(*flags), TABLE[POSITIONS])


def test_another_model_is_another_job(begun: None) -> None:
    Path("m.onnx").write_bytes(look_up(TABLE + 1))
    assert refusal().startswith("the model's digest was", refusal().index("the model's digest"))
    assert "--restart begins anew" in refusal()
    assert embedded_count(PARTIAL) == KEPT
    np.testing.assert_array_equal(built("--restart"), TABLE[POSITIONS] + 1)


def test_another_tensor_is_another_job(begun: None) -> None:
    why = f'{PARTIAL.resolve()}: holds a part of another job: the embedding was "embedding" and is "logits"; '
    assert refusal("--embedding-tensor", "logits", "--logits-output", "embedding").startswith(why)


def test_another_input_is_another_job(begun: None) -> None:
    np.save("x.npy", POSITIONS[:4600])
    sentence = refusal()
    assert "the size of --input was 40128 and is 36928" in sentence
    assert "the time of change of --input was " in sentence
    assert len(built("--restart")) == 4600


def test_vectors_that_are_given_are_another_job(begun: None) -> None:
    np.save("v.npy", TABLE)
    flags = ("index", "build", "--vectors", "v.npy", "--output", "pool")
    assert "holds a part of another job: --input was " in CliRunner().invoke(cli, flags).stderr
    assert CliRunner().invoke(cli, [*flags, "--restart"]).exit_code == 0


def test_embeddings_that_were_cut_short_are_found_out(begun: None) -> None:
    os.truncate(PARTIAL / "embedded.f32", 100)
    path = PARTIAL.resolve() / "embedded.f32"
    assert refusal().startswith(f"{path}: is shorter than it was, --restart begins anew")
    np.testing.assert_array_equal(built("--restart"), TABLE[POSITIONS])


def test_an_input_that_changes_while_it_is_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    add = EmbeddedRows.add

    def touched(self: EmbeddedRows, rows: np.ndarray) -> None:
        os.utime("x.npy", ns=(1, 1))
        add(self, rows)

    monkeypatch.setattr(EmbeddedRows, "add", touched)
    assert refusal().startswith("x.npy: changed while it was read, --restart begins anew")


def test_an_interrupt_keeps_what_is_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    add = EmbeddedRows.add

    def interrupted(self: EmbeddedRows, rows: np.ndarray) -> None:
        add(self, rows)
        raise KeyboardInterrupt

    monkeypatch.setattr(EmbeddedRows, "add", interrupted)
    assert refusal().startswith("interrupted; 1,024 embedded rows are kept in ")
    monkeypatch.setattr(EmbeddedRows, "add", add)
    np.testing.assert_array_equal(built(), TABLE[POSITIONS])


def test_a_full_disk_keeps_what_was_embedded_before(begun: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr("os.fsync", full)
        assert "cannot be written: No space left on device; 4,096 embedded rows are kept" in refusal()
    np.testing.assert_array_equal(built(), TABLE[POSITIONS])


def test_files_of_others_stay_where_they_are(begun: None) -> None:
    notes = PARTIAL / "notes.txt"
    notes.write_text("mine")
    assert invoke("--restart").exit_code == 0
    assert notes.read_text() == "mine"
    assert [path.name for path in PARTIAL.iterdir()] == ["notes.txt"]


def test_two_runs_do_not_work_on_the_same_pool() -> None:
    with locked(PARTIAL):
        assert refusal() == f"{PARTIAL.resolve()}: another run is at work there"
        assert PARTIAL.exists()
    np.testing.assert_array_equal(built(), TABLE[POSITIONS])


def test_a_run_that_ended_before_its_last_step_is_ended_by_the_next() -> None:
    """Killed between the pool's move into its place and the bundle's new manifest."""
    folder = onnx_models.write_bundle(Path("models"), look_up(), name="pets")
    command = ["index", "build", "--bundle", str(folder), "--input", "x.npy", "--kind", "flat"]

    def killed(*arguments: object) -> None:
        raise SystemExit(9)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_building, "name_file", killed)
        assert CliRunner().invoke(cli, command).exit_code == 9
    assert read_folder(folder.resolve()).pool is None
    digest = read_pool(folder / "pool").digest
    result = CliRunner().invoke(cli, command)
    assert (result.exit_code, result.stderr) == (0, "")
    named = read_folder(folder.resolve()).pool
    assert named is not None
    assert named.digest == digest
    assert sorted(path.name for path in folder.iterdir()) == ["bundle.json", "model.onnx", "pool"]


def test_a_pool_that_another_job_put_there_is_not_taken_for_ones_own() -> None:
    def killed(*arguments: object) -> None:
        raise SystemExit(9)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_building, "read_pool", killed)
        assert invoke().exit_code == 9
    manifest = Path("pool/pool.json")
    manifest.write_text(manifest.read_text() + "\n")
    assert refusal().startswith(
        "pool: is there already and is not an empty folder: remove it, or take another one"
    )


def test_a_manifest_that_cannot_be_replaced_leaves_the_bundle_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = onnx_models.write_bundle(Path("models"), look_up(), name="pets")
    before = (folder / "bundle.json").read_bytes()

    def refused(*arguments: object) -> None:
        raise ArtefactError("bundle.json: cannot be written: Read-only file system")

    command = ["index", "build", "--bundle", str(folder), "--input", "x.npy"]
    with monkeypatch.context() as context:
        context.setattr(bundle_writing, "write_manifest", refused)
        result = CliRunner().invoke(cli, command)
    assert "Read-only file system; 5,000 embedded rows are kept" in result.stderr
    assert (folder / "bundle.json").read_bytes() == before
    assert CliRunner().invoke(cli, command).exit_code == 0


def test_a_killed_process_goes_on_and_the_pool_is_the_same_byte_for_byte() -> None:
    total = 60_000
    Path("m.onnx").write_bytes(slow_network())
    rng = np.random.default_rng(0)
    np.save("x.npy", rng.integers(0, 17, (total, 64), np.uint8))
    np.save("ids.npy", np.array([f"r{number}" for number in rng.permutation(total)]))
    flags = ["index", "build", "--model", "m.onnx", "--input", "x.npy", "--ids", "ids.npy", "--kind", "flat"]
    kept = killed_once_rows_are_kept([*flags, "--output", "pool"])
    assert 0 < kept < total
    assert not Path("pool").exists()
    for output in ("pool", "whole"):
        assert CliRunner().invoke(cli, [*flags, "--output", output]).exit_code == 0
    assert arrays("pool") == arrays("whole")
    assert "ids_order.npy" in arrays("pool")


def slow_network(hidden: int = 4096) -> bytes:
    """Takes a while for an embedding that is narrow."""
    rng = np.random.default_rng(0)
    shapes = {"w1": (64, hidden), "w2": (hidden, 8)}
    return onnx_models.build(
        nodes=[
            helper.make_node("MatMul", ["x", "w1"], ["a1"]),
            helper.make_node("Relu", ["a1"], ["a2"]),
            helper.make_node("MatMul", ["a2", "w2"], ["embedding"]),
            helper.make_node("Identity", ["embedding"], ["logits"]),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", 64])},
        outputs={name: (TensorProto.FLOAT, ["rows", 8]) for name in ("logits", "embedding")},
        weights={name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()},
    )


def killed_once_rows_are_kept(command: list[str]) -> int:
    """How many were."""
    with subprocess.Popen([sys.executable, "-m", "assayd_server", *command]) as process:
        deadline = time.monotonic() + SECONDS_MAX
        while not embedded_count(PARTIAL):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        assert process.wait(SECONDS_MAX) == -signal.SIGKILL
    return embedded_count(PARTIAL)


def arrays(folder: str) -> dict[str, bytes]:
    """All files but the manifest, which says how fast it went."""
    manifest = json.loads(Path(folder, "pool.json").read_text())
    return {name: Path(folder, name).read_bytes() for name in manifest["files"]}
