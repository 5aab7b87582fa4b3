"""Faults on real servers with the shipped defaults: python -m benchmarks.chaos [--short] [FAULT ...]. Linux only.

While each lasts, clients call, by the public client; what is asked is that none of their calls fails, and that
none waits too long. Prints a table and ends with 1 where something fell short. Without --short it takes some ten
minutes and writes benchmarks/results/chaos.json and the table in docs/reliability.md; with it, it judges no times.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.chaos import (
    certificates,
    clock,
    descriptors,
    everything,
    frozen,
    idle,
    killed,
    rolling_restart,
    slow,
)
from benchmarks.chaos.faults import Fault, table
from benchmarks.chaos.pages import write

FAULTS = {
    module.__name__.rpartition(".")[2]: module
    for module in (rolling_restart, frozen, idle, slow, descriptors, killed, clock, certificates, everything)
}


def main() -> int:
    """Put each fault on servers of its own, print, and write down."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)}; all by default")
    parser.add_argument("--short", action="store_true", help="seconds, and nothing is written")
    arguments = parser.parse_args()
    unknown = set(arguments.faults) - set(FAULTS)
    if unknown:
        parser.error(f"there is no fault {min(unknown)}, there are {', '.join(FAULTS)}")
    found: list[Fault] = []
    for name in arguments.faults or FAULTS:
        print(name, file=sys.stderr)
        with TemporaryDirectory() as folder:
            found += (faults := FAULTS[name].run(Path(folder), short=arguments.short))
        if not arguments.short:
            write(faults)
    print(table(found, short=arguments.short))
    return 0 if all(fault.met(short=arguments.short) for fault in found) else 1


if __name__ == "__main__":
    sys.exit(main())
