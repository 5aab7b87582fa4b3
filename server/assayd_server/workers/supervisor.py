"""The parent of several workers: it takes no calls itself, but keeps the port, the workers and their metrics."""

import time
from queue import Empty, SimpleQueue
from types import FrameType

from prometheus_client import CollectorRegistry

from assayd_server import logs, ports, stop_signals
from assayd_server.config import Settings
from assayd_server.errors import StartError
from assayd_server.probes import Probes
from assayd_server.workers.events import Down, Ended, Event, NeverUp, StopAsked, Up
from assayd_server.workers.keeper import Keeper
from assayd_server.workers.metrics import MetricsPage, WorkersMetrics
from assayd_server.workers.scraping import LOOPBACK

MARGIN_SECONDS = 3.0
"""What a worker gets beyond its drain delay and grace, to end a computation, before it is killed."""

_log = logs.get_logger()


def run(settings: Settings) -> None:
    """Serve by several workers until SIGTERM or SIGINT, then drain. A second signal skips the drain delay.

    Raises:
        StartError: the port cannot be had, or a worker cannot start.
    """
    logs.configure(settings.log_level)
    events: SimpleQueue[Event] = SimpleQueue()  # a signal's put may interrupt another one

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        events.put(StopAsked())

    stop_signals.handle(on_signal)
    with ports.kept(settings.host, settings.port) as port:
        supervisor = Supervisor(settings, port, events)
        try:
            supervisor.serve()
        finally:
            supervisor.close()
    stop_signals.handle(stop_signals.IGNORE)  # one that comes while Python ends would else make the exit code -15


class Supervisor:
    """Starts the workers, hears what happens to them, and ends them."""

    def __init__(self, settings: Settings, port: int, events: SimpleQueue[Event]) -> None:
        """Bind the probes; no worker is started yet.

        Args:
            settings: of the server.
            port: the one that the workers share.
            events: what happens, the signals that ask for an end among it.

        Raises:
            StartError: the metrics port cannot be had.
        """
        self._settings = settings
        self._port = port
        self._events = events
        self._metrics_ports: dict[int, int] = {}
        """Of the workers that take calls."""
        self._ended: set[int] = set()
        self._metrics = WorkersMetrics(CollectorRegistry(), settings.workers)
        self._page = MetricsPage(self._metrics, self._metrics_ports.copy)
        self._probes = Probes(
            host=settings.metrics_host or settings.host, port=settings.metrics_port, metrics=self._page
        )
        self._keepers = [self._keeper(number) for number in range(settings.workers)]

    def serve(self) -> None:
        """Start the workers, and keep them until a signal asks for their end.

        Raises:
            StartError: one of them cannot start.
        """
        for keeper in self._keepers:
            keeper.start()
        if self._wait_until_all_serve():
            self._probes.ready = True
            _log.info(
                "serving",
                host=self._settings.host,
                port=self._port,
                metrics_port=self._probes.port,
                workers=self._settings.workers,
            )
            while not isinstance(self._next(), StopAsked | Ended):  # ended by itself: the log has a trace
                self._probes.ready = bool(self._metrics_ports)  # while one restarts, the others take all calls
        self._drain()

    def close(self) -> None:
        """End what still runs."""
        self._kill_keepers()
        for keeper in self._keepers:
            if keeper.ident is not None:  # it was started
                keeper.join(MARGIN_SECONDS)
        self._probes.stop()
        self._page.close()

    def _keeper(self, number: int) -> Keeper:
        of_worker = {"port": self._port, "metrics_host": LOOPBACK, "metrics_port": 0}
        return Keeper(
            number,
            self._settings.model_copy(update=of_worker),
            tell=self._events.put,
            on_restart=self._metrics.restarts.labels(str(number)).inc,
        )

    def _wait_until_all_serve(self) -> bool:
        """False where a signal came before."""
        while len(self._metrics_ports) < self._settings.workers:
            event = self._next()
            if isinstance(event, NeverUp):
                raise StartError(event.sentence)
            if isinstance(event, StopAsked | Ended):
                return False
        return True

    def _drain(self) -> None:
        """End the workers as one server would end; kill those that outlive their time."""
        began = time.monotonic()
        self._probes.ready = False
        _log.info("draining", delay_seconds=self._settings.drain_delay_seconds)
        deadline = began + self._settings.drain_delay_seconds + self._stop_keepers()
        while len(self._ended) < len(self._keepers):
            event = self._next(deadline)
            if isinstance(event, StopAsked):
                deadline = time.monotonic() + self._stop_keepers()
            elif event is None:
                _log.error("workers killed", reason="they did not end in time")
                deadline = time.monotonic() + self._kill_keepers()
        _log.info("stopped", seconds=round(time.monotonic() - began, 3))

    def _stop_keepers(self) -> float:
        """Have all workers finish, and say how many seconds that may take."""
        for keeper in self._keepers:
            keeper.stop()
        return self._settings.drain_grace_seconds + MARGIN_SECONDS

    def _kill_keepers(self) -> float:
        for keeper in self._keepers:
            keeper.kill()
        return MARGIN_SECONDS

    def _next(self, deadline: float | None = None) -> Event | None:
        """What happens next, once it is taken down; None where nothing does before the deadline."""
        timeout = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            event = self._events.get(timeout=timeout)
        except Empty:
            return None
        if isinstance(event, Up):
            self._metrics_ports[event.number] = event.metrics_port
        elif isinstance(event, Down):
            self._metrics_ports.pop(event.number, None)
        elif isinstance(event, Ended):
            self._ended.add(event.number)
        self._metrics.alive.set(len(self._metrics_ports))
        return event
