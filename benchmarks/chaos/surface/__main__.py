"""Run it: python -m benchmarks.chaos.surface [--seed SEED] [--seconds SECONDS]."""

import argparse
import secrets
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.chaos.surface.running import run


def main() -> int:
    """Print the seed first, and what was done at the end."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31), help="of everything; by chance")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it goes on")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        counts = run(Path(folder), seed=arguments.seed, seconds=arguments.seconds)
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
