"""A DNS server that knows one name: what a headless Service is to the clients of a cluster."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from live_fleet.network import GATEWAY

NAME = "assayd-headless.scoring.svc"
_A, _INTERNET = 1, 1
_AUTHORITATIVE_ANSWER = 0x8580
_HEADER = struct.Struct("!HHHHHH")
_POINTER_TO_THE_QUESTION = 0xC00C
_MESSAGE_BYTES_MAX = 4096


class Names:
    """The addresses behind the name; answers are not to be kept (a time to live of 0)."""

    def __init__(self, server: socket.socket) -> None:
        self._server = server
        self._addresses: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """What a gRPC client is told: to ask this server for the name."""
        host, port = self._server.getsockname()
        return f"dns://{host}:{port}/{NAME}:50051"

    def publish(self, *addresses: str) -> None:
        """From now on these, and no others."""
        self._addresses = addresses

    def answer_all(self) -> None:
        """Until an empty message comes."""
        while True:
            message, client = self._server.recvfrom(_MESSAGE_BYTES_MAX)
            if not message:
                return
            self._server.sendto(self._answer(message), client)

    def _answer(self, message: bytes) -> bytes:
        question = message[_HEADER.size : message.index(b"\0", _HEADER.size) + 5]
        (kind,) = struct.unpack("!H", question[-4:-2])
        addresses = self._addresses if kind == _A else ()
        number = _HEADER.unpack_from(message)[0]
        header = _HEADER.pack(number, _AUTHORITATIVE_ANSWER, 1, len(addresses), 0, 0)
        return header + question + b"".join(map(_record, addresses))


def _record(address: str) -> bytes:
    meta = struct.pack("!HHHIH", _POINTER_TO_THE_QUESTION, _A, _INTERNET, 0, 4)
    return meta + socket.inet_aton(address)


@contextmanager
def names() -> Iterator[Names]:
    """A server on a free port of this machine's side of the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((GATEWAY, 0))
        answering = Names(server)
        thread = threading.Thread(target=answering.answer_all)
        thread.start()
        try:
            yield answering
        finally:
            server.sendto(b"", server.getsockname())
            thread.join()
