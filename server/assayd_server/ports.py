"""The TCP port that calls are taken on: whether it is to be had, and how it is kept for several processes."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from assayd_server.errors import StartError


def address(host: str, port: int) -> str:
    """Both in one, as they are written: "127.0.0.1:50051", "[::1]:50051"."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def check_free(host: str, port: int) -> None:
    """See to it that nobody listens there, not even one who would share the port.

    Raises:
        StartError: the port cannot be had.
    """
    try:
        with socket.create_server((host, port), family=_family(host)):
            pass
    except OSError as error:
        raise _not_to_be_had(host, port, reason(error)) from None


@contextmanager
def kept(host: str, port: int) -> Iterator[int]:
    """A port that nobody listens on, and that only processes which share it can listen on until the end.

    Args:
        host: the address.
        port: 0 takes any free one.

    Yields:
        The port.

    Raises:
        StartError: the port cannot be had.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise StartError("workers: this system has no ports that several processes share (SO_REUSEPORT)")
    check_free(host, port)
    with socket.socket(_family(host), socket.SOCK_STREAM) as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past connections of it that linger
        try:
            keeper.bind((host, port))
        except OSError as error:  # somebody was faster
            raise _not_to_be_had(host, port, reason(error)) from None
        # while no worker listens, a server that does not share its port would else get it
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        yield int(keeper.getsockname()[1])


def reason(error: OSError | RuntimeError) -> str:
    """Why something cannot be listened on, in a few words."""
    number = getattr(error, "errno", None) or 0
    return os.strerror(number) if number > 0 else str(getattr(error, "strerror", None) or "it is taken")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _not_to_be_had(host: str, port: int, why: str) -> StartError:
    return StartError(f"port: cannot listen on {address(host, port)}: {why}")
