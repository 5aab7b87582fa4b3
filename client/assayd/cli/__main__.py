"""The `assayctl` command."""

import sys


def main() -> None:
    """Run the command line, or say what to install where only the client is there."""
    try:
        from assayd.cli.app import app
    except ModuleNotFoundError as error:
        sys.exit(f'assayctl: {error.name} is missing: the command line needs more, pip install "assayd[cli]"')
    except KeyboardInterrupt:  # as early as that, nobody has begun anything
        sys.exit(130)
    app()


if __name__ == "__main__":
    main()
