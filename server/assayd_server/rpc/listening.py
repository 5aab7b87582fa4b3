"""Where the server listens: a port, and a Unix domain socket beside it for callers on the same machine."""

import os
import socket
import stat
from pathlib import Path

import grpc

from assayd_server import ports
from assayd_server.errors import StartError

SOCKET_PATH_BYTES_MAX = 107
"""Of Linux's sockaddr_un, without the byte that ends it."""


def bound_port(
    server: grpc.Server, host: str, port: int, *, shared: bool, credentials: grpc.ServerCredentials | None
) -> int:
    """Listen on a port, and say which.

    Args:
        server: not yet started.
        host: the address.
        port: 0 takes any free one.
        shared: whether other processes of this server listen there too, for which somebody keeps the port.
        credentials: for TLS; None for clear text.

    Raises:
        StartError: it cannot be had.
    """
    if not shared:  # gRPC would write lines of its own about a port that cannot be had
        ports.check_free(host, port)
    address = ports.address(host, port)
    try:
        if credentials is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, credentials)
    except RuntimeError as error:  # somebody was faster than gRPC
        hint = "" if credentials is None else ", or gRPC cannot use tls_certificate, tls_key or tls_client_ca"
        raise StartError(f"port: cannot listen on {address}: {ports.reason(error)}{hint}") from None


def bind_socket(server: grpc.Server, path: Path) -> None:
    """Listen on a Unix domain socket too; one that was left behind is replaced. Its folder says who may connect.

    It is never encrypted, as what passes through it leaves no machine. Tokens count as on the port.

    Raises:
        StartError: it cannot be had.
    """
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX:
        raise StartError(f"uds: {path} is too long, a socket's path has at most {SOCKET_PATH_BYTES_MAX} bytes")
    try:
        _check_free(path)
        server.add_insecure_port(f"unix:{path}")
    except (OSError, RuntimeError) as error:
        raise StartError(f"uds: cannot listen on {path}: {ports.reason(error)}") from None


def _check_free(path: Path) -> None:
    """See to it that gRPC, which removes what lies there, removes nothing but a socket that nobody listens on."""
    if not path.parent.is_dir():
        raise StartError(f"uds: there is no folder {path.parent}")
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise StartError(f"uds: {path} is there already, and no socket")
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise StartError(f"uds: a server listens on {path} already")
