"""The metrics of what is bounded: how much there may be, and how much there is."""

from collections.abc import Mapping
from math import nan

from prometheus_client import CollectorRegistry, Gauge

from assayd_server.memory import anonymous_bytes


class LimitMetrics:
    """Of the whole server. Each gauge of use is given a function to ask, but that of memory, which has its own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Declare them in that registry."""
        self.calls = Gauge("assayd_calls", "Calls that have a thread or wait for one.", registry=registry)
        self.streams = Gauge("assayd_streams", "Streams that are open, of streams_max.", registry=registry)
        self.request_bytes = Gauge(
            "assayd_pending_request_bytes", "Requests that have come and are not answered yet.", registry=registry
        )
        self.unread_bytes = Gauge(
            "assayd_unread_answer_bytes",
            "Answers that are made and wait for their callers to read.",
            registry=registry,
        )
        self._limits = Gauge(
            "assayd_limit", "Limits, by the setting that says so.", ("setting",), registry=registry
        )
        self._memory = Gauge(
            "assayd_memory_limit_bytes",
            "Memory that the container may use; +Inf where nothing limits it.",
            registry=registry,
        )
        Gauge(
            "assayd_anonymous_memory_bytes",
            "Resident memory that no file backs: heaps, and arenas of models. NaN elsewhere than on Linux.",
            registry=registry,
        ).set_function(lambda: nan if (held := anonymous_bytes()) is None else held)

    def set(self, limits: Mapping[str, float], *, memory_bytes: float) -> None:
        """Set the limits.

        Args:
            limits: by setting.
            memory_bytes: of the container; infinity where there is none.
        """
        for setting, value in limits.items():
            self._limits.labels(setting).set(value)
        self._memory.set(memory_bytes)
