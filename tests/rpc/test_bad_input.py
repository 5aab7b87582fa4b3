"""Bad input: each kind gets its status and a message that names the field, and the server goes on serving."""

import os
import re
import socket
from collections.abc import Callable, Iterator
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2, status_pb2

import onnx_models
from assayd import AssaydError, Client, InvalidArgumentError, NotFoundError
from assayd.arrays import encode
from assayd.testing import Server
from assayd.v1 import rows_pb2, scoring_pb2, scoring_pb2_grpc, tensor_pb2

GOOD = np.zeros((2, 4), np.float32)
FLOAT32, UINT8 = tensor_pb2.DATA_TYPE_FLOAT32, tensor_pb2.DATA_TYPE_UINT8


@pytest.fixture
def app(serve: Callable[..., Server]) -> Iterator[Server]:
    app = serve(onnx_models.identity(), message_bytes_max=100_000, head_elements_max=100)
    yield app
    with Client(app.address) as client:  # whatever came before, it still serves
        assert len(client.score(GOOD)) == len(GOOD)


@pytest.fixture
def stub(app: Server) -> Iterator[scoring_pb2_grpc.ScoringServiceStub]:
    with grpc.insecure_channel(app.address) as channel:
        yield scoring_pb2_grpc.ScoringServiceStub(channel)


def tensor(
    shape: list[int], data: bytes | None = None, data_type: tensor_pb2.DataType = FLOAT32, name: str = ""
) -> tensor_pb2.Tensor:
    length = 4 * int(np.prod(shape)) if data is None else 0
    return tensor_pb2.Tensor(name=name, data_type=data_type, shape=shape, data=data or b"\0" * length)


def inputs(*tensors: tensor_pb2.Tensor) -> rows_pb2.Rows:
    return rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=tensors))


def head(weights: np.ndarray, bias: np.ndarray | None = None) -> rows_pb2.LinearHead:
    return rows_pb2.LinearHead(weights=encode(weights), bias=None if bias is None else encode(bias))


ROWS = inputs(tensor([2, 4]))
LOGITS = rows_pb2.Rows(logits=encode(GOOD))
EMBEDDINGS = rows_pb2.Rows(embeddings=encode(GOOD))
Request = scoring_pb2.ScoreRequest

