"""What assayctl is made of: batches cut anew, parts, locks, whole files, progress and interrupts."""

import fcntl
import io
import signal
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from assayd import CallCancelledError, Client
from assayd.cli import parts, progress
from assayd.cli.exits import CommandError, one_sentence
from assayd.cli.interrupting import interruptible
from assayd.cli.locking import held
from assayd.cli.parts import Parts
from assayd.cli.printing import print_columns
from assayd.cli.sources.batching import of_equal_size
from assayd.cli.sources.parquet import ParquetSource
from assayd.cli.sources.reading import Reading, bad_data
from assayd.durable import write_whole
from assayd.testing import Server


def batches(*sizes: int) -> list[pa.RecordBatch]:
    ends = np.cumsum(sizes)
    return [pa.record_batch({"n": np.arange(end - size, end)}) for size, end in zip(sizes, ends, strict=True)]


@pytest.mark.parametrize("sizes", [(10,), (3, 3, 4), (0, 7, 0, 3), (1,) * 10, (4, 6)])
@pytest.mark.parametrize("skip", [0, 1, 4, 9])
def test_batches_are_cut_anew(sizes: tuple[int, ...], skip: int) -> None:
    cut = list(of_equal_size(batches(*sizes), 4, skip=skip))
    assert [len(batch) for batch in cut] == [4] * ((10 - skip) // 4) + [(10 - skip) % 4] * bool((10 - skip) % 4)
    assert pa.Table.from_batches(cut)["n"].to_pylist() == list(range(skip, 10))


@pytest.mark.parametrize("start", [0, 299, 300, 301, 650, 999, 1000])
def test_parquet_is_read_from_any_row_on(pool: pa.Table, start: int) -> None:
    reading = Reading(columns=("id",), batch_rows=128, start=start)
    found = ParquetSource(Path("pool.parquet")).batches(reading)
    assert [row for batch in found for row in batch["id"].to_pylist()] == pool["id"].to_pylist()[start:]


def test_a_part_is_written_when_it_is_large(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 160)
    kept = Parts(folder, restart=False)
    for batch in batches(10, 10, 10, 5):
        kept.add(batch)
    assert [path.name for path in sorted(folder.glob("*.arrow"))] == ["000000000000000-000000020.arrow"]
    kept.flush()
    again = Parts(folder, restart=False)
    assert (again.rows_done, again.empty) == (35, False)
    assert pa.Table.from_batches(again.batches())["n"].to_pylist() == list(range(35))


def test_a_part_is_written_when_time_has_passed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_SECONDS", 0.0)
    kept = Parts(folder, restart=False)
    for batch in batches(10, 10):
        kept.add(batch)
    assert len(list(folder.glob("*.arrow"))) == 2


def test_a_folder_that_was_removed_in_between_is_not_held(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = fcntl.flock

    def lock_after_the_other_run_has_ended(descriptor: int, how: int) -> None:
        (folder / "x.parts" / "lock").unlink()
        locked(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", lock_after_the_other_run_has_ended)
    with pytest.raises(CommandError, match="another run is at work"), held(folder / "x.parts"):
        pass


def test_a_file_that_cannot_be_written_is_not_there_and_is_named(folder: Path) -> None:
    (folder / "x").write_text("before")

    def fill(_: object) -> None:
        with Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(OSError, match="No space left on device") as raised:
        write_whole(folder / "x", fill)
    assert raised.value.filename == str(folder / "x")
    assert [path.name for path in folder.iterdir()] == ["x"]
    assert (folder / "x").read_text() == "before"


def test_a_file_whose_writing_is_interrupted_is_not_there(folder: Path) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(folder / "x", interrupted)
    assert list(folder.iterdir()) == []


def test_what_the_system_says_of_a_file_passes_as_it_is() -> None:
    with pytest.raises(PermissionError), bad_data(Path("x.csv"), "cannot be read"):
        raise PermissionError(13, "Permission denied", "x.csv")


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (OSError(28, "x", "scores.parquet"), 1, "scores.parquet: No space left on device"),
        (OSError(28, "x"), 1, "No space left on device"),
        (OSError("a pipe\nof words"), 1, "a pipe of words"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (CallCancelledError("the client was closed"), 1, "CANCELLED: the client was closed"),
    ],
)
def test_what_ends_a_command_is_one_sentence(
    error: BaseException, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exception) as raised, one_sentence(as_json=False):  # noqa: PT011
        raise error
    assert raised.value.exit_code == code
    assert capsys.readouterr().err == f"assayctl: {sentence}\n"


def test_a_reader_that_has_enough_is_no_failure_of_ours() -> None:
    with pytest.raises(BrokenPipeError), one_sentence(as_json=False):
        raise BrokenPipeError


def test_columns_are_as_wide_as_their_texts(capsys: pytest.CaptureFixture[str]) -> None:
    print_columns([("a", "bb"), ("ccc", "d")])
    assert capsys.readouterr().out == "a    bb\nccc  d\n"


class Clock:
    """Time that goes on when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_progress_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = progress.Lines(total=10_000, done=2_000, clock=clock)
    for _ in range(4):
        clock.now += 5
        lines.advance(1000)
    assert capsys.readouterr().err.splitlines() == [
        "assayctl: 4,000 of 10,000 rows, 200 rows/s, 30 s left",
        "assayctl: 6,000 of 10,000 rows, 200 rows/s, 20 s left",
    ]


def test_where_nobody_knows_the_total_none_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    lines = progress.Lines(total=None, done=0, clock=clock)
    clock.now = 10
    lines.advance(50)
    assert capsys.readouterr().err == "assayctl: 50 rows, 5 rows/s\n"


@pytest.mark.parametrize(("total", "text"), [(1000, "250 of 1,000 rows"), (None, "250 rows")])
def test_a_terminal_gets_a_bar(
    monkeypatch: pytest.MonkeyPatch, total: int | None, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress.shown(total=total, done=200, quiet=False) as shown:
        shown.advance(50)
    assert text in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_sigint_ends_the_call_that_is_waited_for(server: Server) -> None:
    def until_closed(client: Client) -> None:
        signal.raise_signal(signal.SIGINT)
        while True:
            client.score(np.zeros((1, 4), np.float32))

    before = signal.getsignal(signal.SIGINT)
    client = Client(server.address)
    with client, pytest.raises(KeyboardInterrupt), interruptible(client.close):
        until_closed(client)
    assert signal.getsignal(signal.SIGINT) is before


def test_sigint_after_the_last_call_is_not_lost() -> None:
    closed = threading.Event()
    with pytest.raises(KeyboardInterrupt), interruptible(closed.set):
        signal.raise_signal(signal.SIGINT)
    assert closed.wait(10)


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(ValueError, match="bad"), interruptible(lambda: None):
        raise ValueError("bad")
