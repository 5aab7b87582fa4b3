"""`assayctl score --novelty`: what is novel among all rows of a file, by one reference."""

from collections.abc import Callable

import grpc
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy.stats import false_discovery_control

from assayd.arrays import encode
from assayd.cli.discovering import discovered, limit_of
from assayd.v1 import monitoring_pb2, novelty_pb2, scoring_pb2, tensor_pb2
from client.cli.conftest import Assayctl
from client.monitored import IDENTITY
from client.scripted import rows_of

WORDS = ["score", "--input", "rows.npy", "--output", "scores.parquet", "--batch-rows", 70]
COMBINED, GEN = novelty_pb2.NOVELTY_MEASURE_COMBINED, novelty_pb2.NOVELTY_MEASURE_GEN


class Judge:
    """A server that takes the first number of a row for its p-value."""

    def __init__(self) -> None:
        self.reference = "sha256:r"
        self.other_at: float | None = None
        """The rows of a call with this p-value are told by another reference."""
        self.requests: list[scoring_pb2.ScoreRequest] = []

    def score(self, message: bytes, _context: grpc.ServicerContext) -> bytes:
        request = scoring_pb2.ScoreRequest.FromString(message)
        self.requests.append(request)
        p_values = rows_of(request)[:, 0].astype(np.float64)  # type: ignore[arg-type]
        novelty = novelty_pb2.Novelty(
            reference_digest="sha256:s" if self.other_at in p_values else self.reference,
            scores=[
                novelty_pb2.NoveltyScores(
                    measure=measure, values=encode(-p_values.astype(np.float32)), p_values=encode(p_values)
                )
                for measure in request.novelty
            ],
        )
        if COMBINED in request.novelty:
            novelty.verdicts.CopyFrom(encode(np.where(p_values > request.novelty_alpha, 1, 2).astype(np.int32)))
            novelty.p_class.CopyFrom(encode(p_values))
            novelty.p_domain.CopyFrom(encode(p_values))
            novelty.discoveries.CopyFrom(encode(np.zeros(len(p_values), np.bool_)))
            novelty.alpha = request.novelty_alpha
        predictions = encode(np.zeros(len(p_values), np.int32))
        answer = scoring_pb2.ScoreResponse(model=IDENTITY, predictions=predictions)
        if request.novelty:
            answer.novelty.CopyFrom(novelty)
        return answer.SerializeToString()

    def get_model(self, _message: bytes, _context: grpc.ServicerContext) -> bytes:
        takes = scoring_pb2.TensorSpec(name="x", data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=[-1, 1])
        model = scoring_pb2.Model(identity=IDENTITY, inputs=[takes])
        return scoring_pb2.GetModelResponse(model=model).SerializeToString()

    def get_reference(self, _message: bytes, _context: grpc.ServicerContext) -> bytes:
        reference = monitoring_pb2.Reference(digest=self.reference)
        return monitoring_pb2.GetReferenceResponse(model=IDENTITY, reference=reference).SerializeToString()


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def assayctl(judge: Judge, bare_server: Callable[..., str]) -> Assayctl:
    methods = {"Score": judge.score, "GetModel": judge.get_model, "GetReference": judge.get_reference}
    return Assayctl(bare_server(methods))


@pytest.fixture
def p_values() -> np.ndarray:
    """(1000,) of which a tenth are small, as rows.npy."""
    rng = np.random.default_rng(0)
    values = rng.permutation(np.concatenate([rng.random(900), rng.random(100) / 500])).astype(np.float32)
    np.save("rows.npy", values[:, None])
    return values.astype(np.float64)


def scores() -> pa.Table:
    return parquet.read_table("scores.parquet")


def test_verdicts_are_columns_and_discoveries_are_those_of_the_whole_file(
    assayctl: Assayctl, p_values: np.ndarray
) -> None:
    assayctl.done(*WORDS, "--novelty", "combined", "--novelty", "gen")
    names = ["novelty_combined", "novelty_combined_p_value", "novelty_gen", "novelty_gen_p_value"]
    assert scores().column_names == [
        "prediction",
        "valid",
        *names,
        "verdict",
        "p_class",
        "p_domain",
        "discovery",
    ]
    np.testing.assert_array_equal(scores()["p_class"], p_values)
    assert scores()["verdict"].to_pylist() == np.where(p_values > 0.05, "known", "novel").tolist()
    expected = false_discovery_control(p_values) <= 0.05
    assert 50 < expected.sum() < 150
    np.testing.assert_array_equal(scores()["discovery"], expected)


