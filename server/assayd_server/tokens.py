"""New tokens, and what the access file says of them."""

import os
import re
import secrets
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from assayd_server.access import Role
from assayd_server.errors import StartError

PREFIX = "assayd_"
"""So that those who look for secrets in the wrong places know one when they see it."""
_RANDOM_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9 ._@:/+-]{1,128}")


def new_token() -> str:
    """A token that nobody can guess."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def keep(token: str, path: Path) -> None:
    """Write a token to a new file that its owner alone may read.

    Raises:
        StartError: the file is there already, or cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{token}\n")
    except FileExistsError:
        raise StartError(f"--token-file: {path} is there already") from None
    except OSError as error:
        raise StartError(f"--token-file: {path} cannot be written: {error.strerror}") from None


def entry(token: str, *, name: str, roles: Iterable[Role]) -> str:
    """The lines of TOML that let a token in.

    Raises:
        StartError: the name cannot be written so.
    """
    if not _NAME.fullmatch(name):
        raise StartError("--name: may have letters, digits, spaces and ._@:/+-, 128 at most")
    listed = ", ".join(f'"{role.value}"' for role in roles)
    digest = sha256(token.encode()).hexdigest()
    return f'[[token]]\nname = "{name}"\nsha256 = "{digest}"\nroles = [{listed}]\n'
