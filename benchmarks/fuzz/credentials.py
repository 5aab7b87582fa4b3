"""Who calls: with a token that opens a method, with one that opens others alone, or with none that is known."""

import random
from collections.abc import Mapping
from hashlib import sha256

from assayd_server.access import Role, Roles
from assayd_server.rpc.roles import ROLES
from assayd_server.tokens import entry

REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED")
MARK = "fuzz-secret-"
"""What all tokens begin with, which no log may show."""
HOLDERS: Mapping[str, Roles] = {role.value: frozenset({role}) for role in Role} | {"nothing": frozenset()}
_KNOWN_SHARE = 0.7
Metadata = tuple[tuple[str, str | bytes], ...]


def token_of(holder: str) -> str:
    """The token of one of the holders."""
    return MARK + sha256(holder.encode()).hexdigest()


def access_file() -> str:
    """What lets the holders in."""
    return "\n".join(entry(token_of(holder), name=holder, roles=roles) for holder, roles in HOLDERS.items())


def opening(path: str) -> Metadata:
    """What a method is open to; nothing where everybody may call it."""
    holders = [holder for holder, roles in HOLDERS.items() if roles & ROLES.get(path, frozenset())]
    return (("authorization", f"Bearer {token_of(holders[0])}"),) if holders else ()


def chosen(rng: random.Random, path: str) -> tuple[Metadata, str]:
    """What a call comes with, and the status by which it is refused; empty where it must not be.

    Args:
        rng: decides.
        path: of a method.
    """
    holder = rng.choice(list(HOLDERS))
    if rng.random() < _KNOWN_SHARE:
        metadata: Metadata = (("authorization", f"Bearer {token_of(holder)}"),)
        refusal = "" if HOLDERS[holder] & ROLES.get(path, frozenset()) else "PERMISSION_DENIED"
    else:
        metadata = rng.choice(_unknown(token_of(holder)))
        refusal = "UNAUTHENTICATED"
    return metadata, refusal if path in ROLES else ""


def _unknown(token: str) -> tuple[Metadata, ...]:
    """None at all, and such as are nearly right."""
    headers = (
        "",
        "Bearer",
        "Bearer ",
        token,
        f"Basic {token}",
        f"Bearer {token[:-1]}",
        f"Bearer {token}0",
        f"Bearer {token.upper()}",
        f"Bearer  {token}",
        f"Bearer {sha256(token.encode()).hexdigest()}",
        "Bearer " + "A" * 6000,
        "Bearer \\0\\r\\n%00{}${x}",
    )
    bearer = ("authorization", f"Bearer {token}")
    return (
        (),
        (("authorization-bin", bearer[1].encode()),),
        (("x-authorization", bearer[1]),),
        (("authorization", "Bearer nobody"), bearer),  # the first counts
        *((("authorization", header),) for header in headers),
    )
