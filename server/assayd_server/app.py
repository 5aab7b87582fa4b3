"""The composition root: puts the parts together, and takes the server through its life."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from prometheus_client import CollectorRegistry, make_wsgi_app

from assayd_server import descriptors, heap, logs, stop_signals
from assayd_server.config import Settings
from assayd_server.from_settings import (
    engine_of,
    inference_threads,
    limits_of,
    load_models,
    rpc_server_of,
    security_wanted,
)
from assayd_server.memory import memory_limit_bytes
from assayd_server.memory_return import MemoryReturn
from assayd_server.metrics import Metrics
from assayd_server.model_log import ModelLog
from assayd_server.probes import Probes
from assayd_server.process_end import end_at_once
from assayd_server.repository_watch import RepositoryWatch
from assayd_server.watched_files import FilesWatch

_log = logs.get_logger()


class App:
    """A server in this process: loaded, listening, not yet answering."""

    def __init__(self, settings: Settings) -> None:
        """Bind the probes, so that a long load does not look like a dead server; load the models; bind gRPC.

        Raises:
            StartError: a model or a certificate cannot be loaded, or a port cannot be had.
        """
        self._settings = settings
        registry = CollectorRegistry()
        metrics = Metrics(registry)
        self._probes = Probes(
            host=settings.metrics_host or settings.host,
            port=settings.metrics_port,
            metrics=make_wsgi_app(registry),
        )
        _log.debug("loading", metrics_port=self.metrics_port)
        try:
            security = security_wanted(settings, metrics)  # before models, which take longer
            threads = inference_threads(settings)
            models, self._reloading = load_models(settings, threads=threads)
            self._engine = engine_of(settings, models, metrics)
            self._rpc = rpc_server_of(settings, self._engine, models, metrics, security)
        except BaseException:
            self._probes.stop()
            raise
        metrics.describe(version=version("assayd"), threads={"inference": threads, "calls": settings.call_threads})
        metrics.failed_models.set_function(lambda: len(models.failures))
        models.follow(ModelLog())
        self._polls = metrics.polls
        metrics.limits.set(limits_of(settings), memory_bytes=memory_limit_bytes())
        self._watch: RepositoryWatch | None = None
        self._files = FilesWatch(security.files)
        self._descriptors = descriptors.DescriptorWatch(descriptors.connections_allowed(settings.connections_max))
        self._memory = MemoryReturn(idle=lambda: self._rpc.idle, release=models.release_memory)

    @property
    def port(self) -> int:
        """The gRPC port that was bound."""
        return self._rpc.port

    @property
    def metrics_port(self) -> int:
        """The HTTP port that was bound."""
        return self._probes.port

    @property
    def is_loading(self) -> bool:
        """Once it is stopped: whether a model is still on its way, which ends with the process alone."""
        return self._watch is not None and self._watch.is_polling

    def start(self) -> None:
        """Answer calls."""
        self._rpc.start()
        self._probes.ready = True
        if self._reloading is not None and self._settings.repository_poll_seconds:
            seconds = self._settings.repository_poll_seconds
            self._watch = RepositoryWatch(self._reloading, seconds=seconds, polls=self._polls)
        place = {} if self._settings.uds is None else {"uds": str(self._settings.uds)}
        _log.info("serving", host=self._settings.host, port=self.port, metrics_port=self.metrics_port, **place)

    def drain(self, *, wait: Callable[[float], None] = time.sleep) -> None:
        """Say NOT_SERVING, go on for the drain delay, then stop.

        Args:
            wait: lets the delay, in seconds, pass; it may come back earlier.
        """
        self._probes.ready = False
        self._rpc.announce_end()
        _log.info("draining", delay_seconds=self._settings.drain_delay_seconds)
        wait(self._settings.drain_delay_seconds)
        self.stop()

    def stop(self) -> None:
        """Finish what was accepted, within the drain grace, and answer no more."""
        began = time.monotonic()
        if self._watch is not None:
            self._watch.stop()
        if self._reloading is not None:
            self._reloading.close()
        self._files.stop()
        self._memory.stop()
        self._descriptors.stop()
        self._rpc.stop(self._settings.drain_grace_seconds)
        self._engine.close()
        self._probes.stop()
        _log.info("stopped", seconds=round(time.monotonic() - began, 3))


def _nothing() -> None:
    pass


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal skips the drain delay.

    Raises:
        StartError: the server cannot start.
    """
    logs.configure(settings.log_level)
    heap.share_heaps()
    descriptors.raise_limit()
    signals: SimpleQueue[int] = SimpleQueue()  # its put may interrupt its own get, which an Event's set may not

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    stop_signals.handle(on_signal)
    app = App(settings)
    serve_until_asked(app, signals)
    stop_signals.handle(stop_signals.IGNORE)  # one that comes while Python ends would else make the exit code -15
    if app.is_loading:
        end_at_once()


def serve_until_asked(app: App, asked: SimpleQueue[Any], *, on_start: Callable[[], None] = _nothing) -> None:
    """Serve until something comes that asks for an end, then drain; a second one skips the drain delay.

    Args:
        app: is loaded.
        asked: what asks for an end.
        on_start: is called once calls are answered.
    """
    if not asked.empty():  # while the models were loading: nobody has been told of this server yet
        app.stop()
        return
    app.start()
    heap.leave_in_place()
    on_start()
    asked.get()
    app.drain(wait=partial(_wait_for_another, asked))


def _wait_for_another(asked: SimpleQueue[Any], seconds: float) -> None:
    with suppress(Empty):
        asked.get(timeout=seconds)
