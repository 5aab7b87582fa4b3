"""References: what is built from which rows, what lies in the file, and what is refused."""

import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

import onnx_models
import references
from assayd_server import reference_rows
from assayd_server.bundle import ReferenceContent
from assayd_server.cli import app as cli
from assayd_server.errors import ArtefactError
from assayd_server.reference_building import build, show
from assayd_server.reference_file import Reference, read_reference
from assayd_server.reference_wanted import ReferenceWanted
from assayd_server.servable import load
from folders import load_folder

RNG = np.random.default_rng(0)
CENTRES = 4 * np.eye(4)
CLASSES = RNG.integers(0, 4, 1000)
ROWS = (CENTRES[CLASSES] + RNG.normal(size=(1000, 4))).astype(np.float32)
MODEL = onnx_models.identity()


def read(path: Path) -> Reference:
    return read_reference(ReferenceContent(path, path.read_bytes()))


def columns(reference: Reference) -> list[str]:
    return [column.name for column in reference.drift.layout.columns if column.role == "decides"]


def refused(tmp_path: Path, rows: np.ndarray = ROWS, model: bytes = MODEL, **wanted: Any) -> str:
    with pytest.raises(ArtefactError) as caught:
        references.write_reference(tmp_path / "r", model, rows, **wanted)
    return str(caught.value)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (references.write_reference(tmp_path / name, MODEL, ROWS) for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_one_half_of_the_rows_fits_and_the_other_calibrates(tmp_path: Path) -> None:
    reference = read(references.write_reference(tmp_path, MODEL, ROWS))
    manifest = reference.manifest
    assert (manifest.fitted_rows, manifest.calibration_rows, manifest.left_out) == (500, 500, 0)
    assert all(len(one.scores) == 500 for one in reference.novelty.calibrations.values())
    assert reference.drift.state.rows == 1000
    assert columns(reference)[:4] == ["predicted_class", "top_probability", "entropy", "novelty"]


def test_rows_that_cannot_be_scored_are_left_out_with_a_warning(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows[:7, 1] = np.nan
    manifest = read(references.write_reference(tmp_path, MODEL, rows)).manifest
    assert (manifest.left_out, manifest.fitted_rows + manifest.calibration_rows) == (7, 993)
    assert manifest.warnings == ("7 rows could not be scored and are left out of novelty",)


def test_rows_that_the_model_was_trained_on_come_with_a_warning(tmp_path: Path) -> None:
    manifest = read(references.write_reference(tmp_path, MODEL, ROWS, train=ROWS[:500])).manifest
    assert "500 of the 1000 rows are among the training rows too" in manifest.warnings[0]
    fresh = (CENTRES[CLASSES] + RNG.normal(size=(1000, 4))).astype(np.float32)
    assert read(references.write_reference(tmp_path, MODEL, ROWS, train=fresh)).manifest.warnings == ()


def test_a_model_that_is_never_wrong_comes_with_a_warning(tmp_path: Path) -> None:
    labels = ROWS.argmax(axis=1)
    manifest = read(references.write_reference(tmp_path, MODEL, ROWS, labels=labels)).manifest
    assert "the model is right on all 1000 rows" in manifest.warnings[0]
    labels[0] = (labels[0] + 1) % 4
    assert read(references.write_reference(tmp_path, MODEL, ROWS, labels=labels)).manifest.warnings == ()


def test_training_rows_add_to_features_and_neighbours_and_to_nothing_else(tmp_path: Path) -> None:
    train = (CENTRES[CLASSES[:600]] + RNG.normal(size=(600, 4))).astype(np.float32)
    features = ("x[3]",)
    plain = read(references.write_reference(tmp_path / "a", MODEL, ROWS, features=features))
    both = read(references.write_reference(tmp_path / "b", MODEL, ROWS, features=features, train=train))
    by_name = [
        {
            c.name: n.sum()
            for c, n in zip(r.drift.layout.columns, r.drift.layout.split(r.drift.state.counts), strict=True)
        }
        for r in (plain, both)
    ]
    assert (by_name[0]["x[3]"], by_name[1]["x[3]"]) == (1000, 1600)
    assert (by_name[0]["entropy"], by_name[1]["entropy"]) == (1000, 1000)


def test_features_of_a_table_go_by_their_columns(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(MODEL)
    table = {name: ROWS[:, place] for place, name in enumerate(("age", "height", "weight", "income"))}
    parquet.write_table(pa.table(table), tmp_path / "rows.parquet")
    output = tmp_path / "reference.npz"
    build(
        ReferenceWanted(
            rows=tmp_path / "rows.parquet", model=tmp_path / "m.onnx", output=output, features=("weight",)
        )
    )
    (feature,) = read(output).manifest.features
    assert (feature.name, feature.input, feature.place) == ("weight", "x", 2)


def test_a_reference_goes_into_a_bundle_and_is_served_with_it(tmp_path: Path) -> None:
    bundle = onnx_models.write_bundle(tmp_path, MODEL, name="iris")
    np.save(tmp_path / "rows.npy", ROWS)
    printed = build(ReferenceWanted(rows=tmp_path / "rows.npy", bundle=bundle))
    assert f"written to {bundle / 'reference.npz'}" in printed
    size = (bundle / "reference.npz").stat().st_size
    assert f"size: {size:,} bytes, allowed are 2,147,483,647" in printed
    (model,) = load_folder(tmp_path, lambda found: load(found, threads=1)).all()
    assert model.reference is not None
    assert model.reference.digest in printed
    with pytest.raises(ArtefactError, match="has a reference already"):
        build(ReferenceWanted(rows=tmp_path / "rows.npy", bundle=bundle))


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"features": ("age",)}, "--feature: there is no 'age', known are x, and numbers such as x[0]"),
        ({"features": ("x[4]",)}, "--feature: 'x[4]' is beyond the end: x has 4 numbers a row, from x[0] to x[3]"),
        ({"features": ("x[1]", "x[1]")}, "'x[1]' is the name of two columns"),
        ({"labels": np.zeros(7, np.int64)}, "has 7 labels, there are 1000 rows"),
        ({"labels": np.full(1000, 4)}, "row 0: class 4 is outside of 0 to 3"),
        ({"columns": "a,b"}, "--columns: the rows of"),
        ({"rows": ROWS[:60]}, "60 rows can be scored, at least 100 are needed"),
        ({"rows": ROWS[:, :3]}, "rows 0 to 999"),
        ({"rows": ROWS[:0]}, "has no rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_is_said(tmp_path: Path, wanted: dict, says: str) -> None:
    assert says in refused(tmp_path, **wanted)
    assert not (tmp_path / "r" / "reference.npz").exists()


def test_more_rows_than_fit_into_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference_rows, "ELEMENTS_MAX", 8 * 600)  # four scores and an embedding of four
    assert "has more than 600 rows, give a random sample of so many of them" in refused(tmp_path)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "give either --model or --bundle, not neither"),
        (
            ["--model", "m.onnx", "--bundle", "b/1", "--output", "r.npz"],
            "give either --model or --bundle, not both",
        ),
        (["--model", "m.onnx"], "give either --output or --bundle, not neither"),
        (["--model", "m.onnx", "--output", "."], ".: is there already, take another name"),
        (["--bundle", "b/1", "--logits-output", "z"], "flags for how a model is read go with --model"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags: list[str], says: str) -> None:
    result = CliRunner().invoke(cli, ["reference", "build", "--input", "rows.npy", *flags])
    assert result.exit_code == 1
    assert says in result.output


