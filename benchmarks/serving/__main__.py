"""assayd beside its peers and beside the limits: python -m benchmarks.serving [--only NAME ...] [--short].

`make bench` sets up the peers first and runs all. benchmarks/README.md says how to read it. Linux only.
"""

import argparse
import signal
import sys
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.serving import report, sizes
from benchmarks.serving.field import Field
from benchmarks.serving.peers.places import left_out
from benchmarks.serving.plan import FULL, SHORT, Plan
from benchmarks.serving.registry import BENCHMARKS
from benchmarks.serving.report import Found

RESULTS = Path(__file__).parents[1] / "results"


def measured(names: list[str], plan: Plan) -> tuple[Found, list[str]]:
    """What each benchmark gives, and the names of those that failed, which does not end the others."""
    found: Found = {}
    failed: list[str] = []
    with TemporaryDirectory(prefix="assayd-bench-") as folder, ExitStack() as stack:
        field = Field(Path(folder), plan, stack)
        for name in names:
            began = time.perf_counter()
            try:
                found[name] = list(BENCHMARKS[name](field))
            except Exception:
                traceback.print_exc()
                failed.append(name)
            print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return found, failed


def main() -> int:
    """Measure, print, and write down; 1 where a benchmark failed or an answer was wrong."""
    asked = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that folders are removed
    plan, began = (SHORT if asked.short else FULL).changed(asked.rounds, asked.seconds), time.perf_counter()
    found, failed = measured(asked.only or [*BENCHMARKS], plan)
    about = report.about(plan, time.perf_counter() - began)
    print("\n".join([report.table(found), "", report.systems_table(found), "", report.about_text(about)]))
    for line in [*(left_out() if plan.peers else []), *(f"failed: {name}" for name in failed)]:
        print(line)
    is_whole = plan == FULL and not asked.only and not failed
    output = asked.output or (RESULTS if is_whole else None)
    if output:
        report.write(output, found, about)
    if output == RESULTS and is_whole:
        sizes.PAGE.write_text(sizes.with_table(sizes.PAGE.read_text(), sizes.table(report.entries(found))))
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description=__doc__.partition(":")[0],
        epilog="\n".join(f"{name:<16}{each.__doc__}" for name, each in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*BENCHMARKS], help="by name, see below")
    parser.add_argument("--short", action="store_true", help="see that it runs, without peers")
    parser.add_argument("--rounds", type=int, help="of every system")
    parser.add_argument("--seconds", type=float, help="of a turn")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default of a full run: benchmarks/results")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
