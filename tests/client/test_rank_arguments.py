"""What rank and select_stream are called with: what goes on the wire, and what is refused beforehand."""

from typing import Any

import numpy as np
import pytest

from assayd import InvalidArgumentError
from assayd.arrays import decode
from assayd.rank_options import rank_request
from assayd.rank_rows import batch_ranked, collect_ranked
from assayd.rows import Rows
from assayd.select_options import select_request
from assayd.v1 import scoring_pb2, selection_pb2

Z = np.zeros((3, 2))


def refusal(function: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        function(*arguments, **named)
    return caught.value.message


def test_measure_and_count_are_enough() -> None:
    assert rank_request(measure="margin", count=3) == selection_pb2.RankRequest(
        measure=scoring_pb2.UNCERTAINTY_MEASURE_MARGIN, count=3, order=selection_pb2.ORDER_DESCENDING
    )


@pytest.mark.parametrize(
    ("wanted", "field", "expected"),
    [
        ({"diversity": "stochastic", "beta": 2.0}, "stochastic", selection_pb2.Stochastic(beta=2.0)),
        ({"diversity": "stochastic"}, "stochastic", selection_pb2.Stochastic()),
        ({"diversity": "k_center"}, "k_center", selection_pb2.KCenter()),
        ({"diversity": "badge"}, "badge", selection_pb2.Badge()),
        ({"diversity": "cluster_margin", "bits": 4}, "cluster_margin", selection_pb2.ClusterMargin(bits=4)),
        ({"diversity": "batch_bald", "samples": 50}, "batch_bald", selection_pb2.BatchBald(samples=50)),
    ],
)
def test_a_diversity_goes_with_its_own_numbers(wanted: dict, field: str, expected: Any) -> None:
    request = rank_request(measure="margin", count=3, **wanted)
    assert request.WhichOneof("diversity") == field
    assert getattr(request, field) == expected


def test_a_committee_is_named_or_sampled() -> None:
    named = rank_request(measure="mean_kl", count=1, committee=["a", ("b", 3)]).committee.models.models
    assert [(model.name, model.version) for model in named] == [("a", 0), ("b", 3)]
    sampled = rank_request(measure="mean_kl", count=1, dropout=7, dropout_rate=0.1).committee.dropout
    assert (sampled.samples, sampled.rate) == (7, 0.1)


def test_a_density_goes_along_only_where_it_is_used() -> None:
    assert not rank_request(measure="margin", count=1, direction=[1.0]).HasField("density")
    density = rank_request(measure="information_density", count=1, direction=[1, 0], density_beta=2).density
    assert (decode(density.direction).tolist(), density.beta) == ([1.0, 0.0], 2)
    assert density.base == scoring_pb2.UNCERTAINTY_MEASURE_ENTROPY


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"count": 0}, "count: is 0, allowed are whole numbers from 1 on"),
        ({"count": -3}, "count: is -3, allowed are whole numbers from 1 on"),
        ({"count": 1.5}, "count: is 1.5, allowed are whole numbers from 1 on"),
        ({"count": 2**31}, "count: is 2147483648, allowed are whole numbers from 1 on"),
        ({"seed": -1}, "seed: is -1, allowed are whole numbers from 0 on"),
        ({"measure": "bald"}, "measure: 'bald' is unknown, allowed are least_confidence, "),
        ({"order": "up"}, "order: 'up' is unknown, allowed are descending, ascending"),
        ({"diversity": "most"}, "diversity: 'most' is unknown, allowed are stochastic, k_center, badge, "),
        ({"committee": "a"}, "committee: is one name, allowed are a list of two or more"),
        ({"committee": ["a", "b"], "dropout": 5}, "committee: give either committee or dropout, not both"),
        ({"dropout": 1}, "dropout: is 1, allowed are whole numbers from 2 on"),
    ],
)
def test_what_no_ranking_can_be_is_refused(wanted: dict, message: str) -> None:
    assert refusal(rank_request, **{"measure": "margin", "count": 3} | wanted).startswith(message)


@pytest.mark.parametrize("field", ["window", "tolerance_window", "seed"])
def test_a_setting_of_a_stream_must_fit_its_field(field: str) -> None:
    assert refusal(select_request, budget=0.1, **{field: -1}).startswith(f"{field}: is -1, allowed are 0 to ")


def test_embeddings_beside_other_rows_are_beside_them() -> None:
    rows = collect_ranked({"logits": Z, "embeddings": np.ones((3, 5)), "ids": [3, 1, 2]})
    assert isinstance(rows, Rows)
    assert (rows.kind, sorted(rows.beside)) == ("logits", ["embeddings", "ids"])
    part = rows.part(1, 3)
    assert (part.count, part.beside["ids"].tolist()) == (2, [1, 2])


def test_embeddings_alone_are_the_rows() -> None:
    assert collect_ranked({"embeddings": Z}).kind == "embeddings"  # type: ignore[union-attr]


def test_a_batch_may_be_a_dict_of_inputs_by_name_too() -> None:
    rows = batch_ranked({"left": Z, "right": Z})
    assert isinstance(rows, Rows)
    assert sorted(rows.arrays) == ["left", "right"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "rows: give exactly one of x, logits, probabilities, embeddings, pool_ids, member_logits, "),
        ({"x": Z, "logits": Z}, "rows: give exactly one of x, logits, "),
        ({"logits": Z, "ids": [1, 2]}, "ids: is of shape [2], there are 3 rows"),
        (
            {"logits": Z, "ids": [0.5, 1.5, 2.5]},
            "ids: is of type float64, allowed are text and whole numbers of 64 ",
        ),
        (
            {"logits": Z, "ids": np.full(3, 2**63, np.uint64)},
            "ids: is of type uint64, allowed are text and whole ",
        ),
        ({"logits": Z, "embeddings": np.ones((2, 5))}, "embeddings: is of shape [2, 5], there are 3 rows"),
        ({"logits": Z, "embeddings": [[1], [1, 2], [3]]}, "embeddings: cannot be made into an array: "),
        ({"member_logits": Z}, "member_logits: is of shape [3, 2], allowed is [members, rows, columns]"),
    ],
)
def test_what_cannot_be_ranked_is_refused(given: dict, message: str) -> None:
    assert refusal(collect_ranked, given).startswith(message)
