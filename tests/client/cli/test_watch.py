"""`assayctl watch`: what it sends, prints, keeps and posts, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from assayd.arrays import decode
from assayd.cli import watch_job
from assayd.v1 import monitoring_pb2, scoring_pb2, tensor_pb2
from client.cli.conftest import COLUMNS, Assayctl
from client.cli.receiving import receiving
from client.conftest import Status
from client.monitored import IDENTITY, reference
from client.scripted import rows_of
from client.watched import watched

ALERT = 4
SECONDS_MAX = 60.0


class Watching:
    """A server that knows the wire alone: keeps requests, and fails when it is told to."""

    def __init__(self) -> None:
        self.requests: list[monitoring_pb2.WatchDriftRequest] = []
        self.failures: dict[int, Status] = {}
        """By the number of the call, from 0."""
        self.interrupted: int | None = None
        """The call in which this process gets a signal."""
        self.stop = signal.SIGINT
        self.calls = 0

    @property
    def rows(self) -> np.ndarray:
        """Of all requests that were answered."""
        return np.concatenate([rows_of(request) for request in self.requests])

    @property
    def settings(self) -> monitoring_pb2.WatchSettings:
        """Of the first request."""
        return self.requests[0].settings

    def watch_drift(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        failure = self.failures.get(self.calls)
        if self.calls == self.interrupted:
            os.kill(os.getpid(), self.stop)
        self.calls += 1
        if failure is not None:
            context.abort_with_status(failure)
        self.requests.append(monitoring_pb2.WatchDriftRequest.FromString(message))
        return watched(self.requests[-1]).SerializeToString()

    def get_reference(self, _message: bytes, _context: grpc.ServicerContext) -> bytes:
        return monitoring_pb2.GetReferenceResponse(model=IDENTITY, reference=reference()).SerializeToString()

    def get_model(self, _message: bytes, _context: grpc.ServicerContext) -> bytes:
        takes = scoring_pb2.TensorSpec(name="x", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=[-1, 4])
        model = scoring_pb2.Model(identity=IDENTITY, inputs=[takes], labels=["ant", "bee"])
        return scoring_pb2.GetModelResponse(model=model).SerializeToString()


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture
def assayctl(watching: Watching, bare_server: Callable[..., str]) -> Assayctl:
    methods = {
        "WatchDrift": watching.watch_drift,
        "GetReference": watching.get_reference,
        "GetModel": watching.get_model,
    }
    return Assayctl(bare_server(methods))


@pytest.fixture
def x() -> np.ndarray:
    """450 rows of 4 numbers; in window 2 of 100 rows there is drift, in row 410 a change."""
    x = np.random.default_rng(0).integers(0, 90, (450, 4)).astype(np.float32)
    x[250:260] = 200
    x[410] = 2000
    return x


@pytest.fixture(autouse=True)
def stream(folder: Path, x: np.ndarray) -> pa.Table:
    """The rows as stream.parquet, stream.csv (both with a text `id`) and stream.npy."""
    table = pa.table({"id": [f"{row:04d}" for row in range(len(x))], **dict(zip(COLUMNS, x.T, strict=True))})
    parquet.write_table(table, folder / "stream.parquet")
    csv.write_csv(table, folder / "stream.csv")
    np.save(folder / "stream.npy", x)
    np.save(folder / "healthy.npy", x[:200])
    return table


WINDOWS = ("--window-rows", 100)
FOUND = [
    "after 100 rows: window 0 (rows 0 to 99): no drift in 2 columns",
    "after 200 rows: window 1 (rows 100 to 199): no drift in 2 columns",
    "alert after 300 rows: window 2 (rows 200 to 299) has drifted: entropy (psi 0.5)",
    "after 400 rows: window 3 (rows 300 to 399): no drift in 2 columns",
    "alert after 450 rows: entropy has risen since about row 405 (7.42 at row 410, limit 6.9)",
]


def printed(assayctl: Assayctl, *words: object, code: int = ALERT, stderr: str = "") -> str:
    result = assayctl("watch", *words)
    assert (result.exit_code, result.stderr) == (code, stderr), result.output
    return result.stdout


@pytest.mark.parametrize("name", ["stream.parquet", "stream.csv", "stream.npy"])
def test_what_is_found_is_told_in_lines_and_by_the_exit_code(
    assayctl: Assayctl, watching: Watching, x: np.ndarray, name: str
) -> None:
    id_column = [] if name == "stream.npy" else ["--id-column", "id"]
    *lines, last = printed(assayctl, "--input", name, *WINDOWS, *id_column).splitlines()
    assert lines == FOUND
    assert last.startswith("450 ")
    assert last.endswith("4 windows, 2 alerts; the next window has 50 of 100 rows")
    np.testing.assert_array_equal(watching.rows, x)
    assert watching.rows.dtype == np.float32


def test_a_stream_without_an_alert_ends_with_0(assayctl: Assayctl) -> None:
    lines = printed(assayctl, "--input", "healthy.npy", *WINDOWS, code=0).splitlines()
    assert lines[:2] == FOUND[:2]


def test_quiet_prints_nothing_and_ends_in_the_same_way(assayctl: Assayctl) -> None:
    assert printed(assayctl, "--input", "stream.npy", *WINDOWS, "--quiet") == ""


def test_the_flags_go_on_the_wire(assayctl: Assayctl, watching: Watching) -> None:
    words = ["--expected-run-rows", 5000, "--delta", 0.2, "--compare", "entropy", "--wire-type", "uint8"]
    printed(assayctl, "--input", "healthy.npy", *words, *WINDOWS, "--model", "m", "--version", 3, code=0)
    assert watching.settings == monitoring_pb2.WatchSettings(
        model=scoring_pb2.ModelSelector(name="m", version=3),
        window_rows=100,
        expected_run_rows=5000,
        delta=0.2,
        columns=["entropy"],
    )
    assert watching.rows.dtype == np.uint8


def test_false_alarms_may_be_declared_by_the_week(assayctl: Assayctl, watching: Watching) -> None:
    printed(assayctl, "--input", "healthy.npy", "--false-alarms-per-week", 0.5, "--rows-per-second", 100, code=0)
    assert watching.settings.expected_run_rows == 2 * 7 * 24 * 3600 * 100


@pytest.mark.parametrize("kind", ["logits", "probabilities", "embeddings"])
def test_rows_may_be_scores_or_embeddings(
    assayctl: Assayctl, watching: Watching, x: np.ndarray, kind: str
) -> None:
    printed(assayctl, "--input", "stream.csv", "--columns", "a,b,c,d", "--as", kind, *WINDOWS)
    assert {request.rows.WhichOneof("kind") for request in watching.requests} == {kind}
    np.testing.assert_array_equal(decode(getattr(watching.requests[0].rows, kind)), x)


def test_json_lines_hold_all_that_was_found(assayctl: Assayctl) -> None:
    documents = [
        json.loads(line) for line in printed(assayctl, "--input", "stream.npy", *WINDOWS, "--json").splitlines()
    ]
    assert [document["text"] for document in documents] == FOUND
    drifted, moved = documents[2], documents[4]
    assert (drifted["alert"], drifted["rows_seen"], drifted["changes"]) == (True, 300, [])
    window = drifted["window"]
    columns = window.pop("columns")
    assert [column["name"] for column in columns if column["drifted"]] == ["entropy"]
    assert window == {
        "number": 2,
        "first_row": 200,
        "drifted": True,
        "rows": 100,
        "alpha": 0.0007,
        "delta": 0.1,
        "class_shares": {"ant": 0.25},
        "class_shares_observed": False,
        "class_shifts": {"ant": {"effect": 0.3, "p_value": 0.01}},
        "warnings": ["the window is large beside the reference"],
    }
    assert moved == {
        "alert": True,
        "text": FOUND[4],
        "rows_seen": 450,
        "window": None,
        "changes": [
            {
                "column": "entropy",
                "direction": "up",
                "row": 410,
                "since_row": 405,
                "statistic": 7.423,
                "limit": 6.9,
            }
        ],
        "window_rows": 100,
        "expected_run_rows": 1_000_000,
        "warnings": [],
        "reference_digest": "sha256:r",
        "model": {"name": "m", "version": 3, "digest": "sha256:m"},
    }


def state(path: str = "state.json") -> dict[str, Any]:
    return json.loads(Path(path).read_text())


STATE = ("--state", "state.json", *WINDOWS)


def test_another_run_goes_on_with_the_rows_that_have_come_since(
    assayctl: Assayctl, watching: Watching, stream: pa.Table, x: np.ndarray
) -> None:
    columns = ["--columns", "a,b,c,d"]
    csv.write_csv(stream.slice(0, 230), "stream.csv")
    first = printed(assayctl, "--input", "stream.csv", *columns, *STATE, code=0).splitlines()
    assert (first[:2], state()["rows_seen"]) == (FOUND[:2], 230)
    assert "220 rows, 0 rows/s" not in first[2]
    csv.write_csv(stream, "stream.csv")
    second = printed(assayctl, "--input", "stream.csv", *columns, *STATE).splitlines()
    assert (second[:-1], state()["rows_seen"]) == (FOUND[2:], 450)
    np.testing.assert_array_equal(watching.rows, x)
    going_on = watching.requests[1].settings
    assert going_on.model == scoring_pb2.ModelSelector(name="m", version=3)
    assert going_on.reference_digest == "sha256:r"
    assert printed(assayctl, "--input", "stream.csv", *columns, *STATE, code=0).startswith("450 rows, 0 rows/s")


def test_another_file_goes_on_with_its_first_row(assayctl: Assayctl, watching: Watching, x: np.ndarray) -> None:
    np.save("tuesday.npy", x[200:])
    printed(assayctl, "--input", "healthy.npy", *STATE, code=0)
    lines = printed(assayctl, "--input", "tuesday.npy", *STATE).splitlines()
    assert lines[:-1] == FOUND[2:]
    assert lines[-1].startswith("450 of 450 rows")
    np.testing.assert_array_equal(watching.rows, x)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 120 rows."""
    monkeypatch.setattr(watch_job, "batch_rows", lambda *_: 120)


