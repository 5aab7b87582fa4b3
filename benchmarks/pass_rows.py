"""How many calls of some rows each a quick pass had better take along: python -m benchmarks.pass_rows [--short].

Servers with different --batch-rows-enough, of which a quick pass takes four times as many rows, each with one
core, in turn under loads of the 784-256-128-10 network. Prints Markdown. Linux only.
"""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assayd_server.quick_rows import TIMES
from benchmarks.serving import report, score_calls, systems
from benchmarks.serving.exchanges import ENTROPY, PROBABILITIES, only
from benchmarks.serving.field import Field
from benchmarks.serving.h2load import Load
from benchmarks.serving.measured import CALLS, P50, P99, Comparison, Measured
from benchmarks.serving.network import byte_rows, float_rows
from benchmarks.serving.plan import FULL, SHORT
from benchmarks.serving.turns import Called, in_turn

ENOUGH = (32, 128, 256)
LOADS: dict[str, tuple[int, Load, bool, dict[str, Any]]] = {
    "32 rows, 32 in flight": (32, Load(32, connections=4), False, {}),
    "100 rows, 16 in flight": (100, Load(16, connections=4), False, {}),
    "256 rows float32, 4 in flight": (256, Load(4), False, {}),
    "256 rows uint8, 4 in flight": (256, Load(4), True, {}),
    "256 rows float32, 4 in flight, combined novelty": (256, Load(4), False, {"novelty": ["combined"]}),
}
"""Rows of a call, how many calls at once, whether they are bytes, and what else is asked for."""


def _name(enough: int) -> str:
    return f"{TIMES * enough} rows"


def measured(field: Field) -> Iterator[Measured]:
    """Each load, over the first server's."""
    flags = systems.model_flags(field.network)
    servers = [
        field.stack.enter_context(
            systems.assayd_tcp(field.folder, *flags, "--batch-rows-enough", str(enough), name=_name(enough))
        )
        for enough in ENOUGH
    ]
    first = _name(ENOUGH[0])
    for load_name, (row_count, load, is_bytes, wanted) in LOADS.items():
        rows = byte_rows(row_count) if is_bytes else float_rows(row_count)
        exchange = score_calls.exchange(rows, only(field.network.answer(rows), PROBABILITIES, ENTROPY), **wanted)
        contenders = [Called(one.name, one.target, one.program, exchange, load) for one in servers]
        rounds = in_turn(contenders, rounds=field.plan.rounds, seconds=field.plan.seconds)
        comparisons = [
            Comparison(_name(enough), first, figure=figure)
            for enough in ENOUGH[1:]
            for figure in (CALLS, P50, P99)
        ]
        yield Measured(load_name, rounds, comparisons)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--short", action="store_true", help="a few calls")
    short = parser.parse_args().short
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    plan = replace(SHORT if short else FULL, peers=False)
    with TemporaryDirectory(prefix="assayd-bench-") as folder, ExitStack() as stack:
        found = {"pass_rows": list(measured(Field(Path(folder), plan, stack)))}
    print(report.table(found))


if __name__ == "__main__":
    main()
