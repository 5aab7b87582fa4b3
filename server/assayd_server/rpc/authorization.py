"""Whether a call may be made: told before its message, by its token, or else by its connection's certificate."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from assayd_server.access import AccessList, Roles
from assayd_server.errors import PermissionDeniedError, ServiceError, UnauthenticatedError
from assayd_server.rpc.roles import OPEN, ROLES, sentence
from assayd_server.watched_files import WatchedFiles

Peer: TypeAlias = Callable[[], Mapping[str, Any]]
"""Gives what gRPC knows of the far end of a connection: lists of bytes, as grpc.ServicerContext.auth_context."""

_HEADER, _SCHEME = "authorization", "bearer"
_NAMES = ("x509_common_name", "x509_subject_alternative_name")
"""Of a certificate that was verified, or gRPC would not tell them."""
_NOBODY: Roles = frozenset()


class Authorization:
    """Lets calls in as the access file says; without one, all."""

    def __init__(self, files: WatchedFiles[AccessList] | None) -> None:
        """Begin.

        Args:
            files: the access file; None where there is none.
        """
        self._files = files

    def refusal(
        self, method: str, metadata: Iterable[tuple[str, str | bytes]], peer: Peer | None = None
    ) -> ServiceError | None:
        """Why a call may not be made; None where it may. A token goes before a certificate.

        Args:
            method: such as /assayd.v1.ScoringService/Score.
            metadata: of the call.
            peer: where it is not given and there is no token, certificates are left to be asked for later.
        """
        if self._files is None:
            return None
        allowed = ROLES.get(method, _NOBODY)
        listed = self._files.current
        for key, value in metadata:
            if key == _HEADER:
                held = _of_token(listed, str(value))
                return _wrong(allowed) if held is None else _judged(held, allowed, "token")
        if not listed.certificates:
            return _missing(allowed)
        if peer is None:
            return None
        names = _names(peer())
        held = listed.of_certificate(names)
        if held is None:
            return _unlisted(allowed) if names else _missing(allowed)
        return _judged(held, allowed, "certificate")

    def later_refusal(
        self, method: str, metadata: Iterable[tuple[str, str | bytes]], peer: Peer
    ) -> ServiceError | None:
        """The same of a call that was let in without its peer: a token is not judged again."""
        if self._files is None or any(key == _HEADER for key, _ in metadata):
            return None
        return self.refusal(method, (), peer)


def is_open(method: str) -> bool:
    """Whether a method is one that asks nobody who calls."""
    return method.split("/")[1] in OPEN


def _of_token(listed: AccessList, header: str) -> Roles | None:
    scheme, _, token = header.partition(" ")
    return listed.of_token(token) if token and scheme.lower() == _SCHEME else None


def _names(context: Mapping[str, Any]) -> list[str]:
    return [name.decode(errors="replace") for kind in _NAMES for name in context.get(kind, ())]


def _judged(held: Roles, allowed: Roles, by: str) -> ServiceError | None:
    if held & allowed:
        return None
    return PermissionDeniedError(
        f"this call needs {sentence(allowed)}, which the {by} it came with does not have",
        reason="ROLE_MISSING",
        details=_details(allowed),
    )


def _missing(allowed: Roles) -> ServiceError:
    return UnauthenticatedError(
        f"this call came without credentials; it needs {sentence(allowed)}",
        reason="CREDENTIALS_MISSING",
        details=_details(allowed),
    )


def _wrong(allowed: Roles) -> ServiceError:
    return UnauthenticatedError(
        f"this call came with a token that the server does not know; it needs {sentence(allowed)}",
        reason="TOKEN_UNKNOWN",
        details=_details(allowed),
    )


def _unlisted(allowed: Roles) -> ServiceError:
    return UnauthenticatedError(
        f"this call came with a certificate that the server does not know; it needs {sentence(allowed)}",
        reason="CERTIFICATE_UNKNOWN",
        details=_details(allowed),
    )


def _details(allowed: Roles) -> dict[str, str]:
    return {"roles": ",".join(sorted(allowed))}
