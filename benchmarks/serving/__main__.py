"""assayd beside its peers and beside the limits: python -m benchmarks.serving [--only NAME ...] [--short].

`make bench` sets up the peers first and runs all. benchmarks/README.md says how to read it. Linux only.
"""

import argparse
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.serving import report
from benchmarks.serving.field import Field
from benchmarks.serving.peers.places import left_out
from benchmarks.serving.plan import FULL, SHORT, Plan
from benchmarks.serving.registry import BENCHMARKS
from benchmarks.serving.report import Found

RESULTS = Path(__file__).parents[1] / "results"


def measured(names: list[str], plan: Plan) -> Found:
    """What each benchmark gives; a line for each is printed as soon as it is there."""
    found: Found = {}
    with TemporaryDirectory(prefix="assayd-bench-") as folder, ExitStack() as stack:
        field = Field(Path(folder), plan, stack)
        for name in names:
            began = time.perf_counter()
            found[name] = list(BENCHMARKS[name](field))
            print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return found


def main() -> None:
    """Measure, print, and write down."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        epilog="\n".join(f"{name:<18}{each.__doc__}" for name, each in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*BENCHMARKS], help="by name, see below")
    parser.add_argument("--short", action="store_true", help="see that it runs, without peers; written nowhere")
    parser.add_argument("--rounds", type=int, help="of every system")
    parser.add_argument("--seconds", type=float, help="of a turn")
    parser.add_argument("--output", type=Path, help="a folder; default of a full run: benchmarks/results")
    asked = parser.parse_args()
    plan, began = (SHORT if asked.short else FULL).changed(asked.rounds, asked.seconds), time.perf_counter()
    found = measured(asked.only or [*BENCHMARKS], plan)
    about = report.about(plan, time.perf_counter() - began)
    print("\n".join([report.table(found), "", report.systems_table(found), "", report.about_text(about)]))
    for line in left_out() if plan.peers else []:
        print(line)
    output = asked.output or (RESULTS if plan == FULL and not asked.only else None)
    if output:
        report.write(output, found, about)


if __name__ == "__main__":
    main()
