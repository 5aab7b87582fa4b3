"""Pools of any size: however they are cut, the choice is that from the whole."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import onnx_models
from assayd import (
    AsyncClient,
    ChannelSettings,
    Client,
    InvalidArgumentError,
    UnavailableError,
    merge_rankings,
)
from assayd_server.app import App

Connect = Callable[..., Client]
Serve = Callable[..., App]

RNG = np.random.default_rng(2)
Z = np.round(RNG.normal(0, 2, (2000, 4)), 1).astype(np.float32)  # rounded, so that there are ties


def cut(rows: np.ndarray, *places: int) -> Iterator[np.ndarray]:
    return iter(np.split(rows, places))


CUTS = [(), (1,), (700,), (0, 0, 500, 501, 1999, 2000), tuple(range(0, 2000, 37))]


@pytest.mark.parametrize("places", CUTS, ids=len)
@pytest.mark.parametrize("measure", ["least_confidence", "margin", "ratio", "entropy"])
def test_a_stream_gives_the_choice_from_the_whole(identity_client: Client, measure: str, places: tuple) -> None:
    whole = identity_client.rank(logits=Z, measure=measure, count=50)
    batches = ({"logits": part} for part in cut(Z, *places))
    streamed = identity_client.rank_stream(batches, measure=measure, count=50)
    np.testing.assert_array_equal(streamed.positions, whole.positions)
    np.testing.assert_array_equal(streamed.scores, whole.scores)
    assert streamed.row_count == 2000


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_either_end_of_the_pool_can_be_had(identity_client: Client, order: str) -> None:
    whole = identity_client.rank(logits=Z, measure="entropy", count=50, order=order)
    batches = ({"logits": part} for part in cut(Z, 300, 900))
    streamed = identity_client.rank_stream(batches, measure="entropy", count=50, order=order)
    np.testing.assert_array_equal(streamed.positions, whole.positions)


@pytest.mark.parametrize("diversity", ["stochastic", "k_center", "badge", "cluster_margin"])
@pytest.mark.parametrize("places", CUTS[1:], ids=len)
def test_a_diverse_batch_from_a_stream_is_that_from_the_whole(
    identity_client: Client, diversity: str, places: tuple
) -> None:
    wanted: dict[str, Any] = {"measure": "entropy", "count": 20, "diversity": diversity, "seed": 5}
    whole = identity_client.rank(Z, **wanted)
    streamed = identity_client.rank_stream(cut(Z, *places), **wanted)
    np.testing.assert_array_equal(streamed.positions, whole.positions)
    assert streamed.mean_cosine == pytest.approx(whole.mean_cosine, rel=1e-5)
    assert streamed.effective_size == pytest.approx(whole.effective_size, rel=1e-5)


def test_a_batch_over_the_servers_limit_is_cut_out_of_sight(serve: Serve, connect: Connect) -> None:
    small, large = serve(onnx_models.identity(), rows_max=128), serve(onnx_models.identity())
    for wanted in ({}, {"diversity": "k_center", "candidates": 100}, {"diversity": "stochastic"}):
        cut_up = connect(small).rank(Z, measure="entropy", count=10, **wanted)
        whole = connect(large).rank(Z, measure="entropy", count=10, **wanted)
        np.testing.assert_array_equal(cut_up.positions, whole.positions)
        assert cut_up.effective_size == pytest.approx(whole.effective_size, rel=1e-5)


def test_ids_come_back_from_a_stream(identity_client: Client) -> None:
    ids = np.array([f"row {number}" for number in range(2000)])
    parts = zip(cut(Z, 100, 1500), cut(ids, 100, 1500), strict=True)
    ranking = identity_client.rank_stream(
        ({"x": rows, "ids": names} for rows, names in parts), measure="entropy", count=30, diversity="stochastic"
    )
    assert ranking.ids is not None
    assert ranking.ids.tolist() == ids[ranking.positions].tolist()
    whole = identity_client.rank(Z, ids=ids, measure="entropy", count=30, diversity="stochastic")
    np.testing.assert_array_equal(ranking.positions, whole.positions)


def test_tables_stream_too(identity_client: Client) -> None:
    frames = (pd.DataFrame(part, columns=list("abcd")) for part in cut(Z, 800))
    streamed = identity_client.rank_stream(frames, measure="entropy", count=25)
    np.testing.assert_array_equal(
        streamed.positions, identity_client.rank(Z, measure="entropy", count=25).positions
    )


def test_invalid_rows_of_a_stream_are_counted_and_the_first_named(identity_client: Client) -> None:
    rows = Z.copy()
    rows[::2, 1] = np.nan
    ranking = identity_client.rank_stream(cut(rows, 900), measure="entropy", count=5)
    assert ranking.invalid_count == 1000
    assert ranking.invalid_positions[:3] == (0, 2, 4)


def test_fewer_rows_come_where_there_are_fewer(identity_client: Client) -> None:
    assert len(identity_client.rank_stream(cut(Z[:7], 3), measure="entropy", count=50)) == 7


def test_a_stream_without_rows_is_refused(identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="rows: there were none to choose from"):
        identity_client.rank_stream([], measure="entropy", count=5)


def test_a_density_needs_a_direction_that_all_batches_share(identity_client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="direction: is needed where rows go in several calls"):
        identity_client.rank_stream(cut(Z, 5), measure="information_density", count=5)
    direction = np.array([0.5, 0.1, 0, 0])
    wanted = {"measure": "information_density", "count": 20, "direction": direction}
    streamed = identity_client.rank_stream(cut(Z, 5), **wanted)
    np.testing.assert_array_equal(streamed.positions, identity_client.rank(Z, **wanted).positions)


def test_shards_merge_into_the_whole(identity_client: Client) -> None:
    wanted: dict[str, Any] = {"measure": "entropy", "count": 40, "diversity": "stochastic", "seed": 9}
    ids = np.arange(2000)
    whole = identity_client.rank(logits=Z, ids=ids, **wanted)
    shards = [
        identity_client.rank(logits=Z[rows], ids=ids[rows], **wanted) for rows in (slice(0, 900), slice(900, 2000))
    ]
    merged = merge_rankings(shards, 40)
    assert merged.ids is not None
    assert whole.ids is not None
    np.testing.assert_array_equal(merged.ids, whole.ids)
    np.testing.assert_array_equal(merged.keys, whole.keys)


@pytest.mark.parametrize("wanted", [{}, {"diversity": "stochastic", "seed": 9}], ids=["plain", "stochastic"])
@pytest.mark.parametrize("streamed", [False, True], ids=["rank", "rank_stream"])
def test_shards_with_offsets_merge_into_the_whole_ties_included(
    identity_client: Client, wanted: dict, streamed: bool
) -> None:
    z = np.repeat(Z[:200], 5, axis=0)
    wanted = {"measure": "entropy", "count": 40, **wanted}
    whole = identity_client.rank(z, **wanted)
    shards = []
    for start, stop in ((600, 1000), (0, 600)):
        if streamed:
            batches = np.array_split(z[start:stop], 3)
            shards.append(identity_client.rank_stream(batches, offset=start, **wanted))
        else:
            shards.append(identity_client.rank(z[start:stop], offset=start, **wanted))
    np.testing.assert_array_equal(merge_rankings(shards, 40).positions, whole.positions)


def test_a_diverse_batch_of_a_stream_with_an_offset_has_it_too(identity_client: Client) -> None:
    wanted: dict[str, Any] = {"measure": "entropy", "count": 20, "diversity": "k_center"}
    plain = identity_client.rank_stream(cut(Z, 300), **wanted)
    moved = identity_client.rank_stream(cut(Z, 300), offset=7000, **wanted)
    np.testing.assert_array_equal(moved.positions, plain.positions + 7000)


def test_asyncio_ranks_alike(serve: Serve) -> None:
    app = serve(onnx_models.identity())

    async def ranked() -> tuple:
        async with AsyncClient(f"127.0.0.1:{app.port}", settings=ChannelSettings(rows_max=300)) as client:
            one = await client.rank(Z, measure="entropy", count=20, diversity="k_center")
            streamed = await client.rank_stream(cut(Z, 11, 500), measure="entropy", count=20, diversity="k_center")
            return one, streamed

    one, streamed = asyncio.run(ranked())
    np.testing.assert_array_equal(one.positions, streamed.positions)


def test_all_calls_go_to_the_version_that_was_newest_at_first(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    onnx_models.write_bundle(tmp_path / "r", onnx_models.identity())
    onnx_models.write_bundle(tmp_path / "r", onnx_models.identity(), version=2, temperature=2.0)
    client = connect(serve(tmp_path / "r"))
    ranking = client.rank_stream(cut(Z, 500, 900), measure="entropy", count=5)
    assert ranking.model is not None
    assert ranking.model.version == 2


def test_nothing_is_said_of_repetition_where_the_chosen_rows_do_not_fit_one_call(serve: Serve) -> None:
    app = serve(onnx_models.identity())
    settings = ChannelSettings(message_bytes_max=4096)
    with Client(f"127.0.0.1:{app.port}", settings=settings) as client:
        ranking = client.rank_stream(cut(Z, 1000), measure="entropy", count=500)
    assert len(ranking) == 500
    assert (ranking.mean_cosine, ranking.effective_size) == (None, None)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"rows_max": 64}, "count: is 100, a diverse batch is chosen in one call, which takes 64 of these rows"),
        ({"diversity_operations_max": 2**20}, "candidates: are too many to choose a diverse batch from: "),
    ],
)
def test_a_diverse_batch_that_no_call_takes_is_refused_by_what_a_call_takes(
    serve: Serve, connect: Connect, limits: dict, message: str
) -> None:
    client = connect(serve(onnx_models.identity(), **limits))
    count = 100 if "rows_max" in limits else 900
    with pytest.raises(InvalidArgumentError) as caught:
        client.rank_stream(cut(Z, 700, 1000), measure="entropy", count=count, diversity="k_center")
    assert caught.value.message.startswith(message)


def test_a_server_that_is_gone_by_the_last_call_is_told_of(serve: Serve, connect: Connect) -> None:
    app = serve(onnx_models.identity())

    def batches() -> Iterator[np.ndarray]:
        yield from cut(Z, 1000)
        app.drain()

    client = connect(app, settings=ChannelSettings(attempts_max=1, calls_in_flight_max=1))
    with pytest.raises(UnavailableError):
        client.rank_stream(batches(), measure="entropy", count=10, diversity="k_center")
