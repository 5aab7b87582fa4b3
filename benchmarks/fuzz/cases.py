"""What is sent: the message of a seed and a number, the same one each time."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from benchmarks.fuzz import mutations, wire
from benchmarks.fuzz.methods import METHODS, Method
from benchmarks.fuzz.valid import valid_calls

_WEIGHTS = {"Score": 6, "Rank": 6, "SelectStream": 4, "SelectCandidates": 4, "WatchDrift": 3}
"""Of methods with much to mutate; others have 1 or 2."""
_BOMB_EVERY, _FIRST_BOMB = 5000, 17
_BOMB_BYTES = (17 * wire.MIB, 64 * wire.MIB, 256 * wire.MIB)
"""More than a message may have; of zeros, which gzip makes a thousandth of."""
_LARGE_EVERY, _FIRST_LARGE = 2000, 29
_METADATA = (
    ("x-request-id", "../../etc/passwd"),
    ("x-request-id", "x" * 129),
    ("x-request-id", "\x7e" * 128),
    ("grpc-previous-rpc-attempts", "9" * 5000),
    ("grpc-previous-rpc-attempts", "-1"),
    ("authorization", "Bearer " + "A" * 4000),
    ("authorization", "Basic Og=="),
    ("odd-bin", bytes(range(256))),  # type: ignore[list-item]
    ("many", "x"),
)
_NO_METHODS = (
    "/assayd.v1.ScoringService/Nothing",
    "/assayd.v1.ScoringService/score",
    "/assayd.v1.ScoringService/Score/",
    "/assayd.v1.Nothing/Score",
    "/../../etc/passwd",
    "/%2e%2e/Score",
    "/a" * 500,
)


@dataclass(frozen=True)
class Case:
    """One call."""

    index: int
    path: str
    is_stream: bool
    messages: tuple[bytes, ...]
    metadata: tuple[tuple[str, str | bytes], ...] = ()
    compression: grpc.Compression = grpc.Compression.NoCompression


def case(seed: int, index: int, tokens: Sequence[bytes]) -> Case:
    """The call with a number.

    Args:
        seed: of the run.
        index: of the call; no other call of the run matters.
        tokens: states of streams, as a server gave them.
    """
    rng = random.Random(f"{seed}/{index}")  # noqa: S311
    method = rng.choices(METHODS, [_WEIGHTS.get(one.name, 2) for one in METHODS])[0]
    if index % _BOMB_EVERY == _FIRST_BOMB:
        return _bomb(rng, index, method)
    messages = tuple(_messages(rng, method, tokens))
    if index % _LARGE_EVERY == _FIRST_LARGE:
        messages = (bytes(rng.choice((16, 17)) * wire.MIB),)
    metadata = tuple(rng.choice(_METADATA) for _ in range(rng.choice((0, 0, 0, 0, 1, 3))))
    path = rng.choice(_NO_METHODS) if rng.random() < 0.01 else method.path
    compression = rng.choice((grpc.Compression.NoCompression,) * 9 + (grpc.Compression.Gzip,))
    return Case(index, path, method.is_stream, messages, metadata, compression)


def _bomb(rng: random.Random, index: int, method: Method) -> Case:
    message = bytes(rng.choice(_BOMB_BYTES))
    return Case(index, method.path, method.is_stream, (message,), compression=grpc.Compression.Gzip)


def _messages(rng: random.Random, method: Method, tokens: Sequence[bytes]) -> list[bytes]:
    """Those of a valid call, of which some were changed, left out or sent twice."""
    sent = [type(one).FromString(one.SerializeToString()) for one in rng.choice(valid_calls()[method.path])]
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3, 6))):
        mutations.mutate(rng, rng.choice(sent), tokens)
    messages = [wire.unspeakable(one.SerializeToString()) for one in sent]
    if rng.random() < 0.2:
        place = rng.randrange(len(messages))
        messages[place] = wire.spoil(rng, messages[place])
    if method.is_stream and rng.random() < 0.3:
        messages = rng.choices(messages, k=rng.randrange(6))
    return messages
