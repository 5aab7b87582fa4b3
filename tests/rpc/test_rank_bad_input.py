"""Rankings that cannot be: each is refused by the name of its field, and the server goes on."""

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest

import onnx_models
from assayd import InvalidArgumentError
from assayd.arrays import encode
from assayd.errors import from_rpc_error
from assayd.testing import serving
from assayd.v1 import rows_pb2, scoring_pb2, selection_pb2, selection_pb2_grpc

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
LOGITS = rows_pb2.Rows(logits=encode(X))
INPUTS = rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(X)]))
MEMBERS = rows_pb2.Rows(committee=rows_pb2.Committee(logits=encode(np.stack([X, -X]))))
LABELS = {"task": scoring_pb2.TASK_MULTILABEL, "measure": 5}
HEAD = rows_pb2.LinearHead(weights=encode(np.eye(4, dtype=np.float32)))
INVALID, PRECONDITION = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION


def models(*names: str) -> selection_pb2.CommitteeSource:
    selectors = [scoring_pb2.ModelSelector(name=name) for name in names]
    return selection_pb2.CommitteeSource(models=selection_pb2.CommitteeModels(models=selectors))


def dropout(**fields: Any) -> selection_pb2.CommitteeSource:
    return selection_pb2.CommitteeSource(dropout=selection_pb2.Dropout(**fields))


def density(**fields: Any) -> dict[str, Any]:
    return {"measure": 8, "density": selection_pb2.Density(**fields), "embeddings": encode(X)}


CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "no rows": ({"rows": None}, "rows", "is missing: give one of inputs, logits, "),
    "no measure": (
        {"measure": 0},
        "measure",
        "0 is unknown, allowed are UNCERTAINTY_MEASURE_LEAST_CONFIDENCE (1), ",
    ),
    "an unknown measure": ({"measure": 99}, "measure", "99 is unknown, allowed are "),
    "no count": ({"count": 0}, "count", "is 0, allowed are 1 to 5, the number of rows"),
    "a negative count": ({"count": -1}, "count", "is -1, allowed are 1 to 5, the number of rows"),
    "more than there are": ({"count": 6}, "count", "is 6, allowed are 1 to 5, the number of rows"),
    "of no rows at all": (
        {"rows": rows_pb2.Rows(logits=encode(X[:0]))},
        "rows",
        "are none, at least one is needed",
    ),
    "an unknown order": (
        {"order": 9},
        "order",
        "9 is unknown, allowed are ORDER_DESCENDING (1), ORDER_ASCENDING (2)",
    ),
    "a negative offset": ({"offset": -1}, "offset", "is -1, allowed are 0 to 4611686018427387904"),
    "negative candidates": ({"candidates": -1}, "candidates", "is -1, allowed are 0 and above"),
    "fewer candidates than rows": (
        {"count": 3, "candidates": 2},
        "candidates",
        "is 2, allowed are 3, the count, and",
    ),
    "no beta": (
        {"stochastic": selection_pb2.Stochastic(beta=0)},
        "stochastic.beta",
        "is 0, allowed are 1e-06 to 1e+06",
    ),
    "beta is NaN": (
        {"stochastic": selection_pb2.Stochastic(beta=np.nan)},
        "stochastic.beta",
        "is nan, allowed are",
    ),
    "draws from the wrong end": (
        {"stochastic": selection_pb2.Stochastic(), "order": selection_pb2.ORDER_ASCENDING},
        "order",
        "is ascending, stochastic draws the most uncertain rows",
    ),
    "too many planes": (
        {"cluster_margin": selection_pb2.ClusterMargin(bits=21), "embeddings": encode(X)},
        "cluster_margin.bits",
        "is 21, allowed are 1 to 20",
    ),
    "too few outcomes": (
        {"rows": MEMBERS, "batch_bald": selection_pb2.BatchBald(samples=3)},
        "batch_bald.samples",
        "is 3, allowed are 10 to 100000",
    ),
    "k_center without embeddings": (
        {"k_center": selection_pb2.KCenter()},
        "embeddings",
        "is missing: k_center needs embeddings",
    ),
    "badge without embeddings": (
        {"badge": selection_pb2.Badge()},
        "embeddings",
        "is missing: badge needs embeddings",
    ),
    "density without embeddings": (
        {"measure": 8},
        "embeddings",
        "is missing: information_density needs embeddings",
    ),
    "badge of labels": (
        {**LABELS, "badge": selection_pb2.Badge(), "embeddings": encode(X)},
        "diversity",
        "badge is for multiclass rows, these are for multilabel",
    ),
    "batch_bald of one": (
        {"batch_bald": selection_pb2.BatchBald()},
        "diversity",
        "batch_bald is of a committee, there is one opinion a row",
    ),
    "a measure of labels": (
        {"measure": 5},
        "measure",
        "multilabel_max is not for multiclass rows, allowed are least",
    ),
    "a measure of committees": (
        {"measure": 12},
        "measure",
        "mean_kl is of a committee, there is one opinion a row",
    ),
    "variance of classes": ({"rows": MEMBERS, "measure": 15}, "measure", "variance is not for multiclass rows, "),
    "density of density": (density(base=8), "density.base", "information_density is not for multiclass rows"),
    "a negative exponent": (density(beta=-1), "density.beta", "is -1, allowed are 0 to 100"),
    "a direction of another width": (
        density(direction=encode(np.ones(3))),
        "density.direction.shape",
        "is [3], the embedding has 4",
    ),
    "a direction that is none": (
        density(direction=encode(np.full(4, np.nan))),
        "density.direction.shape",
        "is [4], allowed is [d] of finite numbers",
    ),
    "ids of other rows": ({"ids": encode(np.arange(4))}, "ids.shape", "is [4], there are 5 rows"),
    "ids in a matrix": ({"ids": encode(np.ones((5, 1), np.int64))}, "ids.shape", "is [5, 1], allowed is [n]"),
    "ids with fractions": (
        {"ids": encode(np.ones(5))},
        "ids.data_type",
        "is float64, allowed are int64 and string",
    ),
    "embeddings of other rows": ({"embeddings": encode(X[:4])}, "embeddings.shape", "is [4, 4], there are 5 rows"),
    "embeddings in whole numbers": (
        {"embeddings": encode(np.ones((5, 2), np.int64))},
        "embeddings.data_type",
        "is int64, allowed are float16, float32 and float64",
    ),
    "a committee of scores": (
        {"committee": dropout()},
        "committee",
        "is made of inputs, these rows bring their own scores",
    ),
    "a committee and a head": (
        {"rows": INPUTS, "committee": models("m", "m"), "head": HEAD},
        "committee",
        "and a head exclude each other",
    ),
    "a committee of nobody": (
        {"rows": INPUTS, "committee": selection_pb2.CommitteeSource()},
        "committee",
        "is empty: give models or dropout",
    ),
    "a committee of one": (
        {"rows": INPUTS, "committee": models("m")},
        "committee.models.models",
        "has 1 models, allowed are 2 to 64",
    ),
    "one sample": (
        {"rows": INPUTS, "committee": dropout(samples=1)},
        "committee.dropout.samples",
        "is 1, allowed are 2 to 1000",
    ),
    "all left out": (
        {"rows": INPUTS, "committee": dropout(rate=1.0)},
        "committee.dropout.rate",
        "is 1, allowed are above 0 and below 1",
    ),
    "members of different shapes": (
        {"rows": rows_pb2.Rows(committee=rows_pb2.Committee(logits=encode(X)))},
        "rows.committee.logits.shape",
        "is [5, 4], allowed is [2 or more members, n, 2 or more]",
    ),
    "no members": (
        {"rows": rows_pb2.Rows(committee=rows_pb2.Committee())},
        "rows.committee",
        "is empty: give one of logits, probabilities and values",
    ),
    "a task that is not the rows'": (
        {"rows": rows_pb2.Rows(committee=rows_pb2.Committee(values=encode(np.ones((2, 5, 1))))), "measure": 1},
        "measure",
        "least_confidence is not for regression rows, allowed are variance",
    ),
    "a model with other classes": (
        {"rows": rows_pb2.Rows(logits=encode(X[:, :3])), "model": scoring_pb2.ModelSelector(name="m")},
        "rows.logits.shape",
        "has 3 classes, model 'm' has 4",
    ),
}


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    path.write_bytes(onnx_models.identity())
    with serving(path) as server, grpc.insecure_channel(server.address) as channel:
        yield selection_pb2_grpc.SelectionServiceStub(channel)


