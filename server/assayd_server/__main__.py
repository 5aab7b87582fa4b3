"""The `assayd` command."""

import os
import sys

from assayd_server.cpus import usable_cpus


def main() -> None:
    """Run the command line, or say what to install where only the client is there."""
    for sized_from_the_host in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # NumPy and Faiss
        os.environ.setdefault(sized_from_the_host, str(usable_cpus()))
    try:
        from assayd_server.cli import app
    except ModuleNotFoundError as error:
        sys.exit(
            f'assayd: {error.name} is missing: the server needs more than the client, pip install "assayd[server]"'
        )
    app()


if __name__ == "__main__":
    main()
