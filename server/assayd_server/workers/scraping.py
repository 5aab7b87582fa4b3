"""Asks workers for their metrics, all at once and not for long."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from http.client import HTTPConnection, HTTPException

LOOPBACK = "127.0.0.1"
_ANSWER_SECONDS_MAX = 1.0
"""For all of them together. Prometheus gives up after 10 s by default, and some people set less."""
_THREADS_MAX = 32


class Scraper:
    """Over HTTP, on this machine's own address."""

    def __init__(self, on_unanswered: Callable[[str], None]) -> None:
        """Nobody is asked yet.

        Args:
            on_unanswered: hears which worker did not answer in time.
        """
        self._on_unanswered = on_unanswered
        self._threads = ThreadPoolExecutor(_THREADS_MAX, thread_name_prefix="scrape")

    def pages(self, ports: Mapping[int, int]) -> dict[str, str]:
        """The metrics of the workers that answer, by their number as it is written.

        Args:
            ports: the metrics port of each worker.
        """
        asked = {str(worker): self._threads.submit(_page, port) for worker, port in sorted(ports.items())}
        answered, _ = wait(asked.values(), timeout=_ANSWER_SECONDS_MAX)
        pages = {worker: page.result() for worker, page in asked.items() if page in answered}
        for worker in asked:
            if not pages.get(worker):
                self._on_unanswered(worker)
        return {worker: page for worker, page in pages.items() if page}

    def close(self) -> None:
        """Ask no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _page(port: int) -> str | None:
    try:
        with closing(HTTPConnection(LOOPBACK, port, timeout=_ANSWER_SECONDS_MAX)) as connection:
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            text = response.read().decode()
    except (OSError, HTTPException):
        return None
    return text if response.status == 200 else None