def test_the_command_builds_and_shows_a_reference(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(MODEL)
    np.save(tmp_path / "rows.npy", ROWS)
    flags = ["--model", tmp_path / "m.onnx", "--input", tmp_path / "rows.npy", "--output", tmp_path / "r.npz"]
    result = CliRunner().invoke(cli, ["reference", "build", *map(str, flags)])
    assert result.exit_code == 0, result.output
    shown = CliRunner().invoke(cli, ["reference", "show", str(tmp_path / "r.npz")])
    assert shown.output in result.output
    assert "rows: 1,000 for drift; 500 fit novelty, 500 others calibrate it" in shown.output
    assert "novelty: msp, max_logit, energy, gen, knn, mahalanobis" in shown.output
    assert show(tmp_path / "r.npz") + "\n" == shown.output


def test_another_models_reference_is_refused_by_name(tmp_path: Path, serve: Any) -> None:
    path = references.write_reference(tmp_path / "r", onnx_models.network(width=4, class_count=4), ROWS)
    with pytest.raises(ArtefactError, match=r"reference\.npz: is of model sha256:.*, m is sha256:"):
        serve(MODEL, reference=path)


def test_a_model_that_is_read_otherwise_is_refused(tmp_path: Path, serve: Any) -> None:
    path = references.write_reference(tmp_path / "r", MODEL, ROWS)
    with pytest.raises(ArtefactError, match="was made with the task multiclass, m is read with multilabel"):
        serve(MODEL, reference=path, activation="sigmoid")


@pytest.mark.parametrize("length", [0, 10, 1000, -1])
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, length: int) -> None:
    path = references.write_reference(tmp_path / "r", MODEL, ROWS)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ArtefactError, match=r"written to its end|is no reference|is not whole"):
        read(path)


