"""Scores as columns, as a DataFrame and as an Arrow table: the same names and values in the same order."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import onnx_models
from assayd import Client, Scores
from assayd.results import joined
from assayd_server.app import App

MATRIX = np.array([[0, 5, 1, 0], [np.nan, 0, 0, 2], [0, 0, 0, 7]])
ALL = {
    "uncertainties": ["margin", "entropy"],
    "top_k": 2,
    "outputs": ["probabilities", "logits", "embeddings"],
}
NAMES = [
    *("prediction", "label", "valid", "margin", "entropy"),
    *("top_1", "top_1_probability", "top_2", "top_2_probability"),
    *(f"{kind}_{position}" for kind in ("probability", "logit", "embedding") for position in range(4)),
]
LABELS = ["ant", "bee", "cat", "dog"]


@pytest.fixture
def client(tmp_path: Path, serve: Callable[..., App], connect: Callable[..., Client]) -> Client:
    """Of a model with names."""
    onnx_models.write_bundle(tmp_path / "named", onnx_models.identity(), labels=LABELS)
    return connect(serve(tmp_path / "named", rows_max=2))


@pytest.fixture
def scores(client: Client) -> Scores:
    """All that there is, of three rows, the middle one invalid."""
    return client.score(MATRIX, **ALL)


def test_columns_are_in_this_order(scores: Scores) -> None:
    assert list(scores.columns()) == NAMES


def test_columns_hold_what_the_scores_hold(scores: Scores) -> None:
    columns = scores.columns()
    assert columns["prediction"] is scores.predictions
    assert columns["label"].tolist() == ["bee", "", "dog"]
    assert columns["valid"].tolist() == [True, False, True]
    assert columns["entropy"] is scores.uncertainty["entropy"]
    assert columns["top_2"].tolist() == scores.top.labels[:, 1].tolist()
    np.testing.assert_array_equal(columns["top_2_probability"], scores.top.probabilities[:, 1])
    np.testing.assert_array_equal(columns["probability_2"], scores.probabilities[:, 2])
    np.testing.assert_array_equal(columns["logit_3"], MATRIX[:, 3].astype(np.float32))
    np.testing.assert_array_equal(columns["embedding_1"], scores.embeddings[:, 1])


def test_columns_of_what_was_not_asked_for_are_not_there(client: Client) -> None:
    assert list(client.score(MATRIX, outputs=()).columns()) == ["prediction", "label", "valid"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_names_do_not_depend_on_the_rows(client: Client, count: int) -> None:
    assert list(client.score(MATRIX[:count], **ALL).columns()) == NAMES


def test_a_model_without_names_has_no_labels(identity_client: Client) -> None:
    scores = identity_client.score(MATRIX, top_k=1, outputs=())
    assert list(scores.columns()) == ["prediction", "valid", "top_1", "top_1_probability"]
    assert scores.columns()["top_1"].tolist() == [1, -1, 3]
    assert list(joined([scores, scores]).columns()) == list(scores.columns())


def test_values_of_a_regression_model_are_columns(
    serve: Callable[..., App], connect: Callable[..., Client]
) -> None:
    client = connect(serve(onnx_models.regression(2)))
    scores = client.score(pd.DataFrame(MATRIX[:1]))
    assert list(scores.columns()) == ["prediction", "valid", "value_0", "value_1"]


@pytest.mark.parametrize("count", [0, 3])
def test_a_data_frame_holds_the_columns(client: Client, count: int) -> None:
    scores = client.score(MATRIX[:count], **ALL)
    frame = scores.to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.tolist() == NAMES
    assert len(frame) == count
    for name, values in scores.columns().items():
        np.testing.assert_array_equal(frame[name], values)
    types = frame.dtypes
    assert (types["prediction"], types["valid"], types["margin"]) == (np.int32, np.bool_, np.float32)


def test_a_data_frame_may_be_changed(scores: Scores) -> None:
    frame = scores.to_pandas()
    frame.loc[0, "entropy"] = 7
    assert frame["entropy"][0] == 7
    assert scores.uncertainty["entropy"][0] != 7


@pytest.mark.parametrize("count", [0, 3])
def test_an_arrow_table_holds_the_columns(client: Client, count: int) -> None:
    scores = client.score(MATRIX[:count], **ALL)
    table = scores.to_arrow()
    assert isinstance(table, pa.Table)
    assert table.column_names == NAMES
    assert table.num_rows == count
    for name, values in scores.columns().items():
        np.testing.assert_array_equal(table[name].to_numpy(), values)
    kinds = {
        name: str(table.schema.field(name).type) for name in ("prediction", "label", "valid", "margin", "top_1")
    }
    assert kinds == {
        "prediction": "int32",
        "label": "string",
        "valid": "bool",
        "margin": "float",
        "top_1": "string",
    }


def test_an_arrow_table_does_not_copy_what_lies_in_one_piece(scores: Scores) -> None:
    table = scores.to_arrow()
    assert np.shares_memory(table["prediction"].to_numpy(), scores.predictions)
    assert np.shares_memory(table["entropy"].to_numpy(), scores.uncertainty["entropy"])


def test_scores_of_a_table_go_back_beside_it(identity_client: Client) -> None:
    given = pd.DataFrame(np.eye(4), columns=list("abcd"))
    together = given.join(identity_client.score(given, outputs=()).to_pandas())
    assert together.columns.tolist() == [*"abcd", "prediction", "valid"]
    assert together["prediction"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("library", "method"), [("pandas", "to_pandas"), ("pyarrow", "to_arrow")])
def test_a_library_that_is_not_there_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, scores: Scores, library: str, method: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError) as caught:
        getattr(scores, method)()
    expected = f"Scores.{method} needs {library}, which is not installed: pip install {library}"
    assert (str(caught.value), caught.value.name) == (expected, library)