@pytest.mark.usefixtures("small_batches")
def test_a_run_that_fails_goes_on_where_it_was(assayctl: Assayctl, watching: Watching, x: np.ndarray) -> None:
    watching.failures = {2: Status(grpc.StatusCode.INTERNAL, "a bug", ())}
    words = ["--input", "stream.csv", "--columns", "a,b,c,d", *STATE]
    result = assayctl("watch", *words)
    assert (result.exit_code, result.stderr) == (1, "assayctl: INTERNAL: a bug\n")
    assert state()["rows_seen"] == 240
    assert printed(assayctl, *words).splitlines()[:-1] == FOUND[2:]
    np.testing.assert_array_equal(watching.rows, x)


def test_a_state_of_another_model_is_refused(assayctl: Assayctl) -> None:
    printed(assayctl, "--input", "healthy.npy", *STATE, code=0)
    for words in (["--model", "other"], ["--version", 2]):
        refusal = assayctl.refusal("watch", "--input", "stream.npy", *STATE, *words, code=2)
        assert refusal == "--state: state.json is of m version 3, name another file"
    printed(assayctl, "--input", "stream.npy", *STATE, "--model", "m", "--version", 3)


def test_a_state_that_the_server_refuses_comes_with_what_to_do(assayctl: Assayctl, watching: Watching) -> None:
    printed(assayctl, "--input", "healthy.npy", *STATE, code=0)
    bad = monitoring_bad_request("settings.state")
    watching.failures = {1: Status(grpc.StatusCode.INVALID_ARGUMENT, "settings.state: is none", bad)}
    assert assayctl.refusal("watch", "--input", "stream.npy", *STATE) == (
        "INVALID_ARGUMENT: settings.state: is none; state.json goes with the settings that it was written with; "
        "name another file to begin anew"
    )