def changed(path: Path, **arrays: np.ndarray | None) -> Path:
    with np.load(path) as archive:
        kept = {name: archive[name] for name in archive.files} | arrays
    buffer = io.BytesIO()
    np.savez(buffer, **{name: array for name, array in kept.items() if array is not None})
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"manifest": None}, "is no reference: it has no manifest"),
        ({"manifest": np.frombuffer(b"{}", np.uint8)}, "manifest: format: Field required"),
        ({"novelty.gaussians.center": None}, "is not whole"),
        ({"novelty.calibration.gen.scores": None}, "is not whole"),
        ({"novelty.calibration.beauty.scores": np.zeros(3)}, "is not whole"),
        ({"drift.columns": None}, "is not whole"),
        ({"drift.state/counts": np.zeros(3, np.int64)}, "is not whole"),
        ({"drift.features/null": np.zeros(3)}, "is not whole"),
        ({"drift.features/null": np.full(256, "x")}, "is not whole"),
        ({"drift.columns/1/points": np.arange(9) * 1j}, "is not whole"),
        ({"drift.reduction/unit": np.ones(3)}, "is not whole"),
        ({"novelty.gaussians.center": np.zeros(5)}, "is not whole"),
        ({"novelty.gaussians.means": np.zeros((0, 3), np.float32)}, "is not whole"),
        ({"novelty.neighbors.directions": np.zeros((0, 4), np.float32)}, "is not whole"),
        ({"novelty.neighbors.k": np.array(np.nan)}, "is not whole"),
        ({"novelty.vim.residual": np.full((4, 2), "x")}, "is not whole"),
        ({"novelty.calibration.gen.scores": np.zeros((1, 500), np.float32)}, "is not whole"),
        ({"novelty.calibration.combined.scores": np.full(500, "x")}, "is not whole"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, arrays: dict, says: str) -> None:
    path = changed(references.write_reference(tmp_path / "r", MODEL, ROWS), **arrays)
    with pytest.raises(ArtefactError, match=says):
        read(path)


def test_damaged_bytes_end_in_one_sentence_wherever_they_are(tmp_path: Path) -> None:
    path = references.write_reference(tmp_path / "r", MODEL, ROWS)
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for place in rng.integers(len(content), size=200):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with suppress(ArtefactError):  # where the damage is in a date or so, the content is whole
            read(path)


def test_no_object_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "r.npz"
    np.savez(path, manifest=np.array([{"a": 1}], object))
    with pytest.raises(ArtefactError, match=r"is no \.npz file of numbers"):
        read(path)


def test_a_manifest_of_another_format_is_refused(tmp_path: Path) -> None:
    path = references.write_reference(tmp_path / "r", MODEL, ROWS)
    with np.load(path) as archive:
        manifest = json.loads(archive["manifest"].tobytes()) | {"format": 2}
    changed(path, manifest=np.frombuffer(json.dumps(manifest).encode(), np.uint8))
    with pytest.raises(ArtefactError, match="manifest: format: Input should be less than or equal to 1"):
        read(path)


def test_a_model_of_probabilities_without_an_embedding_has_fewer_measures(tmp_path: Path) -> None:
    reference = read(references.write_reference(tmp_path, onnx_models.softmax_only(output="probabilities"), ROWS))
    assert set(reference.novelty.measures) == {"msp", "gen", "combined"}