def refused(stub: Any, fields: dict[str, Any]) -> tuple[grpc.StatusCode, str, str]:
    request = selection_pb2.RankRequest(**{"rows": LOGITS, "measure": 2, "count": 2} | fields)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Rank(request, timeout=20)
    error = from_rpc_error(caught.value)
    return caught.value.code(), error.field, caught.value.details()


@pytest.mark.parametrize("name", CASES)
def test_a_bad_ranking_is_refused_by_the_name_of_its_field(stub: Any, name: str) -> None:
    fields, field, words = CASES[name]
    code, wrong, message = refused(stub, fields)
    assert (code, wrong) == (INVALID, field)
    assert message.startswith(f"{field}: {words}")
    assert len(stub.Rank(selection_pb2.RankRequest(rows=LOGITS, measure=2, count=5)).invalid_rows) == 0


def test_what_is_too_much_at_once_says_how_much_is_not() -> None:
    with serving(onnx_models.identity(), scores_elements_max=65_536) as server, server.client() as client:
        z = np.zeros((20_000, 4), np.float32)
        assert len(client.rank(logits=z, measure="margin", count=3)) == 3  # cut by the client
        with grpc.insecure_channel(server.address) as channel:
            stub = selection_pb2_grpc.SelectionServiceStub(channel)
            request = selection_pb2.RankRequest(
                rows=rows_pb2.Rows(logits=encode(np.zeros((8193, 8)))), measure=2, count=3
            )
            with pytest.raises(grpc.RpcError) as caught:
                stub.Rank(request)
    error = from_rpc_error(caught.value)
    assert (error.reason, error.details["rows_max"]) == ("ANSWER_TOO_LARGE", "8192")


def test_a_committee_that_is_too_large_for_a_single_row_is_refused() -> None:
    content = onnx_models.network(class_count=100)
    with serving(content, scores_elements_max=65_536) as server, server.client() as client:
        rows = np.zeros((2, 64), np.float32)
        with pytest.raises(InvalidArgumentError, match="members times rows times classes may be 65536"):
            client.rank(rows, dropout=1000, measure="mean_kl", count=1)


def test_a_model_without_an_embedding_cannot_diversify() -> None:
    with serving(onnx_models.softmax_only()) as server, grpc.insecure_channel(server.address) as channel:
        stub = selection_pb2_grpc.SelectionServiceStub(channel)
        code, field, message = refused(stub, {"rows": INPUTS, "k_center": selection_pb2.KCenter()})
    assert (code, field) == (PRECONDITION, "diversity")
    assert "gives no embedding: export it with one as an output" in message
