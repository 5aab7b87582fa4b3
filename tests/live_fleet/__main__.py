"""A fleet on this machine: python -m live_fleet [--short] [PART ...], with tests and . on the path: make fleet.

Replicas run in network namespaces with addresses of their own, behind a DNS name that the client resolves. It
takes root, and Debian's Prometheus and Alertmanager. It prints what is asked and what was reached, and ends with 1
where a line is not met; --short takes a minute, and judges no times.
"""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.soak.lines import Line, all_met, table
from benchmarks.soak.models import identity

from live_fleet import alerting, cutting, rolling, scaling
from live_fleet.names import names
from live_fleet.network import network, why_not

PARTS = {module.__name__.rpartition(".")[2]: module for module in (scaling, rolling, cutting, alerting)}


def main() -> int:
    """Run the parts and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--short", action="store_true", help="a minute, and times are not judged")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part {min(unknown)}, there are {', '.join(PARTS)}")
    if reason := why_not():
        parser.exit(1, f"{reason}\n")
    lines: list[Line] = []
    for name in arguments.parts or PARTS:
        print(name, file=sys.stderr)
        with network() as hosts, names() as known, TemporaryDirectory() as folder:
            model = Path(folder) / "m.onnx"
            model.write_bytes(identity())
            lines += PARTS[name].run(hosts, known, Path(folder), model, short=arguments.short)
    print(table(lines, short=arguments.short))
    return 0 if all_met(lines, short=arguments.short) else 1


if __name__ == "__main__":
    sys.exit(main())
