"""What a server withstands: python -m benchmarks.soak [--short] [PART ...]. Linux only.

Starts real servers, puts loads on them by the public client, prints what is asked and what was reached, and ends
with 1 where a line is not met. The server has one CPU and the load another. Without --short it writes
benchmarks/results/soak_PART.json, docs/overload.png and the table in docs/reliability.md; with it, it takes
seconds and judges neither times nor memory.
"""

import argparse
import os
import sys

from benchmarks.soak import drain, lanes, mixed, overload, swap, worker_kill
from benchmarks.soak.lines import Line, all_met, table
from benchmarks.soak.pages import write, write_page
from benchmarks.soak.server import load_cpus

PARTS = {
    module.__name__.rpartition(".")[2]: module for module in (overload, lanes, mixed, drain, swap, worker_kill)
}


def main() -> int:
    """Run the parts, print, and write down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--short", action="store_true", help="seconds, and nothing is written")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {min(unknown)}, there are {', '.join(PARTS)}")
    os.sched_setaffinity(0, load_cpus())  # before there are threads
    lines: list[Line] = []
    for name in arguments.parts or PARTS:
        print(name, file=sys.stderr)
        found, figures = PARTS[name].run(arguments.short)
        lines += found
        if not arguments.short:
            write(name, found, figures)
    if not arguments.short:
        write_page()
    print(table(lines, short=arguments.short))
    return 0 if all_met(lines, short=arguments.short) else 1


if __name__ == "__main__":
    sys.exit(main())
