"""The parts of a server, as the settings have them."""

from dataclasses import fields, replace
from pathlib import Path

from assayd_server import servable
from assayd_server.batching import BatchLimits
from assayd_server.bundle import Bundle, PoolPlace, ReferenceContent, content_of, read_file
from assayd_server.checks import ScoreLimits
from assayd_server.config import Settings
from assayd_server.cpus import usable_cpus
from assayd_server.default_cache import default_cache
from assayd_server.engine import Engine
from assayd_server.errors import StartError
from assayd_server.gate import Gate
from assayd_server.loading import load_one
from assayd_server.metrics import Metrics
from assayd_server.mirror import Mirror
from assayd_server.recall_watch import RecallWatch
from assayd_server.reloading import Reloading, ReloadOptions
from assayd_server.repository import Repository
from assayd_server.repository_url import RepositoryUrl
from assayd_server.rpc.options import ServerOptions
from assayd_server.rpc.outcomes import Tracing
from assayd_server.rpc.server import RpcServer
from assayd_server.search_checks import SearchLimits
from assayd_server.security import Security, security_of
from assayd_server.servable import Servable

_LIMITS = (
    "rows_pending_max",
    "batch_rows_max",
    "request_bytes_pending_max",
    "unread_bytes_max",
    "message_bytes_max",
    "call_threads",
    "calls_waiting_max",
    "streams_max",
)


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


def engine_of(settings: Settings, models: Repository, metrics: Metrics) -> Engine:
    """The use cases, within their limits."""
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


def security_wanted(settings: Settings, metrics: Metrics) -> Security:
    """What callers are let in by.

    Raises:
        StartError: a file of it cannot be used.
    """
    return security_of(settings.tls, settings.access, metrics.credentials)


def rpc_server_of(
    settings: Settings, engine: Engine, models: Repository, metrics: Metrics, security: Security
) -> RpcServer:
    """The gRPC server, bound.

    Raises:
        StartError: a port cannot be had, or what makes spans is not installed.
    """
    options = ServerOptions(**{field.name: getattr(settings, field.name) for field in fields(ServerOptions)})
    return RpcServer(
        engine, metrics, options, security=security, model_names=lambda: models.names, tracing=_tracing(settings)
    )


def _tracing(settings: Settings) -> Tracing | None:
    """What makes spans, where they are wanted; nothing of it is imported where they are not."""
    if settings.traces == "off":
        return None
    try:
        from assayd_server.rpc.tracing import by_otlp
    except ImportError as error:
        raise StartError(f'traces: {error.name} is not installed: pip install "assayd[server,otel]"') from None
    return by_otlp()


def inference_threads(settings: Settings) -> int:
    """How many threads one forward pass has: the CPUs that the container may use, shared by the workers."""
    return settings.inference_threads or max(1, usable_cpus() // settings.workers)


def limits_of(settings: Settings) -> dict[str, float]:
    """What bounds memory and what waits, by setting."""
    return {name: getattr(settings, name) for name in _LIMITS}
