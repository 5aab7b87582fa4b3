"""Boundaries between rows of a pool by both clients: in one call or in many, by numbers or by texts."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import onnx_models
import pools
from assayd import Boundaries, ChannelSettings, Client, InvalidArgumentError, NotFoundError
from assayd.arrays import decode, encode
from assayd.boundaries import boundaries_of
from assayd.boundary_options import boundary_request, collect_pairs
from assayd.testing import Server
from assayd.v1 import neighbors_pb2, retrieval_pb2

Connect = Callable[..., Client]

RNG = np.random.default_rng(8)
VECTORS = RNG.normal(size=(200, 4)).astype(np.float32)
HEAD = (RNG.normal(size=(3, 4)), RNG.normal(size=3))
CLASSES = (VECTORS @ HEAD[0].T + HEAD[1]).argmax(axis=1)
NUMBERS = RNG.permutation(200) * 10 - 1000
TEXTS = np.array([f"\u00e4{number}" for number in NUMBERS], object)
FIRST, SECOND, LABELED = np.arange(20), np.arange(20, 40), np.arange(60)


@pytest.fixture(params=["numbers", "texts"])
def names(request: pytest.FixtureRequest) -> np.ndarray:
    """(200,) the ids of the pool's rows."""
    return NUMBERS if request.param == "numbers" else TEXTS


@pytest.fixture
def server(serve: Callable[..., Server], tmp_path: Path, names: np.ndarray) -> Server:
    ids = names if names is NUMBERS else names.astype(str)
    return serve(onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS, ids=ids))


@pytest.fixture
def found(server: Server, connect: Connect, names: np.ndarray) -> Boundaries:
    return connect(server).search_boundary(
        names[FIRST], names[SECOND], labeled_ids=names[LABELED].tolist(), head=HEAD, k=3
    )


def test_a_pair_has_a_boundary_where_its_rows_are_of_two_classes(found: Boundaries, names: np.ndarray) -> None:
    differ = CLASSES[FIRST] != CLASSES[SECOND]
    assert len(found) == 20
    assert found.first_classes.tolist() == CLASSES[FIRST].tolist()
    assert found.second_classes.tolist() == CLASSES[SECOND].tolist()
    assert (~np.isnan(found.positions)).tolist() == differ.tolist()
    assert found.reasons.tolist() == ["" if one else "same_class" for one in differ]
    assert found.neighbors.valid.tolist() == differ.tolist()
    assert set(found.neighbors.ids[differ].ravel()) <= set(names[60:])
    assert found.neighbors.ids[~differ].ravel().tolist() == [-1 if names is NUMBERS else ""] * 3 * (~differ).sum()
    assert (found.pool_digest, found.model.name) == (found.neighbors.pool_digest, "m")
    assert found.pool_digest.startswith("sha256:")


def test_rows_to_label_come_once_and_the_least_certain_first(found: Boundaries, names: np.ndarray) -> None:
    ids, uncertainties = found.neighbors.ids.ravel().tolist(), found.uncertainties.ravel().tolist()
    known = {name: one for name, one in zip(ids, uncertainties, strict=True) if not np.isnan(one)}
    rows = found.rows().tolist()
    assert len(rows) == len(set(rows)) == len(known)
    assert [known[name] for name in rows] == sorted(known.values(), reverse=True)
    assert found.rows(4).tolist() == rows[:4]


def test_there_is_a_column_for_all_that_is_known_of_a_pair(found: Boundaries) -> None:
    columns = found.columns()
    assert list(columns)[:6] == ["position", "first_class", "second_class", "next_class", "probability", "reason"]
    assert list(columns)[6:] == [
        *(f"neighbor_{place}{what}" for place in (1, 2, 3) for what in ("", "_similarity")),
        *(f"neighbor_{place}_uncertainty" for place in (1, 2, 3)),
    ]
    assert columns["neighbor_2_uncertainty"].tolist() == pytest.approx(
        found.uncertainties[:, 1].tolist(), nan_ok=True
    )


