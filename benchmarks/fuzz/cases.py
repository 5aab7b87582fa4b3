"""What is sent: the message of a seed and a number, the same one each time."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import grpc

from benchmarks.fuzz import credentials, mutations, wire
from benchmarks.fuzz.methods import METHODS, Method
from benchmarks.fuzz.valid import valid_calls

_WEIGHTS = {"Score": 6, "Rank": 6, "ModelInfer": 6, "SelectStream": 4, "SelectCandidates": 4, "WatchDrift": 3}
"""Of methods with much to mutate; others have 1 or 2."""
_BOMB_EVERY, _FIRST_BOMB = 5000, 17
_BOMB_BYTES = (17 * wire.MIB, 64 * wire.MIB, 256 * wire.MIB)
"""More than a message may have; of zeros, which gzip makes a thousandth of."""
_LARGE_EVERY, _FIRST_LARGE = 2000, 29
_METADATA: tuple[tuple[str, str | bytes], ...] = (
    ("x-request-id", "../../etc/passwd"),
    ("x-request-id", "x" * 129),
    ("x-request-id", "\x7e" * 128),
    ("grpc-previous-rpc-attempts", "9" * 5000),
    ("grpc-previous-rpc-attempts", "-1"),
    ("authorization", "Bearer " + "A" * 4000),
    ("authorization", "Basic Og=="),
    ("odd-bin", bytes(range(256))),
    ("many", "x"),
)
_NO_METHODS = (
    "/assayd.v1.ScoringService/Nothing",
    "/assayd.v1.ScoringService/score",
    "/assayd.v1.ScoringService/Score/",
    "/assayd.v1.Nothing/Score",
    "/inference.GRPCInferenceService/ModelStreamInfer",
    "/inference.GRPCInferenceService/SystemSharedMemoryRegister",
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
    refusal: str | None = ""
    """The status that says who may not call; empty where none may, None where any may."""


def case(seed: int, index: int, tokens: Sequence[bytes], *, access: bool = False) -> Case:
    """The call with a number.

    Args:
        seed: of the run.
        index: of the call; no other call of the run matters.
        tokens: states of streams, as a server gave them.
        access: whether the server asks who calls.
    """
    rng = random.Random(f"{seed}/{index}")  # noqa: S311
    method = rng.choices(METHODS, [_WEIGHTS.get(one.name, 2) for one in METHODS])[0]
    path = rng.choice(_NO_METHODS) if rng.random() < 0.01 else method.path
    by, refusal = credentials.chosen(rng, path) if access else ((), "")
    called = Case(index, path, method.is_stream, (), by, refusal=refusal if path == method.path else None)
    if index % _BOMB_EVERY == _FIRST_BOMB:
        return replace(called, messages=(bytes(rng.choice(_BOMB_BYTES)),), compression=grpc.Compression.Gzip)
    messages = tuple(_messages(rng, method, tokens))
    if index % _LARGE_EVERY == _FIRST_LARGE:
        messages = (bytes(rng.choice((16, 17)) * wire.MIB),)
    odd = [rng.choice(_METADATA) for _ in range(rng.choice((0, 0, 0, 0, 1, 3)))]
    metadata = (*by, *(pair for pair in odd if not access or pair[0] != "authorization"))
    compression = rng.choice((grpc.Compression.NoCompression,) * 9 + (grpc.Compression.Gzip,))
    return replace(called, messages=messages, metadata=metadata, compression=compression)


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
