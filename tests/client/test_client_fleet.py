"""Several servers behind one address: every answer of a batch comes from one version and one file of the model."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import onnx_models
from assayd import ChannelSettings, Client, FailedPreconditionError, NotFoundError, Scores

ONE_BY_ONE = ChannelSettings(rows_max=1, calls_in_flight_max=1)
"""Each row is a request, and each request waits for the one before it: so servers take turns."""

X = np.random.default_rng(14).normal(0, 2, (8, 4)).astype(np.float32)


@pytest.fixture
def serve_version(serve, tmp_path: Path) -> Callable[..., object]:
    """Start a server of one version of the model m: serve_version(version, **manifest)."""
    folders = (tmp_path / f"replica{index}" for index in range(10))

    def start(version: int, **manifest: object):
        folder = next(folders)
        onnx_models.write_bundle(folder, onnx_models.identity(), version=version, **manifest)
        return serve(folder)

    return start


def one_row(client: Client) -> Scores:
    return client.score(X[:1])


def let_both_answer(client: Client, *, last: object, seen: Callable[[Scores], object]) -> None:
    """Make calls until the servers take turns, and the one whose answer reads as last has had its own."""
    until = time.monotonic() + 10
    answers = [seen(one_row(client)), seen(one_row(client))]
    while answers[-1] != last or answers[-2] == last:
        assert time.monotonic() < until, f"the servers do not take turns: {answers}"
        answers.append(seen(one_row(client)))


def version(scores: Scores) -> int:
    return scores.model.version


def digest(scores: Scores) -> str:
    return scores.model.digest


def test_calls_are_spread_over_every_server(serve_version, fleet, score_calls) -> None:
    apps = [serve_version(1), serve_version(2)]
    client = fleet(*apps, settings=ONE_BY_ONE)
    let_both_answer(client, last=2, seen=version)
    before = [score_calls(app)["OK"] for app in apps]
    for _ in range(6):
        one_row(client)
    assert [score_calls(app)["OK"] - count for app, count in zip(apps, before, strict=True)] == [3, 3]


def test_a_batch_over_two_versions_is_answered_by_the_newest_alone(serve_version, fleet) -> None:
    client = fleet(serve_version(1, temperature=5.0), serve_version(2), settings=ONE_BY_ONE)
    let_both_answer(client, last=1, seen=version)  # now 2 is next, then 1, and then 2 scores the row of 1 again
    scores = client.score(X[:2], outputs=["probabilities", "logits"])
    assert scores.model.version == 2
    np.testing.assert_allclose(scores.probabilities, softmax(X[:2]), rtol=1e-5)


def test_a_row_scored_once_more_finds_the_server_that_has_the_version(serve_version, fleet) -> None:
    client = fleet(serve_version(1), serve_version(2), settings=ONE_BY_ONE)
    let_both_answer(client, last=2, seen=version)  # now 1 is next, then 2, and then 1 is asked for version 2
    assert client.score(X[:2]).model.version == 2


def test_a_batch_that_met_one_version_is_scored_once(serve_version, fleet, score_calls) -> None:
    apps = [serve_version(3), serve_version(3)]
    client = fleet(*apps, settings=ONE_BY_ONE)
    assert client.score(X).model.version == 3
    assert sum(score_calls(app).get("OK", 0) for app in apps) == 8


def test_rows_that_need_no_model_agree_whatever_the_servers_have(serve_version, fleet) -> None:
    client = fleet(serve_version(1), serve_version(2), settings=ONE_BY_ONE)
    let_both_answer(client, last=2, seen=version)
    scores = client.score(logits=X)
    assert scores.model is None
    np.testing.assert_array_equal(scores.predictions, X.argmax(axis=1))


def test_replicas_with_different_files_of_one_version_are_an_error(serve_version, fleet) -> None:
    first, second = serve_version(1), serve_version(1, temperature=3.0)
    client = fleet(first, second, settings=ONE_BY_ONE)
    digests = {digest(_only_answer(app)) for app in (first, second)}
    let_both_answer(client, last=max(digests), seen=digest)
    with pytest.raises(FailedPreconditionError) as caught:
        client.score(X)
    error = caught.value
    assert (error.reason, error.field) == ("REPLICAS_DISAGREE", "model")
    assert error.message == (
        f"model: replicas serve different files as m version 1: {' and '.join(sorted(digests))}"
    )


def _only_answer(app) -> Scores:
    with Client(app.address) as client:
        return one_row(client)


def test_each_batch_of_a_stream_is_of_one_version(serve_version, fleet) -> None:
    client = fleet(serve_version(1), serve_version(2), settings=ChannelSettings(calls_in_flight_max=1))
    let_both_answer(client, last=2, seen=version)
    batches = [X[:1]] * 6  # one request each, so that the servers take turns
    assert [version(scores) for scores in client.score_stream(batches)] == [1, 2, 1, 2, 1, 2]


def test_a_server_that_goes_away_leaves_the_calls_to_the_other(serve_version, fleet) -> None:
    leaving, staying = serve_version(1), serve_version(2)
    client = fleet(leaving, staying, settings=ONE_BY_ONE)
    let_both_answer(client, last=2, seen=version)
    leaving.drain()
    assert {version(one_row(client)) for _ in range(6)} == {2}


def softmax(logits: np.ndarray) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def test_a_pool_is_ranked_by_the_version_it_began_with_while_others_do_not_have_it(
    serve, serve_version, fleet
) -> None:
    client = fleet(serve_version(1), serve_version(2), settings=ChannelSettings(rows_max=1))
    versions = set()
    for _ in range(4):  # whichever server is asked first
        ranking = client.rank_stream([X], measure="entropy", count=3)
        assert ranking.row_count == len(X)
        versions.add(ranking.model.version)
    assert versions <= {1, 2}


def test_a_version_that_no_server_has_is_not_found(serve_version, fleet) -> None:
    client = fleet(serve_version(1), serve_version(1))
    with pytest.raises(NotFoundError, match="version 7"):
        client.rank_stream([X], measure="entropy", count=3, version=7)
