"""Messages that nobody should send: python -m benchmarks.fuzz [--short] [--seed N] [--index N]. Linux.

Starts real servers with the settings that they have by default: most of the messages are for one that takes
calls by its loop, the rest for one with --plain-calls, and for one of each kind with an access file, where calls
come with tokens that open them, that open others alone, or that nobody knows. Ends with 1 where something is not
as it is asked. Without --short it writes benchmarks/results/fuzz.json and the tables in docs/reliability.md.
--index sends one message of a run once more, with --plain and --access to such a server, and shows it.
"""

import argparse
import os
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.fuzz import report
from benchmarks.fuzz.run import Found, Plan, fuzz, reproduce
from benchmarks.soak.lines import all_met, table
from benchmarks.soak.server import load_cpus

CALLS, SHORT_CALLS = 200_000, 2_000
SHARES = {"loop": 0.7, "plain": 0.15, "loop-tokens": 0.1, "plain-tokens": 0.05}
"""Of the calls, by the server."""
GARBAGE_SHARE = 0.02
FAILURES_SHOWN = 20


def main() -> int:
    """Send, look, print, write down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="seconds, and nothing is written")
    parser.add_argument("--calls", type=int, help=f"{CALLS} by default; others than that are not written down")
    parser.add_argument("--seed", type=int, help="by chance by default")
    parser.add_argument("--index", type=int, help="send this message of the seed's run alone")
    parser.add_argument("--plain", action="store_true", help="with --index: to a server with --plain-calls")
    parser.add_argument("--access", action="store_true", help="with --index: to a server with an access file")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    os.sched_setaffinity(0, load_cpus())  # before there are threads
    with TemporaryDirectory() as name:
        if arguments.index is not None:
            kind = {"plain_calls": arguments.plain, "access": arguments.access}
            one, answer = reproduce(Path(name), seed, arguments.index, **kind)
            print(f"{one.path} {one.metadata}", *(message[:2000] for message in one.messages), answer, sep="\n")
            return 0
        print(f"seed {seed}", flush=True)
        calls = arguments.calls or (SHORT_CALLS if arguments.short else CALLS)
        found = [fuzz(Path(name) / plan.name, plan) for plan in _plans(seed, calls)]
    lines = [line for one in found for line in report.lines_of(one)]
    if calls == CALLS:
        report.write(found, lines, seed)
    print(table(lines, short=arguments.short), report.statuses(found), report.garbage(found), sep="\n\n")
    _show_failures(seed, found)
    return 0 if all_met(lines, short=arguments.short) else 1


def _plans(seed: int, calls: int) -> list[Plan]:
    plans: list[Plan] = []
    for name, share in SHARES.items():
        start = plans[-1].indices.stop if plans else 0
        stop = calls if name == list(SHARES)[-1] else start + round(share * calls)
        plans.append(
            Plan(
                name=name,
                seed=seed,
                indices=range(start, stop),
                garbage=round(GARBAGE_SHARE * (stop - start)),
                plain_calls=name.startswith("plain"),
                access=name.endswith("tokens"),
            )
        )
    return plans


def _show_failures(seed: int, found: list[Found]) -> None:
    for one in found:
        kind = " --plain" * one.plan.plain_calls + " --access" * one.plan.access
        for case, said in (*one.outcome.failures[:FAILURES_SHOWN], *one.outcome.misjudged[:FAILURES_SHOWN]):
            command = f"python -m benchmarks.fuzz --seed {seed} --index {case.index}{kind}"
            print(f"{case.path} {said[:300]}: {command}")
        for said in (*one.heard.failures[:FAILURES_SHOWN], *one.bugs[:FAILURES_SHOWN]):
            print(said)


if __name__ == "__main__":
    sys.exit(main())
