"""What it costs to ask who calls: python -m benchmarks.access_cost [--short].

Two servers in processes of their own, one open to everybody and one with an access file of a thousand tokens, are
sent single rows in turn, several at a time, round after round; what is compared is the server's processor time
for each call. Then the check alone, of a token that is known and of one that is not. Linux only.
"""

import argparse
import os
import statistics
import time
from collections import deque
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import numpy as np

from assayd.arrays import encode
from assayd.methods import methods_of
from assayd.v1 import rows_pb2, scoring_pb2
from assayd_server.access import ENTRIES_MAX, Role, parsed
from assayd_server.tokens import entry
from benchmarks.pool_processes import Server, in_process, serving_alone

TOKENS = [f"token {number}" for number in range(ENTRIES_MAX)]
IN_FLIGHT = 32


def access_file() -> str:
    """All tokens, for scoring."""
    return "\n".join(entry(token, name="a caller", roles=[Role.SCORE]) for token in TOKENS)


def load(address: str, calls: int) -> None:
    """Make calls of one row with the last of the tokens."""
    inputs = rows_pb2.Inputs(tensors=[encode(np.zeros((1, 64), np.float32))])
    request = scoring_pb2.ScoreRequest(rows=rows_pb2.Rows(inputs=inputs))
    metadata = (("authorization", f"Bearer {TOKENS[-1]}"),)
    with grpc.insecure_channel(address) as channel:
        score = methods_of(channel)["Score"]
        flying: deque[Any] = deque()
        for _ in range(calls):
            if len(flying) >= IN_FLIGHT:
                flying.popleft().result()
            flying.append(score.future(request, timeout=60, metadata=metadata))
        for call in flying:
            call.result()


def microseconds(server: Server, calls: int) -> float:
    """The server's processor time for each of some calls."""
    before = server.processor_seconds()
    in_process(load, server.address, calls)
    return (server.processor_seconds() - before) / calls * 1e6


def measured(*, rounds: int, calls: int) -> dict[str, list[float]]:
    """Microseconds of the server for a call, by server, a value for each round."""
    found: dict[str, list[float]] = {"open": [], "with an access file": []}
    with TemporaryDirectory() as name:
        access = Path(name) / "access.toml"
        access.write_text(access_file())
        with serving_alone() as everybody, serving_alone(access=access) as holders:
            servers = dict(zip(found, (everybody, holders), strict=True))
            for server in servers.values():
                in_process(load, server.address, calls // 10)
            for _ in range(rounds):
                for way, server in servers.items():
                    found[way].append(microseconds(server, calls))
    return found


def look_up(token: str, calls: int) -> float:
    """Microseconds to find what a token is for, the first time left out."""
    listed = parsed(access_file().encode(), with_certificates=False)
    listed.of_token(token)
    began = time.perf_counter()
    for _ in range(calls):
        listed.of_token(token)
    return (time.perf_counter() - began) / calls * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a few calls")
    short = parser.parse_args().short
    found = measured(rounds=1 if short else 9, calls=500 if short else 10_000)
    print(f"single rows, {IN_FLIGHT} in flight, {len(os.sched_getaffinity(0))} cores for all\n")
    print("| server | microseconds of processor time a call | of the open one |")
    print("|---|---|---|")
    for way, values in found.items():
        ratios = [own / other for own, other in zip(values, found["open"], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"| {way} | {statistics.median(values):.0f} | {spread} |")
    known, unknown = (look_up(token, 20 if short else 2000) for token in (TOKENS[-1], sha256(b"").hexdigest()))
    print(
        f"\na token among {len(TOKENS)}: {known:.1f} microseconds where it is known, {unknown:.0f} where it is not"
    )


if __name__ == "__main__":
    main()