def test_other_refusals_are_as_they_are(assayctl: Assayctl, watching: Watching) -> None:
    bad = monitoring_bad_request("settings.window_rows")
    watching.failures = {0: Status(grpc.StatusCode.INVALID_ARGUMENT, "settings.window_rows: is 9", bad)}
    sentence = assayctl.refusal("watch", "--input", "stream.npy", *STATE)
    assert sentence == "INVALID_ARGUMENT: settings.window_rows: is 9"
    assert not Path("state.json").exists()


def monitoring_bad_request(field: str) -> tuple[Any, ...]:
    from google.protobuf import any_pb2
    from google.rpc import error_details_pb2, status_pb2

    packed = any_pb2.Any()
    violation = error_details_pb2.BadRequest.FieldViolation(field=field)
    packed.Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    return (("grpc-status-details-bin", status_pb2.Status(details=[packed]).SerializeToString()),)


@pytest.mark.usefixtures("small_batches")
def test_a_server_that_comes_back_is_waited_for(assayctl: Assayctl, watching: Watching, x: np.ndarray) -> None:
    watching.failures = {2: Status(grpc.StatusCode.DEADLINE_EXCEEDED, "slow", ())}
    said = "assayctl: DEADLINE_EXCEEDED: slow; trying again for up to 300 s\nassayctl: a server answers again\n"
    lines = printed(assayctl, "--input", "stream.npy", *WINDOWS, stderr=said).splitlines()
    assert lines[:-1] == FOUND
    np.testing.assert_array_equal(watching.rows, x)


