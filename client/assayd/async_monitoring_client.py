"""What a client for asyncio asks of the reference beside a model."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from typing import Unpack

from assayd.awaiting import Awaiting
from assayd.connection import Connection
from assayd.drift_options import DriftOptions, collect_window
from assayd.drift_report import DriftReport
from assayd.references import ReferenceInfo
from assayd.steps import Pending, Send
from assayd.tables.detection import check_batches
from assayd.watch_options import WatchOptions
from assayd.watch_report import WatchReport


class AsyncMonitoringClient(ABC):
    """The part of AsyncClient that is about the reference beside a model."""

    _connection: Connection

    async def test_drift(
        self,
        x: object = None,
        *,
        logits: object = None,
        probabilities: object = None,
        embeddings: object = None,
        labels: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[DriftOptions],
    ) -> DriftReport:
        """Test whether a window of rows still looks like the reference, as Client.test_drift does."""
        rows = collect_window(x, logits=logits, probabilities=probabilities, embeddings=embeddings, labels=labels)
        return await Awaiting(self._send).one(self._connection.drift(rows, wanted, deadline_seconds, metadata))

    def watch_drift(
        self,
        batches: Iterable[object] | AsyncIterable[object],
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[WatchOptions],
    ) -> AsyncGenerator[WatchReport]:
        """Watch a stream, as Client.watch_drift does; the batches may be an async iterable."""
        steps = self._connection.watch(wanted, deadline_seconds, metadata)
        return Awaiting(self._send, check_batches(batches)).all(steps)

    async def reference(
        self, model: str = "", *, version: int = 0, deadline_seconds: float | None = None
    ) -> ReferenceInfo:
        """What the reference beside a model holds, as Client.reference says."""
        return await Awaiting(self._send).one(self._connection.reference(model, version, deadline_seconds))

    @abstractmethod
    async def _send(self, effect: Send) -> Pending:
        """Begin a call."""
        ...
