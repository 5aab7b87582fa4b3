"""The `assayd` command."""

import os
import sys

from assayd_server.cpus import LIBRARY_THREADS, usable_cpus


def main() -> None:
    """Run the command line, or say what to install where only the client is there."""
    for variable in LIBRARY_THREADS:
        os.environ.setdefault(variable, str(usable_cpus()))
    os.environ.setdefault(
        "GRPC_VERBOSITY", "NONE"
    )  # else strangers write to the log: failed handshakes, odd headers
    try:
        from assayd_server.cli import app
    except ModuleNotFoundError as error:
        sys.exit(
            f'assayd: {error.name} is missing: the server needs more than the client, pip install "assayd[server]"'
        )
    app()


if __name__ == "__main__":
    main()