@pytest.mark.usefixtures("small_batches")
def test_but_not_by_who_has_no_patience(assayctl: Assayctl, watching: Watching) -> None:
    watching.failures = {2: Status(grpc.StatusCode.DEADLINE_EXCEEDED, "slow", ())}
    result = assayctl("watch", "--input", "stream.npy", *WINDOWS, "--patience-seconds", 0)
    assert result.exit_code == 3
    assert result.stderr.startswith("assayctl: DEADLINE_EXCEEDED: no answer from ")


def test_alerts_are_posted_to_everybody(assayctl: Assayctl) -> None:
    with receiving() as hook, receiving(503) as other, receiving() as manager:
        words = [
            "--webhook",
            hook.address,
            "--webhook",
            f"{other.address}/a",
            "--alertmanager",
            f"{manager.address}/am/",
        ]
        labels = ["--label", "stream=orders", "--label", "severity=page", "--link", "http://example.org"]
        printed(assayctl, "--input", "stream.npy", *WINDOWS, *words, *labels, "--quiet")
    assert [document["text"] for document in hook.documents] == [FOUND[2], FOUND[4]]
    assert hook.documents[0]["labels"] == {"stream": "orders", "severity": "page"}
    assert hook.documents[0]["link"] == "http://example.org"
    assert hook.documents[0]["window"]["number"] == 2
    assert len(other.documents) == 3
    assert manager.paths == ["/am/api/v2/alerts"] * 3
    begun, ended, moved = (alerts for (alerts,) in manager.documents)
    assert begun["labels"] | {"column": "entropy", "stream": "orders", "severity": "page"} == begun["labels"]
    assert begun["labels"] == ended["labels"] == moved["labels"]
    assert begun["startsAt"] == ended["startsAt"] <= ended["endsAt"] < begun["endsAt"]
    assert moved["generatorURL"] == "http://example.org"


