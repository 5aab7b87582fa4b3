"""What /metrics shows of several workers: the parent's own metrics, and those of each worker with its number."""

import gzip
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics, generate_latest
from prometheus_client.process_collector import ProcessCollector

from assayd_server.workers.exposition import CONTENT_TYPE, merged
from assayd_server.workers.scraping import Scraper

disable_created_metrics()  # type: ignore[no-untyped-call]  # as those of a worker


class WorkersMetrics:
    """The metrics of the parent, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry, count: int) -> None:
        """Declare them.

        Args:
            registry: what they are in.
            count: of workers.
        """
        self._registry = registry
        ProcessCollector(registry=registry)
        configured = Gauge("assayd_workers", "Worker processes that there should be.", registry=registry)
        configured.set(count)
        self.alive = Gauge("assayd_workers_alive", "Worker processes that take calls.", registry=registry)
        self.restarts = Counter(
            "assayd_worker_restarts",
            "Starts of a worker process in the place of one that died.",
            ("worker",),
            registry=registry,
        )
        self.unanswered = Counter(
            "assayd_worker_unanswered_scrapes",
            "Scrapes that lack a worker because it did not show its metrics in time.",
            ("worker",),
            registry=registry,
        )
        for number in range(count):  # every series is there from the start
            self.restarts.labels(str(number))
            self.unanswered.labels(str(number))

    def text(self) -> str:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry).decode()


class MetricsPage:
    """The page as a WSGI application."""

    def __init__(self, metrics: WorkersMetrics, ports: Callable[[], Mapping[int, int]]) -> None:
        """Show them.

        Args:
            metrics: of the parent.
            ports: tells the metrics port of each worker that takes calls.
        """
        self._metrics = metrics
        self._ports = ports
        self._scraper = Scraper(lambda worker: metrics.unanswered.labels(worker).inc())

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a scrape."""
        pages = self._scraper.pages(self._ports())  # before our own, which count what is missing
        body = merged(self._metrics.text(), pages).encode()
        headers = [("Content-Type", CONTENT_TYPE)]
        if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            body = gzip.compress(body, compresslevel=1)
            headers.append(("Content-Encoding", "gzip"))
        start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def close(self) -> None:
        """Ask the workers no more."""
        self._scraper.close()
