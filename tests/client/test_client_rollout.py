"""A fleet between two versions, played by a server with a script: which pieces are asked for again, how often."""

from collections.abc import Callable, Iterator

import grpc
import numpy as np
import pytest

from assayd import ChannelSettings, Client, NotFoundError
from assayd.arrays import encode
from assayd.v1 import scoring_pb2

ONE_BY_ONE = ChannelSettings(rows_max=1, calls_in_flight_max=1)
Script = Iterator[int | None]


class Fleet:
    """Answers one-row requests from a script of versions; None stands for a replica without the one asked for."""

    def __init__(self, versions: Script) -> None:
        self._versions = versions
        self.asked: list[int] = []

    def __call__(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self.asked.append(scoring_pb2.ScoreRequest.FromString(message).model.version)
        version = next(self._versions)
        if version is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such version")
        return scoring_pb2.ScoreResponse(
            model=scoring_pb2.ModelIdentity(name="m", version=version, digest=f"sha256:{version}"),
            predictions=encode(np.array([version], np.int32)),
        ).SerializeToString()


@pytest.fixture
def play(bare_server, connect_to) -> Callable[..., tuple[Fleet, Client]]:
    """A scripted fleet and a client of it: play(1, 2, None, ...)."""

    def start(*versions: int | None) -> tuple[Fleet, Client]:
        fleet = Fleet(iter(versions))
        return fleet, connect_to(bare_server(fleet), settings=ONE_BY_ONE)

    return start


def predictions(client: Client, rows: int) -> list[int]:
    return client.score(np.zeros((rows, 3), np.float32)).predictions.tolist()


def test_answers_of_one_version_are_taken_as_they_are(play) -> None:
    fleet, client = play(1, 1, 1)
    assert predictions(client, 3) == [1, 1, 1]
    assert fleet.asked == [0, 0, 0]


def test_only_the_pieces_of_an_older_version_are_asked_for_again(play) -> None:
    fleet, client = play(2, 1, 3, 3, 3, 3)
    assert predictions(client, 4) == [3, 3, 3, 3]
    assert fleet.asked == [0, 0, 0, 0, 3, 3]


def test_a_replica_without_the_version_is_passed_over(play) -> None:
    fleet, client = play(1, 2, None, None, 2)
    assert predictions(client, 2) == [2, 2]
    assert fleet.asked == [0, 0, 2, 2, 2]


def test_the_sixteenth_attempt_still_counts(play) -> None:
    fleet, client = play(1, 2, *[None] * 15, 2)
    assert predictions(client, 2) == [2, 2]
    assert fleet.asked == [0, 0] + [2] * 16


def test_a_version_that_is_gone_is_not_found_after_sixteen_attempts(play) -> None:
    fleet, client = play(1, 2, *[None] * 20)
    with pytest.raises(NotFoundError, match="no such version"):
        predictions(client, 2)
    assert fleet.asked == [0, 0] + [2] * 16
