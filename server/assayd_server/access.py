"""Who may do what: tokens and client certificates, each with its roles, as the access file has them.

The file holds no token, only the SHA-256 of each. Tokens are long and random (assayd token makes them), so a
hash that is made quickly gives none away.
"""

import hmac
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from assayd_server.errors import StartError

ENTRIES_MAX = 1024
"""Each token that is not known is compared with all."""


class Role(StrEnum):
    """What the calls are for that somebody may make."""

    SCORE = "score"
    """Of production: what rows are, and what is like them."""
    MONITOR = "monitor"
    """Of operations: what is served, and whether data have drifted."""
    LABEL = "label"
    """Of labelling: which rows are worth a label, and the pool that they are chosen from."""


Roles: TypeAlias = frozenset[Role]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    roles: frozenset[Role]
    """May be empty: then the caller is known and may do nothing."""


class _Token(_Entry):
    name: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    """For people; several may have the same, as while one follows another."""
    sha256: Annotated[str, StringConstraints(to_lower=True, pattern=r"^[0-9a-fA-F]{64}$")]
    """Of the token, in hexadecimal digits."""


class _Certificate(_Entry):
    name: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    """The common name, or one of the alternative names (DNS, URI, IP, e-mail)."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token: Annotated[tuple[_Token, ...], Field(max_length=ENTRIES_MAX)] = ()
    certificate: Annotated[tuple[_Certificate, ...], Field(max_length=ENTRIES_MAX)] = ()


@dataclass(frozen=True, slots=True)
class AccessList:
    """What one state of the access file says. Its representation shows no hash."""

    tokens: tuple[tuple[bytes, Roles], ...] = field(repr=False)
    """SHA-256 of each token, and what it is for."""
    certificates: Mapping[str, Roles]
    """By a name in the certificate."""
    _met: dict[bytes, Roles] = field(default_factory=dict, repr=False, compare=False)
    """The tokens that calls have come with, so that each is looked for once; no more than there are."""

    def of_token(self, token: str) -> Roles | None:
        """What a token is for; None where it is none of the list, which takes as long for every one."""
        digest = sha256(token.encode()).digest()
        roles = self._met.get(digest)
        if roles is None:
            for known, granted in self.tokens:
                if hmac.compare_digest(known, digest):
                    roles = granted
            if roles is not None:
                self._met[digest] = roles
        return roles

    def of_certificate(self, names: Iterable[str]) -> Roles | None:
        """What a certificate with these names is for, all of its entries together; None where it has none."""
        found = [self.certificates[name] for name in names if name in self.certificates]
        return frozenset().union(*found) if found else None


def parsed(text: bytes, *, with_certificates: bool) -> AccessList:
    """What an access file says.

    Args:
        text: of the file.
        with_certificates: whether clients are asked for certificates, without which entries for them are in vain.

    Raises:
        StartError: it cannot be used; the sentence says where it is wrong, and repeats nothing of it.
    """
    file = _file(text)
    if not file.token and not file.certificate:  # as a file is that is just being written
        raise StartError("has neither a [[token]] nor a [[certificate]], so nobody could make a call")
    if file.certificate and not with_certificates:
        raise StartError("certificate: clients are asked for certificates only with tls_client_ca")
    tokens = tuple((bytes.fromhex(each.sha256), each.roles) for each in file.token)
    _check_once("token", [digest for digest, _ in tokens], "sha256")
    _check_once("certificate", [each.name for each in file.certificate], "name")
    return AccessList(tokens, {each.name: each.roles for each in file.certificate})


def _file(text: bytes) -> _File:
    try:
        return _File.model_validate(tomllib.loads(text.decode()))
    except UnicodeDecodeError:
        raise StartError("is not TOML: it is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise StartError(f"is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise StartError(f"{_place(first['loc'])}: {first['msg']}") from None


def _place(location: tuple[int | str, ...]) -> str:
    """Such as "token 2, sha256"."""
    parts = [str(part + 1) if isinstance(part, int) else part for part in location[:3]]
    return ", ".join([" ".join(parts[:2]), *parts[2:]])


def _check_once(kind: str, keys: Iterable[bytes | str], what: str) -> None:
    first: dict[bytes | str, int] = {}
    for number, key in enumerate(keys, start=1):
        if key in first:
            raise StartError(f"{kind} {number}, {what}: is that of {kind} {first[key]} too")
        first[key] = number
