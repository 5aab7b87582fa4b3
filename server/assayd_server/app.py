"""The composition root: puts the parts together, and takes the server through its life."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType

from prometheus_client import CollectorRegistry, make_wsgi_app

from assayd_server import logs, servable, stop_signals
from assayd_server.batching import BatchLimits
from assayd_server.bundle import Bundle, PoolPlace, ReferenceContent, content_of, read_file
from assayd_server.checks import ScoreLimits
from assayd_server.config import Settings
from assayd_server.cpus import usable_cpus
from assayd_server.default_cache import default_cache
from assayd_server.engine import Engine
from assayd_server.gate import Gate
from assayd_server.loading import load_one
from assayd_server.metrics import Metrics
from assayd_server.mirror import Mirror
from assayd_server.model_log import ModelLog
from assayd_server.probes import Probes
from assayd_server.recall_watch import RecallWatch
from assayd_server.reloading import Reloading, ReloadOptions
from assayd_server.repository import Repository
from assayd_server.repository_url import RepositoryUrl
from assayd_server.repository_watch import RepositoryWatch
from assayd_server.rpc.server import RpcServer, ServerOptions
from assayd_server.search_checks import SearchLimits
from assayd_server.servable import Servable

_log = logs.get_logger()


class App:
    """A server in this process: loaded, listening, not yet answering."""

    def __init__(self, settings: Settings) -> None:
        """Bind the probes, so that a long load does not look like a dead server; load the models; bind gRPC.

        Raises:
            StartError: a model cannot be loaded or a port cannot be had.
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
            threads = settings.inference_threads or max(1, usable_cpus() // settings.workers)
            models, self._reloading = load_models(settings, threads=threads)
            self._engine = _engine(settings, models, metrics)
            self._rpc = _rpc_server(settings, self._engine, models, metrics)
        except BaseException:
            self._probes.stop()
            raise
        metrics.describe(version=version("assayd"), threads=_threads(settings, threads))
        metrics.failed_models.set_function(lambda: len(models.failures))
        models.follow(ModelLog())
        self._polls = metrics.polls
        self._watch: RepositoryWatch | None = None

    @property
    def port(self) -> int:
        """The gRPC port that was bound."""
        return self._rpc.port

    @property
    def metrics_port(self) -> int:
        """The HTTP port that was bound."""
        return self._probes.port

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
        self._rpc.stop(self._settings.drain_grace_seconds)
        self._engine.close()
        self._probes.stop()
        _log.info("stopped", seconds=round(time.monotonic() - began, 3))


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain. A second signal skips the drain delay.

    Raises:
        StartError: the server cannot start.
    """
    logs.configure(settings.log_level)
    signals: SimpleQueue[int] = SimpleQueue()  # its put may interrupt its own get, which an Event's set may not

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.put(number)

    stop_signals.handle(on_signal)
    _serve_until_signalled(App(settings), signals)
    stop_signals.handle(stop_signals.IGNORE)  # one that comes while Python ends would else make the exit code -15


def _serve_until_signalled(app: App, signals: SimpleQueue[int]) -> None:
    if not signals.empty():  # while the models were loading: nobody has been told of this server yet
        app.stop()
        return
    app.start()
    signals.get()
    app.drain(wait=partial(_wait_for_another, signals))


def _wait_for_another(signals: SimpleQueue[int], seconds: float) -> None:
    with suppress(Empty):
        signals.get(timeout=seconds)


def load_models(settings: Settings, *, threads: int) -> tuple[Repository, Reloading | None]:
    """The models that the settings name, and what brings them up to date, where they can change.

    Raises:
        ArtefactError: one cannot be loaded.
    """

    def load(bundle: Bundle) -> Servable:
        if settings.pool is not None:
            bundle = replace(bundle, pool=PoolPlace(settings.pool, None))
        if settings.reference is not None:
            content = content_of(settings.reference)
            bundle = replace(bundle, reference=ReferenceContent(settings.reference, content))
        return servable.load(bundle, threads=threads, chosen=settings.choice)

    if settings.model is not None:
        return Repository([load_one(settings.model, read_file, load)]), None
    assert settings.repository is not None  # the settings hold one of the two
    options = ReloadOptions(
        versions_max=settings.versions_max, allow_contract_changes=settings.contract_changes == "allow"
    )
    if isinstance(settings.repository, Path):
        reloading = Reloading(settings.repository, load, options=options)
    else:
        mirror = _mirror(settings, settings.repository)
        reloading = Reloading(
            mirror.root,
            load,
            options=options,
            sync=lambda: mirror.sync(versions_max=settings.versions_max).failures,
            end_sync=mirror.close,
        )
    reloading.begin()
    return reloading.repository, reloading


def _mirror(settings: Settings, url: RepositoryUrl) -> Mirror:
    cache = settings.repository_cache or default_cache()
    return Mirror(url, cache, bytes_max=settings.repository_cache_bytes_max)


def _engine(settings: Settings, models: Repository, metrics: Metrics) -> Engine:
    return Engine(
        models,
        gate=Gate(settings.rows_pending_max),
        batches=BatchLimits(
            rows_max=settings.batch_rows_max,
            rows_enough=settings.batch_rows_enough,
            delay_seconds_max=settings.batch_delay_max_ms / 1000,
        ),
        metrics=metrics,
        limits=ScoreLimits(
            response_bytes_max=settings.message_bytes_max,
            scores_elements_max=settings.scores_elements_max,
            diversity_operations_max=settings.diversity_operations_max,
        ),
        search_limits=SearchLimits(
            neighbors_max=settings.neighbors_max,
            search_operations_max=settings.search_operations_max,
            response_bytes_max=settings.message_bytes_max,
        ),
        recall=RecallWatch(settings.recall_check_share),
    )


def _rpc_server(settings: Settings, engine: Engine, models: Repository, metrics: Metrics) -> RpcServer:
    options = ServerOptions(**{field.name: getattr(settings, field.name) for field in fields(ServerOptions)})
    return RpcServer(engine, metrics, options, model_names=lambda: models.names)


def _threads(settings: Settings, inference: int) -> dict[str, int]:
    return {"inference": inference, "calls": settings.call_threads}
