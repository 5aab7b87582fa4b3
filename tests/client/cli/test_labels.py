"""`assayctl labels`: what the client says of all rows at once, of files that are read some rows at a time."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from assayd import Client
from assayd.cli.exits import CommandError
from assayd.cli.labels.names import ClassNames
from assayd.cli.labels.propose import _tables
from assayd.cli.labels.rows import Asked, Rows, open_rows
from assayd.label_proposals import LabelProposals
from assayd.testing import Server, serving
from client.cli.conftest import COLUMNS, Assayctl

DEMO = Path(__file__).resolve().parents[3] / "server" / "assayd_server" / "demo"
FILES = ["rows.parquet", "rows.csv", "rows.npy"]
RNG = np.random.default_rng(6)
TRUE = RNG.integers(0, 4, 900)
X = (RNG.normal(size=(900, 4)) + 4 * np.eye(4)[TRUE]).astype(np.float32)
LABELS = np.where(RNG.random(900) < 0.1, RNG.integers(0, 4, 900), TRUE)
LABELS[[3, 500]] = -1
EACH = ",".join(COLUMNS)


@pytest.fixture(autouse=True)
def files(folder: Path) -> None:
    """The same rows and labels as rows.parquet, rows.csv and rows.npy with labels.npy."""
    labels = pa.array(LABELS, mask=LABELS < 0)
    columns = dict(zip(COLUMNS, X.T, strict=True))
    table = pa.table({"id": [f"row {row}" for row in range(900)], **columns, "label": labels})
    parquet.write_table(table, folder / "rows.parquet", row_group_size=250)
    csv.write_csv(table, folder / "rows.csv")
    np.save(folder / "rows.npy", X)
    np.save(folder / "labels.npy", LABELS)


@pytest.fixture
def client(server: Server) -> Client:
    with server.client() as client:
        yield client


def words(name: str, *, ids: bool = True) -> list[object]:
    """The flags that name the rows and the labels of a file."""
    if name.endswith("npy"):
        return ["--input", name, "--labels", "labels.npy"]
    return ["--input", name, "--labels", "label", *(["--id-column", "id"] if ids else [])]


def read(path: str) -> pa.Table:
    return parquet.read_table(path) if path.endswith("parquet") else csv.read_csv(path)


def floats(table: pa.Table, name: str) -> np.ndarray:
    return table.column(name).to_numpy().astype(np.float64)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("output", ["found.parquet", "found.csv"])
def test_labels_of_a_file_are_assessed_as_all_at_once(
    assayctl: Assayctl, client: Client, name: str, output: str
) -> None:
    said = assayctl.done("labels", "assess", *words(name), "--output", output, "--batch-rows", 200)
    expected, found = client.assess_labels(X, labels=LABELS), read(output)
    own = [] if name == "rows.npy" else ["id"]
    assert found.column_names == ["position", *own, "label", "quality", "suspected"]
    assert found.column("position").to_pylist() == list(range(900))
    np.testing.assert_allclose(floats(found, "quality"), expected.quality, rtol=1e-5)
    assert found.column("suspected").to_pylist() == expected.suspected.tolist()
    assert [
        -1 if each in (None, "") else int(each) for each in found.column("label").to_pylist()
    ] == LABELS.tolist()
    if own:
        assert found.column("id").to_pylist()[:2] == ["row 0", "row 1"]
    first, _, rest = said.partition("\n")
    share = f"{float(expected.noise_share):.1%}"
    suspected = int(expected.suspected.sum())
    assert first == f"{output}: {suspected:,} of 898 labels are probably wrong, {share} are estimated to be, by m"
    assert ("row  id" in rest) == bool(own)


def test_an_assessment_comes_as_json(assayctl: Assayctl, client: Client) -> None:
    document = assayctl.document(
        "labels", "assess", *words("rows.parquet"), "--output", "f.csv", "--batch-rows", 70
    )
    expected = client.assess_labels(X, labels=LABELS)
    counts = [document[name] for name in ("rows", "labeled", "suspected", "invalid_rows")]
    assert counts == [900, 898, int(expected.suspected.sum()), 0]
    assert document["noise_share"] == pytest.approx(float(expected.noise_share))
    off = expected.noise_matrix - np.diag(np.diag(expected.noise_matrix))
    worst = document["confusions"][0]
    label, truly = np.unravel_index(off.argmax(), off.shape)
    assert (worst["label"], worst["truly"]) == (str(label), str(truly))
    assert worst["share"] == pytest.approx(off.max())
    suspected = np.flatnonzero(expected.suspected)
    least = suspected[np.argsort(expected.quality[suspected], kind="stable")][:10]
    assert [each["position"] for each in document["worst"]] == least.tolist()
    assert [each["id"] for each in document["worst"]] == [f"row {row}" for row in least]
    assert (document["output"], document["model"]["name"]) == ("f.csv", "m")


def test_probabilities_are_judged_by_no_model_and_their_columns_name_the_classes(
    assayctl: Assayctl, client: Client, folder: Path
) -> None:
    probabilities = client.score(X, outputs=["probabilities"]).probabilities.astype(np.float64)
    kinds = np.array(["ant", "bee", "cow", "dog"])
    labels = pa.array([None if label < 0 else kinds[label] for label in LABELS]).dictionary_encode()
    table = pa.table({**dict(zip(kinds, probabilities.T, strict=True)), "kind": labels})
    parquet.write_table(table, folder / "held_out.parquet")
    csv.write_csv(table.set_column(4, "kind", labels.dictionary_decode()), folder / "held_out.csv")
    for name in ("held_out.parquet", "held_out.csv"):
        given = ["--input", name, "--as", "probabilities", "--labels", "kind", "--output", "f.parquet"]
        document = assayctl.document("labels", "assess", *given, "--overwrite")
        assert document["model"] is None
        assert {one["truly"] for one in document["confusions"]} <= set(kinds)
        found = read("f.parquet").column("label").to_pylist()
        assert found == [None if label < 0 else kinds[label] for label in LABELS]
    said = assayctl.done("labels", "evaluate", *given[:-2])
    assert said.splitlines()[0].endswith(" of 898 labels")


def test_what_agrees_with_the_model_has_nothing_to_look_at(assayctl: Assayctl, folder: Path) -> None:
    np.save(folder / "labels.npy", X.argmax(axis=1))
    said = assayctl.done("labels", "assess", *words("rows.npy"), "--output", "f.csv", "--temperature", 0.01)
    assert said == "f.csv: 0 of 900 labels are probably wrong, 0.0% are estimated to be, by m\n"


def test_rows_that_cannot_be_scored_are_told(assayctl: Assayctl, folder: Path) -> None:
    wrong = X.copy()
    wrong[[1, 700]] = np.nan
    np.save(folder / "rows.npy", wrong)
    said = assayctl.done("labels", "assess", *words("rows.npy"), "--output", "f.csv", "--batch-rows", 300)
    assert "2 rows are invalid, by m" in said.splitlines()[0]
    assert "2 rows are invalid, by m" in assayctl.done("labels", "evaluate", *words("rows.npy"))


@pytest.mark.parametrize("name", FILES)
def test_predictions_of_a_file_are_evaluated_as_all_at_once(assayctl: Assayctl, client: Client, name: str) -> None:
    expected = client.evaluate(X, labels=LABELS, calibration_bins=7)
    document = assayctl.document("labels", "evaluate", *words(name), "--calibration-bins", 7)
    assert document["verified"] == 898
    assert document["accuracy"] == pytest.approx(expected.accuracy)
    assert document["calibration_error"] == pytest.approx(expected.calibration_error)
    assert document["mean_average_precision"] == pytest.approx(expected.mean_average_precision)
    assert document["pooled_average_precision"] == pytest.approx(expected.pooled_average_precision)
    for place, one in enumerate(document["classes"]):
        assert (one["class"], one["rows"]) == (str(place), int(expected.support[place]))
        said = [one[name] for name in ("precision", "recall", "f1", "average_precision")]
        values = (expected.precision, expected.recall, expected.f1, expected.average_precision)
        assert said == pytest.approx([each[place] for each in values])
    wrong = expected.confusion - np.diag(np.diag(expected.confusion))
    label, predicted = np.unravel_index(wrong.argmax(), wrong.shape)
    assert document["confused"][0] == {"label": str(label), "predicted": str(predicted), "rows": int(wrong.max())}


def test_a_file_in_several_calls_has_no_average_precision_and_all_else(assayctl: Assayctl, client: Client) -> None:
    expected = client.evaluate(X, labels=LABELS)
    document = assayctl.document("labels", "evaluate", *words("rows.csv"), "--batch-rows", 128)
    assert (document["mean_average_precision"], document["pooled_average_precision"]) == (None, None)
    assert {one["average_precision"] for one in document["classes"]} == {None}
    assert document["accuracy"] == pytest.approx(expected.accuracy)
    assert document["calibration_error"] == pytest.approx(expected.calibration_error)
    said = assayctl.done("labels", "evaluate", *words("rows.csv"), "--batch-rows", 128)
    assert "mAP of rows in several calls; calibration error" in said


def test_the_summary_of_an_evaluation_is_a_table_with_the_lowest_f1_first(
    assayctl: Assayctl, client: Client
) -> None:
    expected = client.evaluate(X, labels=LABELS)
    said = assayctl.done("labels", "evaluate", *words("rows.parquet")).splitlines()
    assert said[0] == f"accuracy {expected.accuracy:.3f} of 898 labels, by m"
    assert said[1].startswith(f"mAP {expected.mean_average_precision:.3f}, AP_all ")
    assert said[3].split() == ["class", "precision", "recall", "F1", "AP", "rows"]
    assert [line.split()[0] for line in said[4:8]] == [
        str(each) for each in np.argsort(expected.f1, kind="stable")
    ]
    assert said[9:12:2] == ["Most often taken for another class:", "label  predicted  rows"]


def test_classes_without_a_row_are_left_out_and_many_are_cut_short(assayctl: Assayctl, folder: Path) -> None:
    scores = np.eye(60)[np.arange(120) % 60] * 20
    np.save(folder / "many.npy", scores)
    np.save(folder / "labels.npy", np.arange(120) % 60)
    given = ["--input", "many.npy", "--as", "logits", "--labels", "labels.npy"]
    said = assayctl.done("labels", "evaluate", *given)
    assert said.splitlines()[-1] == "and 10 classes with a higher F1"
    np.save(folder / "labels.npy", np.where(np.arange(120) % 60 == 2, -1, np.arange(120) % 60))
    assert [one["class"] for one in assayctl.document("labels", "evaluate", *given)["classes"]][:3] == [
        "0",
        "1",
        "3",
    ]
    said = assayctl.done("labels", "propose", *given[:4], "--thresholds", 0.5, "--output", "p.csv")
    assert said.splitlines()[-1] == "and 10 classes more"


@pytest.mark.parametrize("name", FILES)
def test_labels_are_proposed_for_a_file_as_for_all_rows_at_once(
    assayctl: Assayctl, client: Client, name: str
) -> None:
    given = ["--input", name, *([] if name == "rows.npy" else ["--id-column", "id", "--columns", EACH])]
    rule = ["--quotas", 50, "--confidence-min", 0.6, "--output", "p.parquet", "--batch-rows", 100]
    said = assayctl.done("labels", "propose", *given, *rule)
    expected, found = client.propose_labels(X, quotas=[50] * 4, confidence_min=0.6), read("p.parquet")
    own = [] if name == "rows.npy" else ["id"]
    assert found.column_names == ["position", *own, "label", "confidence", "reason"]
    assert found.column("position").to_pylist() == list(range(900))
    labels = [-1 if each is None else int(each) for each in found.column("label").to_pylist()]
    assert labels == expected.labels.tolist()
    np.testing.assert_allclose(floats(found, "confidence"), expected.confidence, rtol=1e-5)
    assert found.column("reason").to_pylist() == expected.reasons.tolist()
    if own:
        assert found.column("id").to_pylist() == [f"row {row}" for row in range(900)]
    assert said.splitlines()[0] == f"p.parquet: {expected}, by m"
    assert said.splitlines()[2].split() == ["class", "rows", "quota"]


def test_thresholds_and_shares_of_classes_are_rules_too(assayctl: Assayctl, client: Client) -> None:
    given = ["--input", "rows.npy", "--overwrite", "--output", "p.csv"]
    document = assayctl.document("labels", "propose", *given, "--thresholds", "0.9,0.8,0.99,1")
    expected = client.propose_labels(X, thresholds=[0.9, 0.8, 0.99, 1])
    assert [one["proposed"] for one in document["classes"]] == expected.counts.tolist()
    assert {one["quota"] for one in document["classes"]} == {None}
    assert document["proposed"] == int(expected.counts.sum())
    assert document["reasons"]["below_threshold"] == 900 - document["proposed"]
    assert document["expected_accuracy"] == pytest.approx(expected.expected_accuracy)
    document = assayctl.document("labels", "propose", *given, "--count", 40, "--prior", "0.5,0.25,0.25,0")
    assert [one["quota"] for one in document["classes"]] == [20, 10, 10, 0]
    assert (document["rows"], document["reference_digest"], document["output"]) == (900, None, "p.csv")
    said = assayctl.done("labels", "propose", *given, "--thresholds", 1)
    assert said.splitlines()[2].split() == ["class", "rows"]


def test_novel_rows_get_no_label(folder: Path) -> None:
    images = np.load(DEMO / "held_out.npz")["images"][:100].copy()
    images[::4] = RNG.integers(0, 17, (25, 64))
    np.save(folder / "images.npy", images)
    with serving(repository=DEMO / "models") as server, server.client() as client:
        given = ["--input", "images.npy", "--quotas", 9, "--novelty-alpha", 0.05, "--output", "p.parquet"]
        document = Assayctl(server.address).document("labels", "propose", *given)
        expected = client.propose_labels(images, quotas=[9] * 10, novelty_alpha=0.05)
    assert document["reasons"]["novel"] == int((expected.reasons == "novel").sum()) > 20
    assert document["reference_digest"] == expected.reference_digest
    assert read("p.parquet").column("reason").to_pylist() == expected.reasons.tolist()


def test_one_quota_for_each_class_needs_to_know_the_classes(assayctl: Assayctl) -> None:
    given = ["--input", "rows.npy", "--as", "logits", "--quotas", 5, "--output", "p.csv"]
    assert "--quotas: give one for each class" in assayctl.refusal("labels", "propose", *given, code=2)
    assert assayctl.document("labels", "propose", *given, "--model", "m")["proposed"] == 20
    table = ["--input", "rows.parquet", "--as", "logits", "--columns", EACH, "--quotas", 5, "--output", "q.csv"]
    assert [one["class"] for one in assayctl.document("labels", "propose", *table)["classes"]] == list(COLUMNS)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "give exactly one of --thresholds, --quotas, and --count with --prior"),
        (["--thresholds", 1, "--quotas", 3], "give exactly one of --thresholds"),
        (["--count", 3], "--count and --prior: each goes with the other"),
        (["--thresholds", 1, "--confidence-min", 0.5], "--confidence-min: goes with --quotas or --prior"),
        (["--quotas", "1.5"], "--quotas: is '1.5', allowed are whole numbers with commas between them"),
        (["--prior", "a", "--count", 3], "--prior: is 'a', allowed are numbers with commas between them"),
        (["--thresholds", 1, "--id-column", "reason"], "--id-column: the output has a column 'reason' of its own"),
    ],
)
def test_rules_that_are_none_are_wrong_usage(assayctl: Assayctl, given: list[object], sentence: str) -> None:
    command = ["labels", "propose", "--input", "rows.npy", "--output", "p.csv", *given]
    assert assayctl.refusal(*command, code=2).startswith(sentence)


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        (["rows.npy", "label"], 2, "--labels: the rows of rows.npy have no named columns, give a .npy file"),
        (["rows.csv", "kind"], 2, "--labels: rows.csv has no column 'kind', and it is no .npy file"),
        (
            ["rows.csv", "id", "--id-column", "id"],
            2,
            "--labels: 'id' is among the columns that are something else",
        ),
        (["rows.csv", "a", "--columns", "a,b"], 2, "--labels: 'a' is among the columns that are something else"),
        (["rows.csv", "none.npy"], 2, "--labels: none.npy is not there"),
        (["rows.npy", "two.npy"], 2, "--labels: two.npy has more than one label a row"),
        (["rows.npy", "short.npy"], 1, "--labels: short.npy has not as many labels as the input has rows"),
        (["rows.npy", "none_at_all.npy"], 1, "--labels: none_at_all.npy has not as many labels"),
        (["rows.npy", "long.npy"], 1, "--labels: long.npy has not as many labels as the input has rows"),
        (
            ["rows.npy", "floats.npy"],
            1,
            "floats.npy: 0.5 is neither a class, nor the position of one",
        ),
        (["rows.npy", "texts.npy"], 1, "texts.npy: 'x' is neither a class"),
        (["empty.npy", "none_at_all.npy"], 1, "empty.npy: holds no rows"),
        (["rows.npy", "seven.npy"], 1, "seven.npy: 7 is neither a class, nor the position of one"),
        (["rows.npy", "seven.npy", "--as", "logits"], 1, "INVALID_ARGUMENT: labels.data: [0] is 7, allowed are 0"),
        (["wide.npy", "labels.npy"], 1, "INVALID_ARGUMENT: rows.inputs.tensors[0].shape: is ["),
        (["rows.npy", "labels.npy", "--wire-type", "uint8"], 1, "rows.npy: inputs: "),
    ],
)
def test_what_is_wrong_is_one_sentence(
    assayctl: Assayctl, folder: Path, given: list[object], code: int, sentence: str
) -> None:
    arrays: dict[str, Any] = {
        "two": np.zeros((900, 2), int),
        "short": LABELS[:800],
        "long": np.append(LABELS, 1),
        "none_at_all": LABELS[:0],
        "floats": np.full(900, 0.5),
        "texts": np.array(["0", "x"] * 450),
        "empty": X[:0],
        "seven": np.full(900, 7),
        "wide": np.zeros((900, 5), np.float32),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    for command in (["assess", "--output", "f.csv"], ["evaluate"]):
        words = ["labels", *command, "--input", given[0], "--labels", *given[1:], "--batch-rows", 300]
        assert assayctl.refusal(*words, code=code).startswith(sentence)
    assert not (folder / "f.csv").exists()


def test_an_id_column_that_the_output_has_itself_is_wrong_usage(assayctl: Assayctl) -> None:
    given = ["--input", "rows.csv", "--labels", "a", "--id-column", "label", "--output", "f.csv"]
    assert "the output has a column 'label' of its own" in assayctl.refusal("labels", "assess", *given, code=2)


def test_a_column_that_is_there_twice_and_a_file_of_labels_alone_are_wrong_usage(
    assayctl: Assayctl, folder: Path
) -> None:
    (folder / "twice.csv").write_text("a,label,label\n1,2,3\n")
    given = ["--input", "twice.csv", "--labels", "label", "--columns", "a"]
    assert "has more than one column 'label'" in assayctl.refusal("labels", "evaluate", *given, code=2)
    (folder / "alone.csv").write_text("label\n1\n")
    given = ["--input", "alone.csv", "--labels", "label"]
    assert "is left to feed the model" in assayctl.refusal("labels", "evaluate", *given, code=2)


def test_nothing_verified_is_nothing_to_compare_with(assayctl: Assayctl, folder: Path) -> None:
    np.save(folder / "labels.npy", np.full(900, -1))
    sentence = "--labels: none of labels.npy is a label: there is nothing to compare with"
    assert assayctl.refusal("labels", "evaluate", *words("rows.npy")) == sentence


def test_what_the_server_refuses_is_said_in_its_words(assayctl: Assayctl, folder: Path) -> None:
    np.save(folder / "labels.npy", np.where(LABELS == 2, -1, LABELS))
    said = assayctl.refusal("labels", "assess", *words("rows.npy"), "--output", "f.csv")
    assert "2" in said
    assert not (folder / "f.csv").exists()


def test_nothing_is_said_where_quiet_is_asked_for(assayctl: Assayctl) -> None:
    for command in (
        ["assess", *words("rows.npy"), "--output", "f.csv"],
        ["evaluate", *words("rows.npy")],
        ["propose", "--input", "rows.npy", "--thresholds", 0.5, "--output", "p.csv"],
    ):
        assert assayctl.done("labels", *command, "--quiet") == ""


def test_no_server_is_told_by_the_exit_code(refusing_address: str) -> None:
    result = Assayctl(refusing_address)("labels", "evaluate", *words("rows.npy"), "--deadline-seconds", 0.3)
    assert result.exit_code == 3


@pytest.mark.parametrize("words", [["labels"], ["labels", "assess", "--input", "rows.npy"]])
def test_commands_that_are_not_whole_are_wrong_usage(assayctl: Assayctl, words: list[str]) -> None:
    result = assayctl(*words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(f"assayctl {' '.join(words[:2])}: Missing ")


def test_names_and_positions_are_labels_and_nothing_else_is() -> None:
    names = ClassNames(["ant", "bee", "7", "bee"])
    given = pa.array(["bee", "7", "1", "", None, "-1"])
    assert names.positions(given, "f").tolist() == [1, 2, 1, -1, -1, -1]
    assert names.positions(pa.array([1.0, np.nan, None, -1.0]), "f").tolist() == [1, -1, -1, -1]
    assert names.positions(pa.array([True, False]), "f").tolist() == [1, 0]
    assert ClassNames([]).column(np.array([3, -1])).to_pylist() == [3, None]
    assert (names.of(0), ClassNames([]).of(4)) == ("ant", "4")
    for label in ("cow", "4", 4, -2, 2**40, np.inf, b"bee"):
        with pytest.raises(CommandError, match="is neither a class, which are ant, bee, 7, bee, nor the position"):
            names.positions(pa.array([label]), "f")
    assert ClassNames([]).positions(pa.array([2**31 - 1]), "f").tolist() == [2**31 - 1]
    with pytest.raises(
        CommandError, match=r"is neither a class, which are 0, .* 9 and others, nor the position of one"
    ):
        ClassNames([str(place) for place in range(11)]).positions(pa.array(["cow"]), "f")


def test_a_file_that_changed_while_it_was_read_is_told(folder: Path) -> None:
    asked = Asked(
        path=folder / "rows.csv",
        kind="logits",
        columns=EACH,
        id_column="id",
        labels=None,
        batch_rows=100,
        model="",
        version=0,
    )
    rows = Rows(open_rows(asked), None, ClassNames(COLUMNS))
    for count in (250, 1000):
        found = LabelProposals(
            model=None,
            labels=np.zeros(count, np.int32),
            confidence=np.ones(count, np.float32),
            reasons=np.full(count, "accepted", object),
            counts=np.array([count]),
            quotas=None,
            class_weights=None,
            reference_digest="",
        )
        with pytest.raises(CommandError, match="changed while it was read"):
            list(_tables(found, rows))
