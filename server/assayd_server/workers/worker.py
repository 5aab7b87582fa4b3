"""One worker: what its process runs. Its parent starts it, and tells it when to end.

It is the server of one process, on a port that it shares. The signals that ask for an end do not reach it: they
often come to all processes of a group at once, and its parent's order would then count as the second signal.
"""

import sys
import threading
from multiprocessing.connection import Connection
from queue import SimpleQueue

from assayd_server import descriptors, heap, logs
from assayd_server.app import App, serve_until_asked
from assayd_server.config import Settings
from assayd_server.errors import StartError
from assayd_server.process_end import end_at_once
from assayd_server.workers.messages import DRAIN, CannotStart, Serving, receive, send

_log = logs.get_logger()


def main(number: int, descriptor: int) -> int:
    """Serve until the parent says otherwise, or is gone.

    Args:
        number: which of the workers this is.
        descriptor: of the pipe to the parent.

    Returns:
        The exit code.
    """
    parent = Connection(descriptor)
    settings = receive(parent)
    if not isinstance(settings, Settings):  # the parent was gone before it said anything
        return 1
    logs.configure(settings.log_level, worker=str(number))
    heap.share_heaps()
    descriptors.raise_limit()
    orders: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(parent, orders), name="orders", daemon=True).start()
    try:
        app = App(settings)
    except StartError as error:
        send(parent, CannotStart(sentence=str(error)))
        return 1
    serve_until_asked(app, orders, on_start=lambda: send(parent, Serving(metrics_port=app.metrics_port)))
    if app.is_loading:
        end_at_once()
    return 0


def _listen(parent: Connection, orders: SimpleQueue[str]) -> None:
    """Pass on what the parent orders; without a parent there is nothing left but to end."""
    while receive(parent) == DRAIN:
        orders.put(DRAIN)
    _log.error("the parent is gone")
    orders.put(DRAIN)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