BAD = {
    "no rows": (Request(), "rows", "is missing"),
    "no tensors": (Request(rows=inputs()), "rows.inputs.tensors", "is empty"),
    "wrong width": (Request(rows=inputs(tensor([2, 5]))), "rows.inputs.tensors[0].shape", "float32 (any, 4)"),
    "wrong rank": (Request(rows=inputs(tensor([8]))), "rows.inputs.tensors[0].shape", "is [8]"),
    "no axis": (Request(rows=inputs(tensor([]))), "rows.inputs.tensors[0].shape", "first axis"),
    "wrong type": (
        Request(rows=inputs(encode(np.array([["a"] * 4])))),
        "rows.inputs.tensors[0].data_type",
        "string cannot be cast",
    ),
    "no type": (
        Request(rows=inputs(tensor([1, 4], data_type=tensor_pb2.DATA_TYPE_UNSPECIFIED))),
        "rows.inputs.tensors[0].data_type",
        "allowed are bool, uint8",
    ),
    "unknown type": (
        Request(rows=inputs(tensor([1, 4], data_type=77))),  # type: ignore[arg-type]
        "rows.inputs.tensors[0].data_type",
        "is 77",
    ),
    "byte length": (
        Request(rows=inputs(tensor([2, 4], b"\0" * 31))),
        "rows.inputs.tensors[0].data",
        "has 31 bytes, float32 of shape [2, 4] needs 32",
    ),
    "negative shape": (
        Request(rows=inputs(tensor([-2, -4], b"\0" * 32))),
        "rows.inputs.tensors[0].shape",
        "no length may be negative",
    ),
    "overflowing shape": (
        Request(rows=inputs(tensor([2**62, 8], b""))),
        "rows.inputs.tensors[0].data",
        "needs 147573952589676412928",
    ),
    "overflowing string shape": (
        Request(rows=inputs(tensor([2**62, 8], b"", tensor_pb2.DATA_TYPE_STRING))),
        "rows.inputs.tensors[0].shape",
        "a string tensor may have 1048576 elements",
    ),
    "too many axes": (
        Request(rows=inputs(tensor([1] * 9, b"\0" * 4))),
        "rows.inputs.tensors[0].shape",
        "has 9 axes",
    ),
    "a byte that is no bool": (
        Request(rows=inputs(tensor([1, 4], b"\0\1\2\0", tensor_pb2.DATA_TYPE_BOOL))),
        "rows.inputs.tensors[0].data",
        "other than 0 and 1",
    ),
    "unknown input": (
        Request(rows=inputs(tensor([2, 4], name="y"))),
        "rows.inputs.tensors[0].name",
        "'y' is not an input of the model, it takes x: float32 (any, 4)",
    ),
    "an input twice": (
        Request(rows=inputs(tensor([2, 4]), tensor([2, 4]))),
        "rows.inputs.tensors[1].name",
        "given twice",
    ),
    "too many tensors": (
        Request(rows=inputs(*[tensor([0, 4])] * 257)),
        "rows.inputs.tensors",
        "has 257 tensors, allowed are 256",
    ),
    "a list of measures without end": (
        Request(rows=ROWS, uncertainties=[1] * 29),  # type: ignore[list-item]
        "uncertainties",
        "has 29 entries, there are 7 to choose from",
    ),
    "inputs of different lengths": (
        Request(rows=inputs(tensor([2, 4]), tensor([3, 4]))),
        "rows.inputs.tensors",
        "same number of rows",
    ),
    "unknown measure": (
        Request(rows=ROWS, uncertainties=[4, 99]),  # type: ignore[list-item]
        "uncertainties[1]",
        "99 is unknown, allowed are UNCERTAINTY_MEASURE_LEAST_CONFIDENCE (1)",
    ),
    "unknown output": (
        Request(rows=ROWS, outputs=[42]),  # type: ignore[list-item]
        "outputs[0]",
        "42 is unknown",
    ),
    "negative top_k": (Request(rows=ROWS, top_k=-1), "top_k", "is -1, allowed are 0 to 4"),
    "top_k above the classes": (Request(rows=ROWS, top_k=5), "top_k", "is 5, allowed are 0 to 4"),
    "temperature of zero": (Request(rows=ROWS, temperature=0), "temperature", "is 0.0, allowed are 0.001 to 1000"),
    "temperature that is no number": (Request(rows=ROWS, temperature=float("nan")), "temperature", "is nan"),
    "negative version": (Request(rows=ROWS, model={"version": -1}), "model.version", "is -1"),
    "logits of one class": (
        Request(rows=rows_pb2.Rows(logits=tensor([3, 1]))),
        "rows.logits.shape",
        "is [3, 1], allowed is [n, 2 or more]",
    ),
    "logits of whole numbers": (
        Request(rows=rows_pb2.Rows(logits=encode(np.zeros((2, 3), np.int32)))),
        "rows.logits.data_type",
        "is int32, allowed are float16, float32 and float64",
    ),
    "logits of other classes than the model's": (
        Request(rows=rows_pb2.Rows(logits=tensor([1, 3])), model={"name": "m"}),
        "rows.logits.shape",
        "has 3 classes, model 'm' has 4",
    ),
    "probabilities that do not sum to one": (
        Request(rows=rows_pb2.Rows(probabilities=encode(np.array([[0.5, 0.5], [0.9, 0.9]])))),
        "rows.probabilities.data",
        "row 1 has the sum 1.8",
    ),
    "a negative probability": (
        Request(rows=rows_pb2.Rows(probabilities=encode(np.array([[-0.5, 1.5]])))),
        "rows.probabilities.data",
        "least value -0.5",
    ),
    "embeddings without a head": (Request(rows=EMBEDDINGS), "head", "only be scored with a linear head"),
    "a head for logits": (Request(rows=LOGITS, head=head(np.ones((2, 4)))), "head", "needs rows of embeddings"),
    "a head of the wrong width": (
        Request(rows=EMBEDDINGS, head=head(np.ones((2, 3)))),
        "head.weights.shape",
        "has 3 columns, the embedding has 4",
    ),
    "a head of one class": (
        Request(rows=EMBEDDINGS, head=head(np.ones((1, 4)))),
        "head.weights.shape",
        "at least 2 classes",
    ),
    "a bias that does not fit": (
        Request(rows=EMBEDDINGS, head=head(np.ones((2, 4)), np.ones(3))),
        "head.bias.shape",
        "is [3], the weights need [2]",
    ),
    "a head with NaN": (Request(rows=EMBEDDINGS, head=head(np.full((2, 4), np.nan))), "head", "NaN or infinite"),
    "a head over the limit": (
        Request(rows=EMBEDDINGS, head=head(np.ones((26, 4)))),
        "head.weights.shape",
        "has 104 elements, allowed are 100",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_refused_by_the_name_of_its_field(
    stub: scoring_pb2_grpc.ScoringServiceStub, case: str
) -> None:
    request, field, words = BAD[case]
    with pytest.raises(grpc.RpcError) as raised:
        stub.Score(request, timeout=10)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details().startswith(f"{field}: ")
    assert words in raised.value.details()
    assert field_of(raised.value) == field


def field_of(error: grpc.RpcError) -> str:
    metadata = dict(error.trailing_metadata())
    violation = error_details_pb2.BadRequest()
    for detail in status_pb2.Status.FromString(metadata["grpc-status-details-bin"]).details:
        detail.Unpack(violation)
    return violation.field_violations[0].field


@pytest.fixture
def client(app: Server) -> Iterator[Client]:
    with Client(app.address) as client:
        yield client


def test_an_unknown_model_is_not_found(client: Client) -> None:
    with pytest.raises(NotFoundError, match=r"model.name: 'nobody' is not loaded, loaded are m"):
        client.score(GOOD, model="nobody")


def test_an_unknown_version_is_not_found(client: Client) -> None:
    with pytest.raises(NotFoundError, match=r"model.version: model 'm' has no version 9, loaded are 1"):
        client.score(GOOD, version=9)


def test_an_unknown_measure_is_named_by_the_client(client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match=r"uncertainties: 'entropie' is unknown, allowed are .*entropy"):
        client.score(GOOD, uncertainties=["entropie"])


def test_a_model_that_fails_on_the_values_says_so_without_its_own_words(
    serve: Callable[..., Server], connect: Callable[..., Client]
) -> None:
    client = connect(serve(onnx_models.look_up(rows=8)))
    with pytest.raises(InvalidArgumentError, match="the model failed on these rows") as raised:
        client.score(np.array([99]))
    assert raised.value.reason == "MODEL_FAILED"
    assert "Gather" not in str(raised.value)
    assert client.score(np.array([1])).predictions.tolist() == [3]


def test_more_rows_than_allowed_are_refused_with_the_limit(
    serve: Callable[..., Server], connect: Callable[..., Client]
) -> None:
    app = serve(onnx_models.identity(), rows_max=10)
    with grpc.insecure_channel(app.address) as channel, pytest.raises(grpc.RpcError) as raised:
        scoring_pb2_grpc.ScoringServiceStub(channel).Score(Request(rows=inputs(tensor([11, 4]))))
    assert raised.value.details() == "rows: 11 rows were sent, allowed are 10 in one request"


def test_a_message_over_the_limit_is_refused(stub: scoring_pb2_grpc.ScoringServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        stub.Score(Request(rows=inputs(tensor([50_000, 4]))))
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in raised.value.details()


def test_bytes_that_are_no_message_are_refused(app: Server) -> None:
    with grpc.insecure_channel(app.address) as channel:
        call = channel.unary_unary("/assayd.v1.ScoringService/Score")
        with pytest.raises(grpc.RpcError) as raised:
            call(b"\xff\xff\xff\xff this is no protobuf", timeout=10)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == "the message is not of this call's type"


def test_a_call_without_a_message_is_refused(app: Server) -> None:
    with grpc.insecure_channel(app.address) as channel:
        call = channel.stream_unary("/assayd.v1.ScoringService/Score")
        with pytest.raises(grpc.RpcError) as raised:
            call(iter([]), timeout=10)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "ended without a message" in raised.value.details()


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 4096, os.urandom(4096)],
    ids=["http", "zeros", "random"],
)
def test_garbage_on_the_port_does_no_harm(app: Server, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


def test_every_error_of_the_client_is_an_assayd_error(client: Client) -> None:
    with pytest.raises(AssaydError):
        client.score(np.zeros((2, 5), np.float32))


def test_a_long_name_of_the_callers_own_is_cut_in_the_answer(stub: scoring_pb2_grpc.ScoringServiceStub) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        stub.Score(Request(rows=inputs(tensor([2, 4], name="\N{SNOWMAN}" * 20_000))))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(raised.value.details().encode()) < 1100


def test_a_small_request_cannot_ask_for_a_huge_matrix(serve: Callable[..., Server]) -> None:
    app = serve(onnx_models.identity(), scores_elements_max=100_000)
    request = Request(
        rows=rows_pb2.Rows(embeddings=encode(np.zeros((1000, 1), np.float16))),
        head=head(np.zeros((1000, 1), np.float16)),
        outputs=[scoring_pb2.OUTPUT_PREDICTIONS],
    )
    with grpc.insecure_channel(app.address) as channel, pytest.raises(grpc.RpcError) as raised:
        scoring_pb2_grpc.ScoringServiceStub(channel).Score(request, timeout=10)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "rows times classes may be 100000; send at most 100 rows" in raised.value.details()


def test_the_client_cuts_what_would_be_a_huge_matrix(
    serve: Callable[..., Server], connect: Callable[..., Client]
) -> None:
    client = connect(serve(onnx_models.identity(), scores_elements_max=65_536))
    embeddings = np.arange(2000, dtype=np.float32)[:, None]
    weights = np.zeros((100, 1), np.float32)
    weights[7] = 1
    scores = client.score(embeddings=embeddings, head=(weights, None), outputs=["logits"])
    assert scores.logits is not None
    np.testing.assert_array_equal(scores.logits[:, 7], embeddings[:, 0])


def test_a_wide_batch_in_a_stream_does_not_cut_the_narrow_ones_after_it(serve: Callable[..., Server]) -> None:
    app = serve(onnx_models.identity(), scores_elements_max=65_536)
    wide, narrow = {"logits": np.zeros((100, 10_000))}, {"logits": np.zeros((1000, 4))}
    with Client(app.address) as client:
        stream = client.score_stream([wide, *[narrow] * 5], outputs=["predictions"])
        assert [len(scores) for scores in stream] == [100, *[1000] * 5]
    with urlopen(f"http://{app.metrics_address}/metrics", timeout=10) as response:
        handled = re.findall(
            r'handled_total{grpc_code="OK",.*grpc_method="Score".* (\d+).0', response.read().decode()
        )
    assert int(handled[0]) == 17 + 5  # 6 rows of 10,000 classes at a time, and each narrow batch in one call
