"""What the calls about a pool are called with: what goes on the wire, and what is refused beforehand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from assayd import Candidates, InvalidArgumentError
from assayd.arrays import decode
from assayd.candidate_options import LabelingState, candidates_request
from assayd.rank_rows import collect_ranked
from assayd.requests import score_request
from assayd.rows import batch_rows, collect
from assayd.search_options import collect_searched, expand_request, newly_labeled, search_request
from assayd.tables.table import Table
from assayd.v1 import retrieval_pb2, scoring_pb2, selection_pb2

X = np.ones((2, 3), np.float32)
NUMBERS = np.array([1, 2])


def refusal(function: Any, *arguments: Any, **named: Any) -> InvalidArgumentError:
    with pytest.raises(InvalidArgumentError) as caught:
        function(*arguments, **named)
    return caught.value


def state(new: Any = (), labeled: Any = (), candidates: Candidates | None = None) -> LabelingState:
    return LabelingState(new_ids=new, labeled_ids=labeled, candidates=candidates)


@pytest.mark.parametrize(
    ("given", "kind"), [({"vectors": X}, "embeddings"), ({"x": X}, "inputs"), ({"ids": [3, 4]}, "pool_ids")]
)
def test_vectors_inputs_or_ids_are_searched_for(given: dict[str, Any], kind: str) -> None:
    rows = collect_searched(**given)
    assert (rows.kind, rows.count, rows.message().WhichOneof("kind")) == (kind, 2, kind)


def test_a_table_is_vectors_side_by_side_or_an_input_of_the_model() -> None:
    frame = pd.DataFrame(X)
    assert collect_searched(frame).arrays[""].tolist() == X.tolist()
    assert isinstance(collect_searched(x=frame), Table)


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({}, "rows", "rows: give exactly one of vectors, x, ids, got none"),
        ({"vectors": X, "ids": [1]}, "rows", "rows: give exactly one of vectors, x, ids, got vectors, ids"),
        ({"vectors": X[0]}, "vectors", "vectors: is of shape [3], allowed is [rows, dimension]"),
        ({"ids": [1.5]}, "ids", "ids: has an element of type float, allowed are text and whole numbers"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(given: dict[str, Any], field: str, message: str) -> None:
    error = refusal(collect_searched, **given)
    assert error.message.startswith(message)
    assert error.field == field


def test_a_search_says_nothing_of_what_was_not_given() -> None:
    assert search_request() == retrieval_pb2.SearchRequest()
    request = search_request(
        k=3, exclude_ids=[5], similarity_min=0.0, pool_digest="sha256:a", model="m", version=2
    )
    assert decode(request.exclude_ids).tolist() == [5]
    assert request.HasField("similarity_min")
    assert (request.k, request.pool_digest, request.model.name, request.model.version) == (3, "sha256:a", "m", 2)
    assert not search_request(exclude_ids=[]).HasField("exclude_ids")


@pytest.mark.parametrize("k", [0, -1, 1.5, 2**31, "3"])
def test_a_k_that_is_no_count_is_refused(k: Any) -> None:
    for function, arguments in (
        (search_request, ()),
        (expand_request, (NUMBERS, NUMBERS)),
        (candidates_request, (state(),)),
    ):
        error = refusal(function, *arguments, k=k, **({"count": 1} if function is candidates_request else {}))
        assert (error.field, error.message) == ("k", f"k: is {k}, allowed are whole numbers from 1 on")


def test_new_rows_are_sent_once_and_in_order_and_are_labelled_too() -> None:
    assert newly_labeled([5, 3, 5]).arrays[""].tolist() == [3, 5]
    request = expand_request(np.array([3, 5]), np.array([9, 3]), k=4)
    assert (decode(request.labeled_ids).tolist(), request.k) == ([3, 5, 9], 4)


def test_no_new_rows_are_refused() -> None:
    error = refusal(newly_labeled, [])
    assert (error.field, error.message) == ("new_ids", "new_ids: there are none, at least one is needed")


def test_new_and_labelled_rows_are_of_one_kind() -> None:
    assert refusal(expand_request, NUMBERS, np.array(["a"], object)).field == "labeled_ids"
    assert refusal(candidates_request, state([1], ["a"]), count=1).field == "labeled_ids"
    known = Candidates(np.array(["a"], object), np.array(["b"], object), np.ones(1, np.float32))
    assert refusal(candidates_request, state([], [1], known), count=1).field == "candidates"


def test_a_round_needs_only_a_count() -> None:
    assert candidates_request(state(None), count=3) == retrieval_pb2.SelectCandidatesRequest(
        measure=scoring_pb2.UNCERTAINTY_MEASURE_MAX_ENTROPY, count=3, order=selection_pb2.ORDER_DESCENDING
    )


def test_a_round_says_how_to_choose() -> None:
    known = Candidates(np.array([8]), np.array([1]), np.ones(1, np.float32), pool_digest="sha256:a")
    request = candidates_request(
        state([2, 1], [1, 2], known),
        count=5,
        k=7,
        measure="information_density",
        density_beta=2.0,
        density_base="margin",
        diversity="stochastic",
        beta=3.0,
        diverse_from=50,
        random_share=0.25,
        seed=2**64 - 1,
        head=(X, None),
        task="multilabel",
        temperature=2.0,
        order="ascending",
        model="m",
    )
    assert [decode(getattr(request, name)).tolist() for name in ("new_ids", "labeled_ids")] == [[1, 2], [1, 2]]
    assert decode(request.candidates.ids).tolist() == [8]
    assert (request.pool_digest, request.k, request.diverse_from) == ("sha256:a", 7, 50)
    assert (request.density.beta, request.density.base) == (2.0, scoring_pb2.UNCERTAINTY_MEASURE_MARGIN)
    assert (request.stochastic.beta, request.random_share, request.seed) == (3.0, 0.25, 2**64 - 1)
    assert request.HasField("head")
    assert (request.task, request.temperature) == (scoring_pb2.TASK_MULTILABEL, 2.0)
    assert (request.order, request.model.name) == (selection_pb2.ORDER_ASCENDING, "m")


def test_the_pool_that_is_named_goes_before_that_of_the_candidates() -> None:
    known = Candidates(np.array([8]), np.array([1]), np.ones(1, np.float32), pool_digest="sha256:a")
    assert candidates_request(state([], [], known), count=1, pool_digest="sha256:b").pool_digest == "sha256:b"


@pytest.mark.parametrize("diversity", ["k_center", "badge", "cluster_margin"])
def test_a_round_takes_these_diversities(diversity: str) -> None:
    assert candidates_request(state(), count=1, diversity=diversity).WhichOneof("diversity") == diversity


@pytest.mark.parametrize(
    ("wanted", "field", "message"),
    [
        ({"count": 0}, "count", "count: is 0, allowed are whole numbers from 1 on"),
        ({"measure": "mean_kl"}, "measure", "measure: 'mean_kl' is unknown, allowed are least_confidence, "),
        ({"diversity": "batch_bald"}, "diversity", "diversity: 'batch_bald' is unknown, allowed are stochastic, "),
        ({"diverse_from": -1}, "diverse_from", "diverse_from: is -1, allowed are whole numbers from 0 on"),
        ({"random_share": 1.5}, "random_share", "random_share: is 1.5, allowed are 0 to 1"),
        ({"random_share": float("nan")}, "random_share", "random_share: is nan, allowed are 0 to 1"),
        ({"seed": -1}, "seed", "seed: is -1, allowed are whole numbers from 0 on"),
    ],
)
def test_what_no_round_can_be_is_refused(wanted: dict[str, Any], field: str, message: str) -> None:
    error = refusal(candidates_request, state(), **{"count": 3} | wanted)
    assert error.message.startswith(message)
    assert error.field == field


def test_pool_ids_are_rows_of_their_own_kind_whatever_type_numbers_are_sent_in() -> None:
    rows = collect(pool_ids=[300, 4]).sent_as(np.dtype(np.uint8))
    assert decode(rows.message().pool_ids).tolist() == [300, 4]
    assert batch_rows({"pool_ids": ["a"]}).message().pool_ids.shape == [1]


def test_ranked_pool_ids_are_the_names_of_the_rows_unless_there_are_others() -> None:
    assert collect_ranked({"pool_ids": {7}}).beside["ids"].tolist() == [7]
    assert collect_ranked({"pool_ids": [7], "ids": ["a"]}).beside["ids"].tolist() == ["a"]


def test_scores_may_come_with_neighbours() -> None:
    assert score_request(neighbors=3).neighbors == 3
    assert refusal(score_request, neighbors=2**31).field == "neighbors"
