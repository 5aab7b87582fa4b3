"""`assayctl drift` and `assayctl reference`: what they print and write, and how they end."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import grpc
import numpy as np
import pyarrow as pa
import pytest

from assayd.arrays import decode
from assayd.cli.printing import print_text
from assayd.v1 import monitoring_pb2, scoring_pb2, tensor_pb2
from client.cli.conftest import Assayctl
from client.conftest import Status
from client.monitored import BINS, IDENTITY, answer, columns, reference, result
from client.scripted import rows_of, too_many_rows

DRIFTED = 4
EVIL = '<script src="x">alert("&")</script>'


class Monitoring:
    """A server that knows the wire alone: keeps requests, and answers what it is told to."""

    def __init__(self) -> None:
        self.requests: list[monitoring_pb2.TestDriftRequest] = []
        self.answer: dict[str, Any] = {}
        self.rows_max = 2**31 - 1
        self.reference_rows = 2200

    @property
    def rows(self) -> np.ndarray:
        """Of the last request."""
        return rows_of(self.requests[-1])

    def test_drift(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        request = monitoring_pb2.TestDriftRequest.FromString(message)
        self.requests.append(request)
        count = len(rows_of(request))
        if count > self.rows_max:
            refusal = too_many_rows(self.rows_max)
            context.abort_with_status(Status(refusal.code(), refusal.details(), refusal.trailing_metadata()))
        return answer(count, **self.answer).SerializeToString()

    def get_reference(self, _message: bytes, _context: grpc.ServicerContext) -> bytes:
        held = reference()
        held.row_count = self.reference_rows
        return monitoring_pb2.GetReferenceResponse(model=IDENTITY, reference=held).SerializeToString()

    def get_model(self, _message: bytes, _context: grpc.ServicerContext) -> bytes:
        takes = scoring_pb2.TensorSpec(name="x", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=[-1, 4])
        model = scoring_pb2.Model(identity=IDENTITY, inputs=[takes], labels=["ant", "bee"])
        return scoring_pb2.GetModelResponse(model=model).SerializeToString()


@pytest.fixture
def monitoring() -> Monitoring:
    return Monitoring()


@pytest.fixture
def assayctl(monitoring: Monitoring, bare_server: Callable[..., str], pool: pa.Table) -> Assayctl:
    """The command line of that server, in a folder with files of rows."""
    methods = {
        "TestDrift": monitoring.test_drift,
        "GetReference": monitoring.get_reference,
        "GetModel": monitoring.get_model,
    }
    return Assayctl(bare_server(methods))


def printed(assayctl: Assayctl, *words: object, code: int = DRIFTED) -> str:
    result = assayctl("drift", *words)
    assert (result.exit_code, result.stderr) == (code, ""), result.output
    return result.stdout


def document(assayctl: Assayctl, *words: object, code: int = DRIFTED) -> Any:
    return json.loads(printed(assayctl, *words, "--json", code=code))


@pytest.mark.parametrize("name", ["pool.parquet", "pool.csv", "pool.npy"])
def test_a_file_that_has_drifted_is_told_in_a_table_and_by_the_exit_code(
    assayctl: Assayctl, monitoring: Monitoring, x: np.ndarray, name: str
) -> None:
    id_column = [] if name == "pool.npy" else ["--id-column", "id"]
    lines = printed(assayctl, "--input", name, *id_column).splitlines()
    assert lines[0].startswith("1 of 3 columns have drifted: 1,000 rows against the reference of m version 3")
    assert "reference  ▇▇·" in lines[3]
    assert "window     ▄█▂" in lines[4]
    assert lines[-3] == "classes in the window, estimated: bee 75.0%, ant 25.0%"
    assert lines[-1] == "warning: the window is large beside the reference"
    np.testing.assert_array_equal(monitoring.rows, x)
    assert monitoring.rows.dtype == np.float32


def test_a_file_that_has_not_drifted_ends_with_0(assayctl: Assayctl, monitoring: Monitoring) -> None:
    monitoring.answer = {"drifted": False, "columns": columns()[1:]}
    assert printed(assayctl, "--input", "pool.npy", code=0).startswith("no drift in 2 columns: 1,000 rows")


def test_quiet_prints_nothing_and_ends_in_the_same_way(assayctl: Assayctl) -> None:
    assert printed(assayctl, "--input", "pool.npy", "--quiet") == ""


def test_the_flags_go_on_the_wire(assayctl: Assayctl, monitoring: Monitoring) -> None:
    words = ["--alpha", 0.05, "--delta", 0.2, "--compare", "entropy,class", "--wire-type", "uint8"]
    printed(assayctl, "--input", "pool.npy", *words, "--model", "m", "--version", 3)
    (request,) = monitoring.requests
    assert (request.alpha, request.delta, list(request.columns)) == (0.05, 0.2, ["entropy", "class"])
    assert request.model == scoring_pb2.ModelSelector(name="m", version=3)
    assert monitoring.rows.dtype == np.uint8


@pytest.mark.parametrize("kind", ["logits", "probabilities", "embeddings"])
@pytest.mark.parametrize("name", ["pool.parquet", "pool.csv", "pool.npy"])
def test_rows_may_be_scores_or_embeddings(
    assayctl: Assayctl, monitoring: Monitoring, x: np.ndarray, kind: str, name: str
) -> None:
    named = [] if name == "pool.npy" else ["--columns", "a,b,c,d"]
    printed(assayctl, "--input", name, "--as", kind, *named)
    assert monitoring.requests[-1].rows.WhichOneof("kind") == kind
    np.testing.assert_array_equal(decode(getattr(monitoring.requests[-1].rows, kind)), x)


def test_a_sample_is_drawn_where_it_is_asked_for(
    assayctl: Assayctl, monitoring: Monitoring, x: np.ndarray
) -> None:
    words = ["--input", "pool.csv", "--id-column", "id", "--sample-rows", 100]
    assert ": 100 rows of 1,000, drawn at random, against" in printed(assayctl, *words)
    first = monitoring.rows
    assert document(assayctl, *words)["sampled_from"] == 1000
    np.testing.assert_array_equal(monitoring.rows, first)
    document(assayctl, *words, "--seed", 1)
    assert (monitoring.rows != first).any()
    assert {tuple(row) for row in first} <= {tuple(row) for row in x}


@pytest.mark.parametrize(("reference_rows", "rows"), [(2000, 1000), (40_000, 2000)])
def test_a_long_file_is_sampled_by_default_as_the_reference_bears_it(
    assayctl: Assayctl, monitoring: Monitoring, reference_rows: int, rows: int
) -> None:
    np.save("long.npy", np.zeros((12_000, 4), np.float32))
    monitoring.reference_rows = reference_rows
    found = document(assayctl, "--input", "long.npy")
    assert (found["rows"], found["sampled_from"]) == (rows, 12_000)


def test_all_that_is_found_is_there_as_json(assayctl: Assayctl, monitoring: Monitoring) -> None:
    odd = monitoring_pb2.ColumnDrift(name="odd", deciding=result(monitoring_pb2.DRIFT_TEST_PSI, np.inf, np.nan))
    monitoring.answer = {"columns": [columns()[0], odd]}
    found = document(assayctl, "--input", "pool.npy")
    entropy, unknown = found.pop("columns")
    assert found == {
        "drifted": True,
        "rows": 1000,
        "sampled_from": None,
        "alpha": 0.01,
        "delta": 0.1,
        "class_shares": {"ant": 0.25, "bee": 0.75},
        "class_shares_observed": False,
        "class_shifts": {"ant": {"effect": 0.3, "p_value": 0.01}, "bee": {"effect": 0.1, "p_value": 0.5}},
        "warnings": ["the window is large beside the reference"],
        "reference_digest": "sha256:r",
        "model": {"name": "m", "version": 3, "digest": "sha256:m"},
    }
    assert entropy == {
        "name": "entropy",
        "kind": "numeric",
        "test": "psi",
        "effect": 0.5,
        "effect_min": 0.1,
        "p_value": 1e-9,
        "p_adjusted": 3e-9,
        "drifted": True,
        "informing": {"ks": {"effect": 0.3, "p_value": 1e-5}},
        "bins": BINS,
        "reference_counts": [100, 100, 0],
        "window_counts": [2, 5, 1],
    }
    assert (unknown["kind"], unknown["effect"], unknown["p_value"]) == ("unknown", None, None)


def page(assayctl: Assayctl, *words: object) -> ElementTree.Element:
    """The page, which is well-formed."""
    printed(assayctl, "--input", "pool.npy", "--html", "report.html", *words)
    return ElementTree.parse("report.html").getroot()  # noqa: S314 it is our own


def texts(root: ElementTree.Element, path: str) -> list[str]:
    return ["".join(each.itertext()) for each in root.findall(path)]


def test_the_page_shows_what_was_found(assayctl: Assayctl) -> None:
    root = page(assayctl)
    assert texts(root, "./head/title") == ["pool.npy: drifted"]
    assert texts(root, ".//h1") == ["pool.npy drifted"]
    (overview,) = root.findall(".//table[@class='overview']")
    assert texts(overview, "tr/th[@scope='row']") == ["entropy", "class", "embedding"]
    assert texts(overview, "tr/td[6]") == ["drifted", "no drift", "no drift"]
    assert texts(root, ".//details/summary") == [
        "entropy (numeric)",
        "class (categorical)",
        "embedding (embedding)",
    ]
    assert [details.get("open") for details in root.findall(".//details")] == ["open", None, None]
    tests, bins = root.find(".//details").findall("table")
    assert texts(tests, "tr/th[@scope='row']") == ["psi, which decides", "ks"]
    assert texts(bins, "tr[2]/*") == ["(-inf, 0.5]", "100", "50.00%", "2", "25.00%"]
    classes, shifts = root.findall("./body/table")
    assert texts(classes, "tr/td") == ["25.00%", "75.00%"]
    assert texts(shifts, "tr[2]/*") == ["ant", "0.3", "0.01"]
    everything = "".join(root.itertext())
    assert "1 of 3 columns have drifted: 1,000 rows against the reference of m version 3" in everything
    assert texts(root, ".//p[@class='warning']") == ["the window is large beside the reference"]


def test_a_plot_has_two_bars_for_each_bin_by_one_scale(assayctl: Assayctl) -> None:
    (entropy, _by_class) = page(assayctl).findall(".//svg")
    heights = [[float(bar.get("height")) for bar in bin_.findall("rect")] for bin_ in entropy.findall("g")]
    shares = np.array([[0.5, 0.25], [0.5, 0.625], [0, 0.125]])
    np.testing.assert_allclose(heights, shares / 0.625 * 60, atol=0.01)
    assert texts(entropy, "g/title")[1] == "(0.5, inf): 50.00% of the reference, 62.50% of the window"
    for bin_ in entropy.findall("g"):
        assert [bar.get("class") for bar in bin_.findall("rect")] == ["reference", "window"]


def test_a_window_and_a_reference_of_nothing_have_a_plot(assayctl: Assayctl, monitoring: Monitoring) -> None:
    column = columns()[0]
    column.reference_counts[:] = column.window_counts[:] = [0, 0, 0]
    monitoring.answer = {"columns": [column], "class_shares": [], "class_shifts": []}
    root = page(assayctl)
    assert {bar.get("height") for bar in root.findall(".//rect")} == {"0.00"}
    assert texts(root, ".//h2") == ["Columns", "Tests and bins"]


def test_the_page_needs_nothing_besides_itself(assayctl: Assayctl) -> None:
    root = page(assayctl)
    assert {element.tag for element in root.iter()}.isdisjoint({"script", "link", "img", "iframe", "object", "a"})
    text = Path("report.html").read_text()
    assert "url(" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert "default-src 'none'" in text


def test_names_of_data_are_not_read_as_html(assayctl: Assayctl, monitoring: Monitoring) -> None:
    column = columns()[0]
    column.name = column.bins[0] = EVIL
    monitoring.answer = {"columns": [column], "warnings": [EVIL], "reference_digest": EVIL}
    root = page(assayctl)
    assert root.find(".//script") is None
    assert texts(root, ".//table[@class='overview']/tr/th[@scope='row']") == [EVIL]
    assert texts(root, ".//p[@class='warning']") == [EVIL]
    assert EVIL in root.find(".//svg").get("aria-label")


def test_a_page_that_is_there_is_replaced_only_on_request(assayctl: Assayctl) -> None:
    page(assayctl)
    words = ["drift", "--input", "pool.npy", "--html", "report.html"]
    sentence = assayctl.refusal(*words, code=2)
    assert sentence == "--html: report.html is there already and complete, --overwrite replaces it"
    Path("report.html").write_text("old")
    assert assayctl(*words, "--overwrite").exit_code == DRIFTED
    assert Path("report.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--html", "report.txt"], 2, "--html: report.txt must end in one of .html"),
        (["--html", "none/report.html"], 2, "--html: there is no folder none"),
        (["--input", "none.parquet"], 2, "--input: none.parquet is not there"),
        (["--columns", "a"], 2, "--columns: the rows of pool.npy have no named columns"),
        (
            ["--wire-type", "int8"],
            1,
            "pool.npy: inputs: wire_type int8 holds whole numbers from -128 to 127, got ",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence(assayctl: Assayctl, words: list[str], code: int, sentence: str) -> None:
    assert assayctl.refusal("drift", "--input", "pool.npy", *words, code=code).startswith(sentence)
    assert not list(Path().glob("report*"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--alpha", "0.6"], "'--alpha': is 0.6, allowed are above 0 and up to 0.5"),
        (["--delta", "0"], "'--delta': is 0, allowed are above 0 ("),
        (["--delta", "nan"], "'--delta': is nan, allowed are above 0 ("),
        (["--as", "images"], "'images' is unknown, allowed are inputs, logits, probabilities, embeddings"),
        (["--sample-rows", "0"], "'--sample-rows'"),
    ],
)
def test_wrong_flags_are_told(assayctl: Assayctl, words: list[str], sentence: str) -> None:
    assert sentence in assayctl.refusal("drift", "--input", "pool.npy", *words, code=2)


def test_a_window_that_is_too_large_for_the_server_is_told_in_flags(
    assayctl: Assayctl, monitoring: Monitoring
) -> None:
    monitoring.rows_max = 100
    sentence = assayctl.refusal("drift", "--input", "pool.npy", code=2)
    assert sentence == "--sample-rows: a window goes in one call, which takes 100 of these rows"


def test_what_the_server_refuses_is_told_in_its_words(assayctl: Assayctl, bare_server: Any) -> None:
    """Through another server, which has no reference."""

    def refused(_message: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "columns: 'a' is not one of the reference's")
        raise AssertionError("abort returned")

    like = Monitoring()
    methods = {"TestDrift": refused, "GetModel": like.get_model, "GetReference": like.get_reference}
    sentence = Assayctl(bare_server(methods)).refusal("drift", "--input", "pool.npy", "--compare", "a")
    assert sentence.endswith("columns: 'a' is not one of the reference's")


def test_a_terminal_without_blocks_gets_question_marks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    latin = io.TextIOWrapper(io.BytesIO(), "latin-1")
    monkeypatch.setattr(sys, "stdout", latin)
    print_text("ä ▇▇·")
    latin.flush()
    assert latin.buffer.getvalue() == "ä ??·\n".encode("latin-1")


def test_reference_prints_what_there_is_to_compare_with(assayctl: Assayctl) -> None:
    assert assayctl.done("reference") == (
        "model      m version 3\n"
        "digest     sha256:r\n"
        "made with  sha256:o\n"
        "rows       2,200; of novelty 1,000 fitted, 1,200 calibrated\n"
        "novelty    combined, gen\n"
        "column     entropy: numeric, 3 bins, 1,200 rows\n"
        "column     embedding: embedding\n"
        "warning    few rows\n"
    )


def test_reference_as_json_has_all_of_it(assayctl: Assayctl) -> None:
    found = assayctl.document("reference")
    assert (found["digest"], found["novelty_measures"]) == ("sha256:r", ["combined", "gen"])
    assert found["columns"][0] == {"name": "entropy", "kind": "numeric", "bins": BINS, "counts": [700, 500, 0]}
