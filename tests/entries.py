"""Tokens of tests, and access files that let them in."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from assayd_server.access import Role
from assayd_server.tokens import entry
from certificates import replace


def token_for(role: str) -> str:
    """The token of a test that is for one role; "nothing" is one that the server knows and that is for none."""
    return f"test-{sha256(role.encode()).hexdigest()}"


def entries(*roles: str) -> str:
    """What lets the tokens for these roles in."""
    return "\n".join(entry(token_for(role), name=role, roles=_roles(role)) for role in roles)


def write_access(path: Path, text: str) -> Path:
    """Let an access file say something else from one moment to the next."""
    replace(path, text.encode())
    return path


def certificate_entry(name: str, *roles: str) -> str:
    """What lets a certificate with that name in."""
    listed = ", ".join(f'"{role}"' for role in roles)
    return f'[[certificate]]\nname = "{name}"\nroles = [{listed}]\n'


def bearer(token: str) -> list[tuple[str, str]]:
    """The metadata that a token is sent in."""
    return [("authorization", f"Bearer {token}")]


def _roles(role: str) -> Iterable[Role]:
    return () if role == "nothing" else (Role(role),)
