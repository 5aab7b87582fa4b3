"""The client: scores rows on a server, and asks what models there are."""

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from assayd.blocking import Blocking
from assayd.channel import ChannelSettings
from assayd.connection import DEADLINE_SECONDS, Connection
from assayd.decisions import Decisions
from assayd.errors import CallCancelledError
from assayd.labeling_client import LabelingClient
from assayd.lines import Lines
from assayd.monitoring_client import MonitoringClient
from assayd.pool_client import PoolClient
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


class Client(PoolClient, MonitoringClient, LabelingClient):
    """A connection to assayd, or to a fleet of it behind one DNS name. Safe to share between threads.

    with Client("localhost:50051") as client:
        scores = client.score(x, uncertainties=["entropy"])

    Calls that find no server, or a full one, are sent again by gRPC itself within the deadline.
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
        """Connect when the first call is made.

        Args:
            address: "host:port", "dns:///host:port" for a fleet, "unix:/path" for a sidecar.
            deadline_seconds: for each call that is given none of its own; above 0, at most a week.
            settings: limits and times of the connection.
            metadata: sent with each call, such as {"x-request-id": "..."}.
            credentials: of gRPC, where tls does not say all.
            tls: encrypts the connection; without it, and without credentials, it is in clear text.
            token: sent with each call: the token, the path (no str) of a file that holds it, or what gives it.
            insecure: send the token in clear text even to another machine.
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
        self._lines = Lines(self._connection, grpc)

    def score(
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
        """Score a batch of rows of any size; a big one is cut to the message limit and sent in parallel.

        Args:
            x: (n, ...) for the model's only input, a dict of such arrays by input name, or a table of pandas,
                polars or pyarrow: its columns feed the inputs of their names, or side by side the only one.
            logits: (n, c), in place of x.
            probabilities: (n, c), in place of x; rows sum to 1.
            embeddings: (n, d), in place of x; needs a head.
            pool_ids: (n,) ids of rows of the model's pool, in place of x: their vectors are the embeddings.
            deadline_seconds: for the whole batch, in place of the client's.
            metadata: sent with each call besides the client's own, such as {"x-request-id": "..."}.
            **wanted: uncertainties, top_k, neighbors, novelty, novelty_alpha, outputs, temperature, head, task,
                model, version, wire_type, record, lane; see ScoreOptions.

        Raises:
            AssaydError: one of its subclasses, by what went wrong.
        """
        rows = collect(x, logits=logits, probabilities=probabilities, embeddings=embeddings, pool_ids=pool_ids)
        job = self._connection.job(wanted, deadline_seconds, metadata)
        return Blocking(self._send).one(job.score(rows))

    def score_stream(
        self,
        batches: Iterable[object],
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[ScoreOptions],
    ) -> Iterator[Scores]:
        """Score batch after batch with many unary calls in flight, and yield the scores in order.

        Memory is bounded by the calls in flight, so the batches may be endless. Every call can be retried and may
        be answered by another replica. For a source that waits for scores before it goes on, allow one call in
        flight (ChannelSettings). Rows do not count as production traffic, unless record says so.

        Args:
            batches: what score takes as x, or dicts such as {"logits": z} with another kind of rows.
            deadline_seconds: for each call, in place of the client's.
            metadata: as in score.
            **wanted: as in score.

        Raises:
            AssaydError: at the first batch that fails; the calls under way are cancelled.
        """
        wanted.setdefault("lane", "online" if wanted.setdefault("record", False) else "bulk")
        job = self._connection.job(wanted, deadline_seconds, metadata)
        return Blocking(self._send, check_batches(batches)).all(job.stream())

    def rank(
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
        """Choose the rows of a batch, of any size, that are most worth a label.

        Args:
            x: as in score.
            logits: (n, c), in place of x.
            probabilities: (n, c), in place of x.
            embeddings: (n, d), in place of x with a head; or beside any of the others, for diversity and density.
            pool_ids: (n,) ids of rows of the model's pool, in place of x; they name the rows too.
            member_logits: (m, n, c), of a committee, in place of x.
            member_probabilities: (m, n, c), of a committee, in place of x.
            member_values: (m, n, t), of a committee of regression models, in place of x.
            ids: (n,) whole numbers or texts, names of the rows, which randomness depends on; default positions.
            deadline_seconds: for the whole batch, in place of the client's.
            metadata: as in score.
            **wanted: measure and count, and how to choose; see RankOptions.

        Raises:
            AssaydError: one of its subclasses, by what went wrong.
        """
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
        return Blocking(self._send).one(job.rank(rows))

    def rank_stream(
        self,
        batches: Iterable[object],
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[RankOptions],
    ) -> Ranking:
        """Choose the rows of a pool of any size that are most worth a label, with many calls in flight.

        The choice is that of one rank of the whole pool, however it is cut. Memory holds the rows that are chosen
        from: count, or with a diversity other than stochastic the candidates, 10 times count by default.

        Args:
            batches: what rank takes as x, or dicts of its arguments such as {"logits": z, "ids": ids}.
            deadline_seconds: for each call, in place of the client's.
            metadata: as in score.
            **wanted: as in rank.

        Raises:
            AssaydError: at the first batch that fails; the calls under way are cancelled.
        """
        wanted.setdefault("lane", "bulk")
        job = self._connection.rank_job(wanted, deadline_seconds, metadata)
        return Blocking(self._send, batches).one(job.stream())

    def select_stream(
        self,
        batches: Iterable[object],
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[SelectOptions],
    ) -> Iterator[Decisions]:
        """Decide on each row of a stream, as it comes, whether to have it labelled, within a budget.

        A decision depends on the rows before it, so calls are made one after the other, to any replica.

        Args:
            batches: what score takes as x, or dicts such as {"logits": z, "ids": ids}.
            deadline_seconds: for each call, in place of the client's.
            metadata: as in score.
            **wanted: budget, policy, measure and more; see SelectOptions.

        Raises:
            AssaydError: at the first batch that fails. The state of the last decisions is where to go on.
        """
        job = self._connection.select_job(wanted, deadline_seconds, metadata)
        return Blocking(self._send, batches).all(job.stream())

    def model(self, name: str = "", *, version: int = 0, deadline_seconds: float | None = None) -> ModelInfo:
        """The contract of one model: what it takes, what it gives, its classes.

        Raises:
            NotFoundError: there is no such model or version.
        """
        return Blocking(self._send).one(self._connection.model(name, version, deadline_seconds))

    def models(self, *, deadline_seconds: float | None = None) -> ModelList:
        """Every model version that is loaded, and every one that failed to load with its reason."""
        return Blocking(self._send).one(self._connection.models(deadline_seconds))

    def close(self) -> None:
        """End the connection; calls under way are cancelled."""
        self._connection.close()
        for channel in self._lines.all():
            channel.close()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def _send(self, effect: Send) -> Pending:
        self._connection.check_open()
        for channel in self._lines.ended():
            channel.close()
        metadata = self._connection.sent(effect.metadata)

        def begin(methods: Mapping[str, Any]) -> Pending:
            future: Pending = methods[effect.method].future(
                effect.request, timeout=effect.seconds, metadata=metadata
            )
            return future

        try:
            return self._lines.begin(begin)
        except ValueError:  # gRPC's word for a channel that another thread has closed since
            raise CallCancelledError("the client was closed") from None