def test_the_level_goes_on_the_wire_and_to_the_discoveries(
    assayctl: Assayctl, judge: Judge, p_values: np.ndarray
) -> None:
    assayctl.done(*WORDS, "--novelty", "combined", "--novelty-alpha", 0.2)
    assert {request.novelty_alpha for request in judge.requests} == {0.2}
    np.testing.assert_array_equal(scores()["discovery"], false_discovery_control(p_values) <= 0.2)


def test_without_the_combined_measure_there_are_no_discoveries(assayctl: Assayctl, p_values: np.ndarray) -> None:
    parquet.write_table(pa.table({"discovery": np.arange(1000), "x": p_values.astype(np.float32)}), "rows.parquet")
    words = ["--input", "rows.parquet", "--output", "scores.parquet", "--id-column", "discovery"]
    assayctl.done("score", *words, "--novelty", "gen")
    assert scores().column_names == ["discovery", "prediction", "valid", "novelty_gen", "novelty_gen_p_value"]
    assert scores()["discovery"].to_pylist() == list(range(1000))


def test_no_level_is_sent_where_no_novelty_is_asked_for(
    assayctl: Assayctl, judge: Judge, p_values: np.ndarray
) -> None:
    assayctl.done(*WORDS)
    assert {(len(request.novelty), request.novelty_alpha) for request in judge.requests} == {(0, 0.0)}


def test_no_rows_have_no_discoveries(assayctl: Assayctl) -> None:
    np.save("rows.npy", np.empty((0, 1), np.float32))
    assayctl.done(*WORDS, "--novelty", "combined")
    assert scores().num_rows == 0
    assert scores().schema.field("discovery").type == pa.bool_()


def test_another_reference_in_between_ends_the_job(assayctl: Assayctl, judge: Judge, p_values: np.ndarray) -> None:
    judge.other_at = p_values[300]
    sentence = assayctl.refusal(*WORDS, "--novelty", "gen")
    assert sentence.startswith(
        "replicas have different references of m version 3: sha256:r and sha256:s; 280 finished rows are kept"
    )


def test_a_job_goes_on_with_its_reference_only(assayctl: Assayctl, judge: Judge, p_values: np.ndarray) -> None:
    judge.other_at = p_values[300]
    assayctl.refusal(*WORDS, "--novelty", "combined")
    judge.reference, judge.other_at = "sha256:s", None
    sentence = assayctl.refusal(*WORDS, "--novelty", "combined", code=2)
    assert 'the reference\'s digest was "sha256:r" and is "sha256:s"' in sentence
    judge.reference = "sha256:r"
    assayctl.done(*WORDS, "--novelty", "combined")
    np.testing.assert_array_equal(scores()["discovery"], false_discovery_control(p_values) <= 0.05)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--novelty", "entropy"], "'entropy' is unknown, allowed are combined, msp, max_logit, energy"),
        (["--novelty", "gen", "--novelty-alpha", "0.7"], "is 0.7, allowed are above 0 and up to 0.5"),
    ],
)
def test_wrong_flags_are_told(assayctl: Assayctl, words: list[str], sentence: str) -> None:
    assert sentence in assayctl.refusal(*WORDS, *words, code=2)


def batches(p_values: np.ndarray, rows: int) -> list[pa.RecordBatch]:
    table = pa.table({"p_class": p_values, "discovery": np.zeros(len(p_values), np.bool_)})
    return table.to_batches(max_chunksize=rows)


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_discoveries_do_not_depend_on_how_a_file_is_cut(rows: int) -> None:
    rng = np.random.default_rng(1)
    p_values = np.ceil(rng.random(200) ** 3 * 50) / 50  # each of them again and again
    p_values[::20] = np.nan
    limit = limit_of(batches(p_values, rows), 0.1)
    found = pa.Table.from_batches(discovered(batches(p_values, rows), limit))
    known = ~np.isnan(p_values)
    expected = np.zeros(200, np.bool_)
    expected[known] = false_discovery_control(p_values[known]) <= 0.1
    assert 10 < expected.sum() < 190
    np.testing.assert_array_equal(found["discovery"], expected)
