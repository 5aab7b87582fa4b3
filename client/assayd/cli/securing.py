"""How connections are secured: flags that every command has, and what they come to."""

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any

import typer

from assayd import Tls

_FLAGS: dict[str, Any] = {
    "tls_ca": Annotated[
        Path | None,
        typer.Option(
            "--tls-ca",
            envvar="ASSAYCTL_TLS_CA",
            metavar="FILE",
            help="Encrypt; the server's certificate comes from an authority in this PEM file.",
        ),
    ],
    "tls_certificate": Annotated[
        Path | None,
        typer.Option(
            "--tls-certificate",
            envvar="ASSAYCTL_TLS_CERTIFICATE",
            metavar="FILE",
            help="With --tls-ca: your own certificate, in PEM, for a server that asks for one.",
        ),
    ],
    "tls_key": Annotated[
        Path | None,
        typer.Option(
            "--tls-key",
            envvar="ASSAYCTL_TLS_KEY",
            metavar="FILE",
            help="With --tls-certificate: its private key, in PEM.",
        ),
    ],
    "token_file": Annotated[
        Path | None,
        typer.Option(
            "--token-file", envvar="ASSAYCTL_TOKEN_FILE", metavar="FILE", help="Holds the token to call with."
        ),
    ],
    "insecure": Annotated[
        bool, typer.Option("--insecure", help="Send the token in clear text even to another machine.")
    ],
}
_given: ContextVar[dict[str, Any] | None] = ContextVar("security", default=None)


def secured(command: Callable[..., None]) -> Callable[..., None]:
    """The command with these flags too; what it opens while it runs is secured as they say."""

    @functools.wraps(command)
    def run(**arguments: Any) -> None:
        token = _given.set({name: arguments.pop(name) for name in _FLAGS})
        try:
            command(**arguments)
        finally:
            _given.reset(token)

    own = inspect.signature(command)
    defaults = {name: False if name == "insecure" else None for name in _FLAGS}
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=kind)
        for name, kind in _FLAGS.items()
    ]
    shown: Any = run
    shown.__signature__ = own.replace(parameters=[*own.parameters.values(), *added])
    shown.__annotations__ = {**command.__annotations__, **_FLAGS}
    return run


def security() -> dict[str, Any]:
    """The arguments of Client that the flags of the running command come to.

    Raises:
        InvalidArgumentError: they do not go together.
    """
    given = _given.get() or dict.fromkeys(_FLAGS)
    files = {name: given[f"tls_{name}"] for name in ("ca", "certificate", "key")}
    return {
        "tls": Tls(**files) if any(files.values()) else None,
        "token": given["token_file"],
        "insecure": bool(given["insecure"]),
    }
