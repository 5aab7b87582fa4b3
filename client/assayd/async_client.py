"""The client for asyncio: what Client does, awaited."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, Unpack

import grpc
import grpc.aio

from assayd.async_labeling_client import AsyncLabelingClient
from assayd.async_monitoring_client import AsyncMonitoringClient
from assayd.async_pool_client import AsyncPoolClient
from assayd.awaiting import Awaiting
from assayd.channel import ChannelSettings
from assayd.connection import DEADLINE_SECONDS, Connection
from assayd.decisions import Decisions
from assayd.errors import FailedPreconditionError
from assayd.lines import Lines
from assayd.rank_options import RankOptions
from assayd.rank_rows import collect_ranked
from assayd.rankings import Ranking
from assayd.requests import ScoreOptions
from assayd.results import ModelInfo, ModelList, Scores
from assayd.rows import collect
from assayd.select_options import SelectOptions
from assayd.steps import Pending, Send
from assayd.tables.detection import check_batches
from assayd.tls import Tls
from assayd.tokens import Token
from assayd.turns import Turns


class AsyncClient(AsyncPoolClient, AsyncMonitoringClient, AsyncLabelingClient):
    """A Client for asyncio: the same arguments, results and errors.

    async with AsyncClient("localhost:50051") as client:
        scores = await client.score(x, uncertainties=["entropy"])

    It belongs to the event loop in which it is first used. To cancel a task cancels the calls that it awaits.
    """

    def __init__(
        self,
        address: str,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        settings: ChannelSettings | None = None,
        metadata: Mapping[str, str] | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        tls: Tls | None = None,
        token: Token | None = None,
        insecure: bool = False,
    ) -> None:
        """Connect when the first call is made; no event loop needs to run yet.

        The arguments are those of Client.
        """
        self._connection = Connection(
            address,
            deadline_seconds=deadline_seconds,
            settings=settings,
            metadata=metadata,
            credentials=credentials,
            tls=tls,
            token=token,
            insecure=insecure,
        )
        self._turns = Turns(self._connection.settings.calls_open_max)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lines: Lines | None = None

    async def score(
        self,
        x: object = None,
        *,
        logits: object = None,
        probabilities: object = None,
        embeddings: object = None,
        pool_ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[ScoreOptions],
    ) -> Scores:
        """Score a batch of rows of any size, as Client.score does."""
        rows = collect(x, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids)
        job = self._connection.job(wanted, deadline_seconds, metadata)
        return await Awaiting(self._send).one(job.score(rows))

    def score_stream(
        self,
        batches: Iterable[object] | AsyncIterable[object],
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[ScoreOptions],
    ) -> AsyncGenerator[Scores]:
        """Score batch after batch, as Client.score_stream does.

        The batches may be an async iterable too; a plain one holds the event loop while it makes a batch. Where a
        loop over the scores is left early, contextlib.aclosing cancels at once what is under way.
        """
        wanted.setdefault("lane", "online" if wanted.setdefault("record", False) else "bulk")
        job = self._connection.job(wanted, deadline_seconds, metadata)
        return Awaiting(self._send, check_batches(batches)).all(job.stream())

    async def rank(
        self,
        x: object = None,
        *,
        logits: object = None,
        probabilities: object = None,
        embeddings: object = None,
        pool_ids: object = None,
        member_logits: object = None,
        member_probabilities: object = None,
        member_values: object = None,
        ids: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[RankOptions],
    ) -> Ranking:
        """Choose the rows of a batch, of any size, as Client.rank does."""
        rows = collect_ranked(
            {
                "x": x,
                "logits": logits,
                "probabilities": probabilities,
                "embeddings": embeddings,
                "pool_ids": pool_ids,
                "member_logits": member_logits,
                "member_probabilities": member_probabilities,
                "member_values": member_values,
                "ids": ids,
            }
        )
        job = self._connection.rank_job(wanted, deadline_seconds, metadata)
        return await Awaiting(self._send).one(job.rank(rows))

    async def rank_stream(
        self,
        batches: Iterable[object] | AsyncIterable[object],
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[RankOptions],
    ) -> Ranking:
        """Choose the rows of a pool, as Client.rank_stream does; the batches may be an async iterable."""
        wanted.setdefault("lane", "bulk")
        job = self._connection.rank_job(wanted, deadline_seconds, metadata)
        return await Awaiting(self._send, check_batches(batches)).one(job.stream())

    def select_stream(
        self,
        batches: Iterable[object] | AsyncIterable[object],
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[SelectOptions],
    ) -> AsyncGenerator[Decisions]:
        """Decide on each row of a stream, as Client.select_stream does; the batches may be an async iterable."""
        job = self._connection.select_job(wanted, deadline_seconds, metadata)
        return Awaiting(self._send, check_batches(batches)).all(job.stream())

    async def model(self, name: str = "", *, version: int = 0, deadline_seconds: float | None = None) -> ModelInfo:
        """The contract of one model, as Client.model gives it."""
        return await Awaiting(self._send).one(self._connection.model(name, version, deadline_seconds))

    async def models(self, *, deadline_seconds: float | None = None) -> ModelList:
        """Every model version, as Client.models gives them."""
        return await Awaiting(self._send).one(self._connection.models(deadline_seconds))

    async def close(self) -> None:
        """End the connection; calls under way are cancelled."""
        self._check_loop()
        self._connection.close()
        for channel in self._lines.all() if self._lines else ():
            await channel.close()

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self.close()

    async def _send(self, effect: Send) -> Pending:
        self._check_loop()
        for channel in self._lines.ended() if self._lines else ():
            await channel.close()
        return await self._turns.begin(lambda seconds: self._begin(effect, seconds), effect.seconds)

    def _begin(self, effect: Send, seconds: float) -> grpc.aio.UnaryUnaryCall[Any, Any]:
        self._connection.check_open()
        if self._lines is None:
            self._loop = asyncio.get_running_loop()
            self._lines = Lines(self._connection, grpc.aio)
        metadata = self._connection.sent(effect.metadata)
        return self._lines.begin(
            lambda methods: methods[effect.method](effect.request, timeout=seconds, metadata=metadata)
        )

    def _check_loop(self) -> None:
        if self._loop not in (None, asyncio.get_running_loop()):
            raise FailedPreconditionError("client: belongs to another event loop, make one in each")
