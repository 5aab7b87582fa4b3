"""What a model version has done since it was loaded, as its metrics have it."""

from dataclasses import dataclass

from assayd_server.bundle import Identity
from assayd_server.metrics import ModelMetrics
from assayd_server.metrics.histogram import Histogram


@dataclass(frozen=True, slots=True)
class Spent:
    """How often something was done, and the seconds that it took in all."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of one model version, by whichever RPC it was asked."""

    identity: Identity
    row_count: int
    pass_count: int
    abandoned_count: int
    """Calls that stopped waiting before their pass."""
    total: Spent
    queue: Spent
    inference: Spent


def statistics_of(identity: Identity, metrics: ModelMetrics) -> Statistics:
    """What the metrics have now."""
    return Statistics(
        identity,
        int(metrics.rows.value),
        int(metrics.executions.value),
        int(metrics.abandoned.value),
        _spent(metrics.total),
        _spent(metrics.queue),
        _spent(metrics.inference),
    )


def _spent(histogram: Histogram) -> Spent:
    counts, seconds = histogram.read()
    return Spent(counts[-1], seconds)
