"""The `assayd` command."""

import sys


def main() -> None:
    """Run the command line, or say what to install where only the client is there."""
    try:
        from assayd_server.cli import app
    except ModuleNotFoundError as error:
        sys.exit(
            f'assayd: {error.name} is missing: the server needs more than the client, pip install "assayd[server]"'
        )
    app()


if __name__ == "__main__":
    main()