def test_a_receiver_that_fails_is_told_and_ends_nothing(assayctl: Assayctl, refusing_address: str) -> None:
    said = f"assayctl: --webhook: http://{refusing_address} did not take it: Connection refused (3 attempts)\n"
    lines = printed(
        assayctl,
        "--input",
        "stream.npy",
        *WINDOWS,
        "--webhook",
        f"http://{refusing_address}/secret",
        stderr=2 * said,
    )
    assert lines.splitlines()[:-1] == FOUND


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--input", "nothing.npy"], "--input: nothing.npy is not there"),
        (["--input", "stream.npy", "--state", "no/s.json"], "--state: the folder no is not there"),
        (["--input", "stream.txt"], "--input: stream.txt must end in one of .parquet, .csv, .npy"),
        (
            ["--input", "stream.npy", "--rows-per-second", 3],
            "--false-alarms-per-week: goes with --rows-per-second, how many rows come in a second; give both",
        ),
        (
            [
                "--input",
                "stream.npy",
                "--rows-per-second",
                3,
                "--false-alarms-per-week",
                1,
                "--expected-run-rows",
                9,
            ],
            "--expected-run-rows: give either --expected-run-rows, or --false-alarms-per-week with ",
        ),
        (
            ["--input", "stream.csv", "--columns", "z"],
            "--columns: stream.csv has no column 'z', it has 'id', 'a', ",
        ),
    ],
)
def test_a_wrong_command_line_is_told(assayctl: Assayctl, words: list[object], sentence: str) -> None:
    assert assayctl.refusal("watch", *words, code=2).startswith(sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--webhook", "localhost:1"], "'localhost:1' is no address"),
        (["--alertmanager", "x"], "'x' is no address"),
        (["--label", "x"], "'x' is no label"),
        (["--rows-per-second", 0], "allowed are above 0"),
        (["--alert-seconds", 1e9], "allowed are above 0 and up to 2.592e+06"),
        (["--patience-seconds", -1], "is -1, allowed are 0 to 2.592e+06"),
        (["--patience-seconds", "nan"], "is nan, allowed are 0 to 2.592e+06"),
        (["--as", "images"], "'images' is unknown"),
    ],
)
def test_a_wrong_flag_is_told(assayctl: Assayctl, words: list[object], sentence: str) -> None:
    result = assayctl("watch", "--input", "stream.npy", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr


def test_a_file_without_rows_is_told(assayctl: Assayctl) -> None:
    np.save("empty.npy", np.empty((0, 4), np.float32))
    result = assayctl("watch", "--input", "empty.npy", "--quiet")
    assert (result.exit_code, result.stderr) == (1, "assayctl: empty.npy: holds no rows\n")


def test_an_error_is_a_line_of_json_too(assayctl: Assayctl) -> None:
    result = assayctl("watch", "--input", "nothing.npy", "--json")
    (line,) = result.stdout.splitlines()
    assert json.loads(line)["error"] == {"message": "--input: nothing.npy is not there", "exit_code": 2}


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Give text on standard input: piped(text)."""
    reading, writing = os.pipe()
    monkeypatch.setattr(watch_job, "STANDARD_INPUT", reading)

    def pipe(text: str) -> None:
        with os.fdopen(writing, "w") as file:
            file.write(text)

    yield pipe
    os.close(reading)


def csv_text(stream: pa.Table) -> str:
    return "\n".join(
        [",".join(stream.column_names), *(",".join(map(str, row.values())) for row in stream.to_pylist())]
    )


def json_text(stream: pa.Table) -> str:
    return "\n".join(json.dumps(row) for row in stream.to_pylist())


@pytest.mark.parametrize("text", ["csv", "json"])
def test_lines_on_standard_input_are_watched(
    assayctl: Assayctl, watching: Watching, x: np.ndarray, piped: Any, text: str
) -> None:
    stream = parquet.read_table("stream.parquet")
    piped(csv_text(stream) if text == "csv" else json_text(stream))
    lines = printed(assayctl, "--input", "-", "--id-column", "id", *WINDOWS).splitlines()
    assert lines[:-1] == FOUND
    assert lines[-1].startswith("450 rows, ")
    np.testing.assert_array_equal(watching.rows, x)


def test_arrays_on_standard_input_are_watched(
    assayctl: Assayctl, watching: Watching, x: np.ndarray, piped: Any
) -> None:
    piped("\n".join(json.dumps(row) for row in x.tolist()))
    printed(assayctl, "--input", "-", *STATE)
    np.testing.assert_array_equal(watching.rows, x)
    assert state()["file"]["head"] is None


def test_standard_input_goes_on_with_whatever_comes(
    assayctl: Assayctl, watching: Watching, x: np.ndarray, piped: Any
) -> None:
    printed(assayctl, "--input", "healthy.npy", *STATE, code=0)
    piped("\n".join(json.dumps(row) for row in x[200:].tolist()))
    assert printed(assayctl, "--input", "-", *STATE).splitlines()[:-1] == FOUND[2:]
    np.testing.assert_array_equal(watching.rows, x)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "standard input: holds no rows"),
        ("a,b\n", "standard input: holds no rows"),
        ("[1, 2, 3, 4]\n[1, 2]\n", "standard input: line 2 cannot be read: one is of shape [2], "),
    ],
)
def test_bad_lines_are_told(assayctl: Assayctl, piped: Any, text: str, sentence: str) -> None:
    piped(text)
    result = assayctl("watch", "--input", "-", "--quiet", *WINDOWS)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"assayctl: {sentence}")


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_watch_that_waits_for_an_answer_can_be_stopped(
    assayctl: Assayctl, watching: Watching, stop: signal.Signals
) -> None:
    before = signal.getsignal(stop)
    watching.interrupted, watching.stop = 2, stop
    result = assayctl("watch", "--input", "stream.npy", *STATE)
    assert (result.exit_code, result.stderr) == (130, "assayctl: interrupted\n")
    assert state()["rows_seen"] in (240, 360)
    watching.interrupted = None
    assert signal.getsignal(stop) is before
    assert printed(assayctl, "--input", "stream.npy", *STATE).splitlines()[-2] == FOUND[-1]


def test_a_watch_that_waits_for_lines_can_be_interrupted_and_goes_on(
    assayctl: Assayctl, watching: Watching, x: np.ndarray, piped: Any
) -> None:
    words = ["watch", "--input", "-", "--address", assayctl.address, *map(str, STATE)]
    text = "".join(f"{json.dumps(row)}\n" for row in x[:230].tolist())
    process = subprocess.Popen(
        [sys.executable, "-m", "assayd.cli", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()
    deadline = time.monotonic() + SECONDS_MAX
    while sum(len(rows_of(request)) for request in watching.requests) < 230:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(SECONDS_MAX) == 130
    stdout, stderr = process.communicate()
    assert (stdout.splitlines(), stderr) == (FOUND[:2], "assayctl: interrupted\n")
    kept = state()["rows_seen"]
    assert kept <= 230  # the last answer may not have been read
    piped("\n".join(json.dumps(row) for row in x[kept:].tolist()))
    assert printed(assayctl, "--input", "-", *STATE).splitlines()[:-1] == FOUND[2:]
