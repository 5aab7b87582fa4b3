"""Tables through both clients and a real server: what is asked for, when, and what comes back."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import onnx_models
from assayd import ChannelSettings, Client, InvalidArgumentError, NotFoundError
from assayd.arrays import encode
from assayd.requests import score_request
from assayd.rows import collect
from assayd.scoring import ScoreJob
from assayd.v1 import scoring_pb2
from assayd_server.app import App
from client.scripted import Call, Scorer, rows_of

Connect = Callable[..., Client]
Serve = Callable[..., App]

MATRIX = np.array([[0, 5, 1, 0], [9, 0, 0, 2], [0, 0, 0, 7]])
TABLES = [
    pd.DataFrame(MATRIX),
    pl.DataFrame(MATRIX),
    pa.table(list(MATRIX.T), names=list("abcd")),
    pa.record_batch(list(MATRIX.T), names=list("abcd")),
    pd.DataFrame({"id": ["p", "q", "r"], "pixels": list(MATRIX)}),
    pl.DataFrame({"x": MATRIX.astype(np.int16)}),
]
each_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: type(table).__module__)


@each_table
def test_a_table_is_scored_as_its_array_is(serve: Serve, connect: Connect, table: object) -> None:
    client = connect(serve(onnx_models.identity()))
    np.testing.assert_array_equal(client.score(table, outputs=["logits"]).logits, MATRIX)


def test_a_stream_of_tables_and_arrays_is_scored_in_order(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity(), rows_max=2))
    given = [*TABLES, MATRIX, {"x": MATRIX}, {"x": TABLES[0]}, {"logits": TABLES[1]}]
    answers = list(client.score_stream(given, outputs=["logits"]))
    assert [scores.predictions.tolist() for scores in answers] == [[1, 0, 3]] * len(given)


def test_a_stream_may_be_what_arrow_reads(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity()))
    reader = TABLES[2].to_reader(max_chunksize=2)
    assert [scores.predictions.tolist() for scores in client.score_stream(reader)] == [[1, 0], [3]]


def test_a_table_instead_of_a_stream_of_them_is_refused(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity()))
    with pytest.raises(
        InvalidArgumentError, match=r"batches: a polars.DataFrame is one batch, give a list of them"
    ):
        list(client.score_stream(TABLES[1]))


def test_several_inputs_are_columns_of_a_table(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.two_inputs()))
    table = pl.DataFrame({"a": [[1.0, 2.0, 3.0]], "b": [[4, 5, 6]]}, schema_overrides={"b": pl.List(pl.UInt16)})
    np.testing.assert_array_equal(client.score(table, outputs=["logits"]).logits, [[5, 7, 9]])


def test_a_column_of_text_is_text(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.texts()))
    table = pd.DataFrame({"text": ["ore", "gold"], "label": [0, 1]}).astype({"text": "category"})
    np.testing.assert_array_equal(client.score(table, outputs=["logits"]).logits, [[0, 1], [1, 0]])


def test_no_rows_are_no_scores(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity()))
    for table in (TABLES[0][:0], TABLES[1].clear(), TABLES[2][:0], TABLES[4][:0], pd.DataFrame({"x": []})):
        assert len(client.score(table)) == 0


def test_a_missing_number_is_a_row_that_cannot_be_scored(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity()))
    table = pl.DataFrame({"a": [1, None], "b": [0, 0], "c": [0, 0], "d": [0, 0]})
    assert client.score(table).valid.tolist() == [True, False]


def test_a_model_that_there_is_not_is_refused_before_the_rows_are_read(serve: Serve, connect: Connect) -> None:
    client = connect(serve(onnx_models.identity()))
    with pytest.raises(NotFoundError):
        client.score(TABLES[0], model="nobody")


def test_the_contract_is_that_of_the_version_that_was_named(tmp_path, serve: Serve, connect: Connect) -> None:
    onnx_models.write_bundle(tmp_path, onnx_models.identity(), version=1)
    onnx_models.write_bundle(tmp_path, onnx_models.two_inputs(), version=2)
    client = connect(serve(tmp_path, contract_changes="allow"))
    assert client.score(TABLES[0], version=1).predictions.tolist() == [1, 0, 3]
    with pytest.raises(InvalidArgumentError, match="the table has no column 'a', which the model takes"):
        client.score(TABLES[0])


class Server:
    """A server played by a function call, which knows one model."""

    def __init__(self) -> None:
        self.requests: list[object] = []
        self.seconds: list[float] = []

    def __call__(self, request: object, seconds: float) -> Call:
        self.requests.append(request)
        self.seconds.append(seconds)
        return Call(self._answer(request))

    @property
    def descriptions(self) -> list[scoring_pb2.GetModelRequest]:
        """The requests for the contract."""
        return [request for request in self.requests if isinstance(request, scoring_pb2.GetModelRequest)]

    def _answer(self, request: object) -> object:
        if isinstance(request, scoring_pb2.GetModelRequest):
            spec = scoring_pb2.TensorSpec(name="x", data_type="DATA_TYPE_FLOAT32", shape=[-1, 4])
            return scoring_pb2.GetModelResponse(model=scoring_pb2.Model(inputs=[spec]))
        return scoring_pb2.ScoreResponse(predictions=encode(np.zeros(len(rows_of(request)), np.int32)))


def job(server: Server, *, deadline_seconds: float = 10, **settings: int) -> Scorer:
    request = score_request(model="m", version=3, outputs=())
    limits = ChannelSettings(**settings)
    return Scorer(ScoreJob(request, deadline_seconds=deadline_seconds, settings=limits), server)


def test_arrays_need_no_contract() -> None:
    server = Server()
    job(server).score(collect(MATRIX))
    list(job(server).stream([MATRIX, {"logits": TABLES[0]}]))
    assert server.descriptions == []


def test_the_contract_is_asked_for_once_in_a_stream_when_the_first_table_comes() -> None:
    server = Server()
    list(job(server).stream([MATRIX, *TABLES]))
    assert server.descriptions == [server.requests[1]]
    assert server.descriptions[0].model == scoring_pb2.ModelSelector(name="m", version=3)


def test_the_contract_is_within_the_deadline_of_the_batch() -> None:
    server = Server()
    job(server, deadline_seconds=7, rows_max=1).score(collect(TABLES[0]))
    assert server.seconds == sorted(server.seconds, reverse=True)
    assert 0 < server.seconds[-1] < server.seconds[0] <= 7


def test_numbers_go_out_as_the_models_own_floats() -> None:
    server = Server()
    job(server).score(collect(pd.DataFrame(MATRIX, dtype=np.float64)))
    assert rows_of(server.requests[1]).dtype == np.float32


def test_a_table_of_a_stream_is_read_when_its_turn_comes() -> None:
    server = Server()
    taken: list[int] = []

    def tables() -> Iterator[object]:
        for number in range(6):
            taken.append(number)
            yield TABLES[0]

    answers = job(server, calls_in_flight_max=2).stream(tables())
    next(answers)
    assert taken == [0, 1]
