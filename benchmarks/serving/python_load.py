"""The load where there is no h2load: a client in Python, slower than what it asks; it compares every answer."""

import numpy as np

from benchmarks.pool_processes import in_process
from benchmarks.server_kinds.traffic import ClosedLoop, open_channels
from benchmarks.serving.asking import TIMEOUT_SECONDS, WrongAnswerError
from benchmarks.serving.cores import LOAD_CORE, pinned
from benchmarks.serving.exchanges import Exchange
from benchmarks.serving.h2load import Load, Traffic


def driven(target: str, exchange: Exchange, load: Load, *, seconds: float) -> Traffic:
    """Keep so many calls in flight for so long, from the load's core.

    Raises:
        WrongAnswerError: a call failed, or was answered wrongly.
    """
    found, _usage = in_process(_drive, target, exchange, load, seconds)
    traffic, failures, wrong_count = found
    if failures or wrong_count:
        raise WrongAnswerError(f"{exchange.method}: failed {failures}, wrong {wrong_count}")
    return traffic


def _drive(target: str, exchange: Exchange, load: Load, seconds: float) -> tuple[Traffic, dict[str, int], int]:
    pinned(LOAD_CORE)
    channels = open_channels(target, load.connections)
    loop = ClosedLoop(channels, [exchange], TIMEOUT_SECONDS, method=exchange.method)
    loop.run(load.in_flight, seconds)
    for channel in channels:
        channel.close()
    p50, p99 = 1e3 * np.quantile(loop.latencies_seconds or [np.nan], [0.5, 0.99])
    answered = len(loop.latencies_seconds)
    traffic = Traffic(answered / loop.elapsed_seconds, float(p50), float(p99), answered)
    return traffic, dict(loop.failures), loop.wrong_count
