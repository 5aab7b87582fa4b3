"""`assayd calibrate`: a temperature from labelled rows, with figures on what it changes, or one sentence."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special
from typer.testing import CliRunner, Result

import onnx_models
from assayd_server import bundle_writing, calibrating, scored_rows, servable
from assayd_server.bundle import digest_of, read_folder
from assayd_server.cli import app
from assayd_server.core.softmax import softmax

LABELS = ["ant", "bee", "cow", "dog"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sample(count: int = 3000, *, temperature: float = 2.0, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels that are drawn from their softmax at that temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (count, classes)).astype(np.float32)
    return logits, (logits / temperature + rng.gumbel(size=logits.shape)).argmax(axis=1)


def write(content: bytes = b"", **manifest: Any) -> Path:
    """A bundle m/1, whose logits are its input unless another model is given."""
    return onnx_models.write_bundle(Path(), content or onnx_models.identity(), **manifest)


def calibrate(rows: Any, labels: Any, *arguments: str) -> Result:
    """Run the command on m/1; arrays are saved first."""
    np.save("rows.npy", rows)
    np.save("y.npy", labels)
    return run("--input", "rows.npy", "--labels", "y.npy", *arguments)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["calibrate", "m/1", *arguments])


def sentence(result: Result) -> str:
    """The one line that says why nothing was done."""
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    (line,) = result.stderr.splitlines()
    return line.removeprefix("assayd: ")


def temperature(folder: str = "m/1") -> float:
    return read_folder(Path(folder)).manifest.temperature


def test_the_temperature_is_fitted_and_written_into_the_manifest() -> None:
    before = json.loads((write(labels=LABELS) / "bundle.json").read_text())
    assert calibrate(*sample()).exit_code == 0
    assert temperature() == pytest.approx(2, rel=0.05)
    after = json.loads(Path("m/1/bundle.json").read_text())
    assert after == before | {"temperature": temperature()}


def test_what_changed_is_printed_in_full() -> None:
    write(temperature=0.5)
    rows, labels = sample()
    result = calibrate(rows, labels)
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[0] == "m version 1, 3000 rows"
    accuracy = (rows.argmax(axis=1) == labels).mean()
    assert lines[1] == f"  accuracy: {accuracy:.4f}, which no temperature changes"
    for line, name in zip(lines[2:4], ("expected calibration error", "negative log-likelihood"), strict=True):
        words = line.removeprefix(f"  {name}: ").split()
        assert (words[1], words[3]) == ("before,", "after")
        assert float(words[2]) < float(words[0])
    assert lines[4:] == [f"  temperature: 0.5 before, {temperature():g} after", "written to m/1/bundle.json"]


def test_a_fit_does_not_depend_on_the_temperature_before() -> None:
    write(temperature=0.5)
    calibrate(*sample())
    first = temperature()
    calibrate(*sample())
    assert temperature() == first


def test_probabilities_are_fitted_by_their_logarithms() -> None:
    rows, labels = sample()
    write()
    calibrate(rows, labels)
    of_logits = temperature()
    onnx_models.write_bundle(Path(), onnx_models.softmax_only(), version=2)
    CliRunner().invoke(app, ["calibrate", "m/2", "--input", "rows.npy", "--labels", "y.npy"])
    assert temperature("m/2") == pytest.approx(of_logits, rel=1e-4)


def test_labels_may_be_class_names() -> None:
    write(labels=LABELS)
    rows, labels = sample()
    calibrate(rows, labels)
    by_position = temperature()
    calibrate(rows, np.array(LABELS)[labels])
    assert temperature() == by_position


def test_a_new_version_has_the_models_bytes_and_leaves_the_old_one_as_it_was(place: Path) -> None:
    old = write(labels=LABELS)
    before = (old / "bundle.json").read_bytes()
    assert calibrate(*sample(), "--output", "m/2").stdout.splitlines()[-1] == "written to m/2"
    assert (old / "bundle.json").read_bytes() == before
    assert read_folder(Path("m/2")).model == read_folder(old).model
    assert read_folder(Path("m/2")).manifest.files == read_folder(old).manifest.files
    assert temperature("m/2") == pytest.approx(2, rel=0.05)


def test_every_file_that_the_manifest_names_goes_into_the_new_version() -> None:
    folder = write()
    manifest = json.loads((folder / "bundle.json").read_text())
    (folder / "notes").mkdir()
    (folder / "notes" / "card.md").write_bytes(b"a card")
    manifest["files"]["notes/card.md"] = digest_of(b"a card")
    (folder / "bundle.json").write_text(json.dumps(manifest))
    assert calibrate(*sample(), "--output", "m/2").exit_code == 0
    assert Path("m/2/notes/card.md").read_bytes() == b"a card"


def test_a_version_that_is_there_is_not_overwritten() -> None:
    write()
    said = sentence(calibrate(*sample(), "--output", "m/1"))
    assert said == "m/1: is there already and is not an empty folder, take the next version"


def test_texts_are_rows_too() -> None:
    write(onnx_models.texts(), labels=["gold", "ore"])
    rows = np.array([["gold"], ["gold"], ["gold"], ["gold"], ["ore"]])
    assert calibrate(rows, np.array(["gold", "gold", "gold", "ore", "ore"])).exit_code == 0
    assert temperature() == pytest.approx(1 / np.log(4), rel=1e-4)  # four right of five at logits (1, 0)


def test_an_archive_has_the_rows_of_several_inputs() -> None:
    write(onnx_models.two_inputs())
    rows, labels = sample(classes=3)
    np.savez("rows.npz", a=rows, b=np.zeros((3000, 3), np.int64))
    np.save("y.npy", labels)
    assert run("--input", "rows.npz", "--labels", "y.npy").exit_code == 0
    assert temperature() == pytest.approx(2, rel=0.05)


def test_batches_give_what_one_pass_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    calibrate(*sample())
    whole = temperature()
    monkeypatch.setattr(scored_rows, "_BATCH_ELEMENTS_MAX", 29)  # seven rows of four
    calibrate(*sample())
    assert temperature() == pytest.approx(whole, rel=1e-5)


def test_rows_that_cannot_be_scored_are_left_out_and_counted() -> None:
    write()
    rows, labels = sample()
    calibrate(rows, labels)
    alone = temperature()
    bad = np.array([[np.nan] * 4, [np.inf, 0, 0, 0]], np.float32)
    result = calibrate(np.concatenate([bad, rows]), np.concatenate([[0, 1], labels]))
    assert result.stdout.splitlines()[:2] == [
        "m version 1, 3000 rows",
        "  left out: 2, whose scores are NaN, infinite or no probabilities",
    ]
    assert temperature() == alone


def test_rows_whose_class_is_impossible_have_no_say_in_the_temperature() -> None:
    write()
    rows, labels = sample()
    calibrate(rows, labels)
    alone = temperature()
    impossible = np.array([[-np.inf, 1, 2, 3]], np.float32)
    result = calibrate(np.concatenate([impossible, rows]), np.concatenate([[0], labels]))
    assert result.stdout.splitlines()[:2] == [
        "m version 1, 3001 rows",
        "  not fitted to: 1, whose class has probability 0 at every temperature",
    ]
    assert "inf" not in result.stdout
    assert temperature() == alone


@pytest.mark.parametrize(("wrong", "expected"), [(0, 0.001), (1, 1000)])
def test_a_temperature_at_an_end_of_the_range_comes_with_a_warning(wrong: int, expected: float) -> None:
    write()
    result = calibrate(np.eye(4, dtype=np.float32), (np.arange(4) + wrong) % 4, "--output", "m/2")
    assert "  warning: the temperature is at an end of what is allowed" in result.stdout
    assert temperature("m/2") == expected


def test_a_temperature_at_an_end_of_the_range_does_not_take_the_place_of_another() -> None:
    write(temperature=1.5)
    said = sentence(calibrate(np.eye(4, dtype=np.float32), np.arange(4)))
    assert said.startswith("rows.npy: the temperature comes out as 0.001, at an end of what is allowed, as where")
    assert temperature() == 1.5


@pytest.mark.parametrize("planted", [0.4, 2.5])
@pytest.mark.parametrize("outputs", [("logits",), ("probabilities", "label")])
def test_the_temperature_of_labels_is_found_as_that_of_classes(planted: float, outputs: tuple[str, ...]) -> None:
    if outputs == ("logits",):
        write(activation="sigmoid")
    else:
        write(onnx_models.labels(4))
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (5000, 4)).astype(np.float32)
    labels = (rng.random(logits.shape) < special.expit(logits / planted)).astype(np.int8)
    result = calibrate(logits, labels)
    assert result.stdout.splitlines()[0] == "m version 1, 5000 rows of 4 labels, each by itself"
    assert abs(temperature() / planted - 1) < 0.02


def test_rows_of_labels_that_cannot_be_scored_are_left_out() -> None:
    write(activation="sigmoid")
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (3000, 4)).astype(np.float32)
    labels = rng.random(logits.shape) < special.expit(logits)
    calibrate(logits, labels)
    alone = temperature()
    bad = np.array([[np.nan, 0, 0, 0], [np.inf, 0, 0, 0]], np.float32)
    result = calibrate(np.vstack([logits, bad]), np.vstack([labels, [[True] * 4] * 2]))
    assert "  left out: 2, whose" in result.stdout
    assert temperature() == alone


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.zeros(3, np.int64), "an array of 0 and 1 of shape (n, 4) is due"),
        (np.zeros((3, 2), np.int64), "an array of 0 and 1 of shape (n, 4) is due"),
        (np.zeros((3, 4)), "an array of 0 and 1 of shape (n, 4) is due"),
        (np.array([[0, 1, 0, 1], [0, 0, 2, 0], [0, 0, 0, 0]]), "y.npy: row 1: holds another number than 0 and 1"),
    ],
)
def test_what_are_no_labels_of_rows_is_refused(labels: np.ndarray, expected: str) -> None:
    write(activation="sigmoid")
    assert sentence(calibrate(X, labels)).endswith(expected)


def test_values_have_no_temperature() -> None:
    write(onnx_models.regression())
    assert sentence(calibrate(X, Y)) == "m gives values: it has no classes, and no temperature to fit"


X, Y = np.zeros((3, 4), np.float32), np.arange(3)
DUE = "due are class positions, whole numbers"


@pytest.mark.parametrize(
    ("rows", "labels", "expected"),
    [
        (X[:1], Y[:1], "rows.npy: 2 rows are the least to fit to, and of 1 there are 1 whose scores are of use"),
        (X[:0], Y[:0], "rows.npy: 2 rows are the least to fit to, and of 0 there are 0 whose scores are of use"),
        (X * np.nan, Y, "rows.npy: 2 rows are the least to fit to, and of 3 there are 0 whose scores are of use"),
        (X, Y[:2], "y.npy: has labels of 2 rows, rows.npy has 3"),
        (X, Y + 2, "y.npy: row 2: class 4 is outside of 0 to 3"),
        (X, Y - 1, "y.npy: row 0: class -1 is outside of 0 to 3"),
        (X, Y / 2, f"y.npy: is of type float64, {DUE} or class names"),
        (X, np.eye(3), "y.npy: one label for each row is due, an array of shape (n,)"),
        (X, np.array(["ant", "owl", "bee"]), "y.npy: row 1: 'owl' is not one of the bundle's labels"),
        (X[:, :3], Y, "rows.npy: shape: is [3, 3], the model takes x: float32 (any, 4)"),
        (np.float32(1), Y, "rows.npy: does not hold rows, or not as many for each input"),
        (
            X.astype(np.complex64),
            Y,
            "rows.npy: data_type: complex64 cannot be cast to what the model takes, x: float32 (any, 4)",
        ),
        (
            np.array([["a"] * 4] * 3),
            Y,
            "rows.npy: data_type: string cannot be cast to what the model takes, x: float32 (any, 4)",
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(
    rows: np.ndarray, labels: np.ndarray, expected: str
) -> None:
    before = (write(labels=LABELS) / "bundle.json").read_bytes()
    assert sentence(calibrate(rows, labels, "--output", "n/1")) == expected
    assert sentence(calibrate(rows, labels)) == expected
    assert Path("m/1/bundle.json").read_bytes() == before
    assert not Path("n").exists()


def test_names_need_a_bundle_with_labels() -> None:
    write()
    said = sentence(calibrate(X, np.array(["a", "b", "c"])))
    assert said == f"y.npy: is of type <U1, {DUE}, as the bundle has no labels"


def test_inputs_that_are_missing_are_named() -> None:
    write(onnx_models.two_inputs())
    np.savez("rows.npz", a=X[:, :3])
    np.save("y.npy", Y)
    said = sentence(run("--input", "rows.npz", "--labels", "y.npy"))
    assert said.startswith("rows.npz: tensors: the model's inputs ['b'] were not given")


def test_inputs_of_different_lengths_are_refused() -> None:
    write(onnx_models.two_inputs())
    np.savez("rows.npz", a=X[:, :3], b=np.zeros((2, 3), np.uint8))
    np.save("y.npy", Y)
    said = sentence(run("--input", "rows.npz", "--labels", "y.npy"))
    assert said == "rows.npz: does not hold rows, or not as many for each input"


def test_rows_on_which_the_model_fails_are_refused_with_the_cause() -> None:
    write(onnx_models.look_up())
    said = sentence(calibrate(np.array([0, 99, 1]), Y))
    assert said.startswith("rows.npy: the model failed on these rows: ")
    assert "99" in said


def test_a_model_that_drops_rows_is_refused() -> None:
    write(onnx_models.rows_with_a_positive_value())
    assert sentence(calibrate(X, Y)) == "rows.npy: model 'm' gave [0, 4] values where [3, 4] were due"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "rows.npy: cannot be read: No such file or directory"),
        (b"", "rows.npy: is no NumPy file of numbers or text"),
        (b"1,2,3\n", "rows.npy: is no NumPy file of numbers or text"),
        (b"PK\x03\x04 no archive", "rows.npy: is no .npz file of numbers, or was not written to its end"),
    ],
)
def test_a_file_that_numpy_cannot_read_is_refused(content: bytes | None, expected: str) -> None:
    write()
    np.save("y.npy", Y)
    if content is not None:
        Path("rows.npy").write_bytes(content)
    assert sentence(run("--input", "rows.npy", "--labels", "y.npy")) == expected


def test_python_objects_in_a_file_are_never_run() -> None:
    write()
    buffer = io.BytesIO()
    np.save(buffer, np.array([object()]), allow_pickle=True)
    Path("rows.npy").write_bytes(buffer.getvalue())
    np.save("y.npy", Y)
    said = sentence(run("--input", "rows.npy", "--labels", "y.npy"))
    assert said == "rows.npy: is no NumPy file of numbers or text"


@pytest.mark.parametrize("damage", ["bundle.json", "model.onnx"])
def test_a_bundle_that_is_not_whole_is_refused(damage: str) -> None:
    (write() / damage).unlink()
    assert sentence(calibrate(X, Y)).endswith(f"m/1/{damage}: cannot be read: No such file or directory")


def test_a_full_disk_leaves_the_manifest_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = (write() / "bundle.json").read_bytes()
    monkeypatch.setattr(bundle_writing.os, "fsync", full)
    assert sentence(calibrate(*sample())) == "m/1/bundle.json: cannot be written: No space left on device"
    assert Path("m/1/bundle.json").read_bytes() == before
    assert sorted(path.name for path in Path("m/1").iterdir()) == ["bundle.json", "model.onnx"]


def test_progress_is_shown_on_a_terminal_and_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    write()
    calibrate(*sample())
    monkeypatch.setattr(sys, "stdout", terminal)
    calibrating.calibrate(Path("m/1"), rows=Path("rows.npy"), labels=Path("y.npy"))
    steps = re.findall(r"\r  ([\d,]+ of [\d,]+) rows scored, [\d,]+/s, \d+ s left", terminal.getvalue())
    assert steps == ["1,024 of 3,000", "2,048 of 3,000", "3,000 of 3,000"]
    assert terminal.getvalue().endswith(" \r")


def test_the_server_scores_with_the_new_temperature() -> None:
    write()
    rows, labels = sample()
    calibrate(rows, labels)
    model = servable.load(read_folder(Path("m/1")), threads=1)
    assert model.temperature == temperature()
    assert softmax(rows, model.temperature).max() < softmax(rows).max()
