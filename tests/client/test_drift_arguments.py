"""What test_drift is called with: what goes on the wire, and what is refused beforehand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assayd import InvalidArgumentError
from assayd.drift_options import Sample, collect_window, drift_request, sample_of
from assayd.rows import Rows
from assayd.tables.table import Table
from assayd.v1 import monitoring_pb2, scoring_pb2

Z = np.zeros((3, 2))


def refused(function: Any, *arguments: Any, **named: Any) -> tuple[str, str]:
    """The field, and the sentence."""
    with pytest.raises(InvalidArgumentError) as caught:
        function(*arguments, **named)
    return caught.value.field, caught.value.message


def test_what_is_not_said_is_left_to_the_server() -> None:
    assert drift_request() == monitoring_pb2.TestDriftRequest()


def test_all_that_is_said_goes_on_the_wire() -> None:
    request = drift_request(
        alpha=0.05, delta=0.2, columns=("entropy", "class"), reference_digest="sha256:r", model="m", version=2
    )
    assert request == monitoring_pb2.TestDriftRequest(
        model=scoring_pb2.ModelSelector(name="m", version=2),
        reference_digest="sha256:r",
        alpha=0.05,
        delta=0.2,
        columns=["entropy", "class"],
    )


def test_one_column_may_be_a_word() -> None:
    assert list(drift_request(columns="entropy").columns) == ["entropy"]


@pytest.mark.parametrize("alpha", [0, -0.1, 0.51, float("nan")])
def test_a_level_is_a_share_of_at_most_a_half(alpha: float) -> None:
    field, sentence = refused(drift_request, alpha=alpha)
    assert (field, sentence) == ("alpha", f"alpha: is {alpha}, allowed are above 0 and up to 0.5")


@pytest.mark.parametrize("delta", [0, -1, float("inf"), float("nan")])
def test_an_effect_is_a_number_above_0(delta: float) -> None:
    assert refused(drift_request, delta=delta) == ("delta", f"delta: is {delta}, allowed are numbers above 0")


@pytest.mark.parametrize("name", ["x", "logits", "probabilities", "embeddings"])
def test_a_window_is_of_one_kind(name: str) -> None:
    rows = collect_window(**{name: Z})
    assert isinstance(rows, Rows)
    assert (rows.kind, rows.beside) == ({"x": "inputs"}.get(name, name), {})


@pytest.mark.parametrize("name", ["logits", "probabilities"])
def test_embeddings_may_be_beside_scores(name: str) -> None:
    rows = collect_window(**{name: Z, "embeddings": np.ones((3, 5), np.float32)})
    assert isinstance(rows, Rows)
    assert (rows.kind, rows.beside["embeddings"].shape) == (name, (3, 5))


def test_a_table_stays_one_until_the_model_is_known() -> None:
    assert isinstance(collect_window(pd.DataFrame(Z)), Table)


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ({}, "none"),
        ({"x": Z, "embeddings": Z}, "x, embeddings"),
        ({"logits": Z, "probabilities": Z}, "logits, probabilities"),
        ({"logits": Z, "probabilities": Z, "embeddings": Z}, "logits, probabilities, embeddings"),
    ],
)
def test_other_combinations_are_refused(given: dict, got: str) -> None:
    assert refused(collect_window, **given) == (
        "rows",
        "rows: give exactly one of x, logits, probabilities, embeddings, or embeddings beside logits or "
        f"probabilities; got {got}",
    )


def test_embeddings_must_be_of_as_many_rows() -> None:
    field, sentence = refused(collect_window, logits=Z, embeddings=np.ones((4, 5)))
    assert (field, sentence) == ("embeddings", "embeddings: is of shape [4, 5], there are 3 rows")


def test_without_a_number_there_is_no_sample() -> None:
    assert sample_of(None, 0) is None
    assert sample_of(5, 7) == Sample(5, 7)


@pytest.mark.parametrize(
    ("sample_rows", "seed", "sentence"),
    [
        (0, 0, "sample_rows: is 0, allowed are whole numbers from 1 on"),
        (1.5, 0, "sample_rows: is 1.5, allowed are whole numbers from 1 on"),
        (None, -1, "seed: is -1, allowed are whole numbers from 0 on"),
        (5, 2**64, "seed: is 18446744073709551616, allowed are whole numbers from 0 on"),
    ],
)
def test_what_no_sample_can_be_is_refused(sample_rows: Any, seed: int, sentence: str) -> None:
    assert refused(sample_of, sample_rows, seed) == (sentence.partition(":")[0], sentence)


def numbered(count: int) -> Rows:
    return Rows("logits", {"": np.arange(count)[:, None]}, beside={"embeddings": -np.arange(count)[:, None]})


@pytest.mark.parametrize("count", [0, 1, 10])
def test_of_no_more_rows_all_are_taken(count: int) -> None:
    rows = numbered(count)
    assert Sample(10, 3).of(rows) is rows


def test_a_sample_is_of_different_rows_in_their_order_with_what_is_beside_them() -> None:
    taken = Sample(50, 3).of(numbered(1000))
    positions = taken.arrays[""][:, 0]
    assert len(positions) == 50
    assert (np.diff(positions) > 0).all()
    np.testing.assert_array_equal(taken.beside["embeddings"][:, 0], -positions)


def test_a_sample_depends_on_its_seed_alone() -> None:
    first, again, other = (Sample(50, seed).of(numbered(1000)).arrays[""].tolist() for seed in (3, 3, 4))
    assert first == again != other


def test_each_row_is_as_likely_to_be_in_a_sample() -> None:
    taken = np.concatenate([Sample(10, seed).of(numbered(40)).arrays[""][:, 0] for seed in range(2000)])
    # 500 of 2,000 samples each, with a standard deviation of 19.4
    assert np.abs(np.bincount(taken, minlength=40) - 500).max() < 5 * 19.4