def test_pairs_in_pieces_find_what_one_call_does(
    server: Server, connect: Connect, names: np.ndarray, found: Boundaries
) -> None:
    client = connect(server, settings=ChannelSettings(rows_max=3))
    cut = client.search_boundary(names[FIRST], names[SECOND], labeled_ids=names[LABELED], head=HEAD, k=3)
    for one in fields(Boundaries):
        if one.name not in ("neighbors", "model"):
            np.testing.assert_array_equal(getattr(cut, one.name), getattr(found, one.name))
    np.testing.assert_array_equal(cut.neighbors.ids, found.neighbors.ids)
    np.testing.assert_array_equal(cut.neighbors.valid, found.neighbors.valid)
    assert (cut.model, cut.pool_digest) == (found.model, found.pool_digest)


def test_no_row_of_any_pair_is_found_though_nothing_is_said_to_be_labelled(
    server: Server, connect: Connect, names: np.ndarray
) -> None:
    client = connect(server, settings=ChannelSettings(rows_max=3))
    found = client.search_boundary(names[FIRST], names[SECOND], head=HEAD, k=40)
    assert not set(found.rows()) & set(names[:40])


def test_no_pairs_have_no_boundaries(server: Server, connect: Connect) -> None:
    found = connect(server).search_boundary([], [], head=HEAD)
    assert (len(found), found.neighbors.ids.shape, found.rows().tolist()) == (0, (0, 10), [])


def test_a_row_that_the_pool_lacks_is_not_found(server: Server, connect: Connect, names: np.ndarray) -> None:
    unknown = [7] if names is NUMBERS else ["b"]
    with pytest.raises(NotFoundError) as caught:
        connect(server).search_boundary(names[:1], unknown, head=HEAD)
    assert caught.value.reason == "UNKNOWN_ID"


def test_a_request_says_nothing_of_what_was_not_given() -> None:
    pairs = collect_pairs([3, 1], [2, 3])
    request = boundary_request(pairs, None)
    assert decode(request.labeled_ids).tolist() == [1, 2, 3]
    request.ClearField("labeled_ids")
    assert request == retrieval_pb2.SearchBoundaryRequest()
    told = boundary_request(
        pairs, [9], k=4, head=HEAD, temperature=2.0, pool_digest="sha256:a", model="m", version=3
    )
    assert decode(told.labeled_ids).tolist() == [1, 2, 3, 9]
    assert (told.k, told.temperature, told.pool_digest, told.model.version) == (4, 2.0, "sha256:a", 3)
    np.testing.assert_array_equal(decode(told.head.weights), HEAD[0])


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (([1, 2], [3], None), "second_ids: are 1, there are 2 first_ids"),
        (([1], ["b"], None), "second_ids: are text and first_ids numbers"),
        (([1], [2], ["b"]), "labeled_ids: are text and first_ids numbers"),
        (([1.5], [2], None), "first_ids: has an element of type float"),
        (([1], 2, None), "second_ids: is 2, allowed are lists and arrays of ids"),
    ],
)
def test_pairs_that_are_none_are_refused(
    server: Server, connect: Connect, ids: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        connect(server).search_boundary(ids[0], ids[1], labeled_ids=ids[2])
    assert caught.value.message.startswith(message)


def test_a_reason_that_this_client_does_not_know_is_unknown() -> None:
    response = retrieval_pb2.SearchBoundaryResponse(
        positions=encode(np.full(1, np.nan)),
        neighbors=neighbors_pb2.Neighbors(
            ids=encode(np.full((1, 1), -1)),
            similarities=encode(np.full((1, 1), np.nan, np.float32)),
            counts=encode(np.zeros(1, np.int32)),
        ),
        uncertainties=encode(np.full((1, 1), np.nan, np.float32)),
        without_boundary=[retrieval_pb2.PairWithoutBoundary(pair=0, reason=99)],  # type: ignore[arg-type]
    )
    for name in ("first_classes", "second_classes", "next_classes", "probabilities"):
        getattr(response, name).CopyFrom(encode(np.zeros(1, np.int32)))
    assert boundaries_of(response).reasons.tolist() == ["unknown"]
