"""A bare grpc.server that answers with so many zero bytes: what any server of grpc-python can reach at most.

    python -m benchmarks.serving.echo_server PORT SOCKET

A call of /echo/1234 is answered with 1234 bytes. Four threads, with which it is fastest.
"""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from benchmarks.serving.exchanges import Exchange, Zeros

THREADS = 4
_PREFIX = "/echo/"
_OPTIONS = (("grpc.max_receive_message_length", 64 * 2**20), ("grpc.max_concurrent_streams", 1024))


class Echo(grpc.GenericRpcHandler):
    """Raw bytes in and out, with neither parsing nor locks."""

    def __init__(self) -> None:
        self._handlers: dict[str, Any] = {}

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a method, made once."""
        method = handler_call_details.method
        if method not in self._handlers:
            answer = bytes(int(method.removeprefix(_PREFIX)))
            self._handlers[method] = grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)
        return self._handlers[method]


def exchange(request: bytes, response: bytes) -> Exchange:
    """The same bytes in, and as many out."""
    return Exchange(f"{_PREFIX}{len(response)}", request, Zeros(len(response)))


def main() -> None:
    """Serve until the end."""
    port, socket = sys.argv[1:]
    server = grpc.server(ThreadPoolExecutor(THREADS), [Echo()], options=_OPTIONS)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    server.stop(0)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])  # before threads, which inherit it
    main()
