"""The client: scores rows on a server, and asks what models there are."""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self, Unpack

import grpc

from assayd import results
from assayd.channel import ChannelSettings, options
from assayd.errors import CallCancelledError, InvalidArgumentError, from_rpc_error
from assayd.requests import ScoreOptions, score_request, selector
from assayd.results import ModelInfo, ModelList, Scores
from assayd.rows import Rows, collect
from assayd.scoring import Call, ScoreJob
from assayd.v1 import scoring_pb2, scoring_pb2_grpc

DEADLINE_SECONDS = 10.0
DEADLINE_SECONDS_MAX = 604_800.0
"""A week. gRPC takes a much larger one for one that has passed."""


class Client:
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
    ) -> None:
        """Connect when the first call is made.

        Args:
            address: "host:port", "dns:///host:port" for a fleet, "unix:/path" for a sidecar.
            deadline_seconds: for each call that is given none of its own; above 0, at most a week.
            settings: limits and times of the connection.
            metadata: sent with each call, such as {"x-request-id": "..."}.
            credentials: for TLS; without them the connection is in clear text.
        """
        self._settings = settings or ChannelSettings()
        self._deadline_seconds = deadline_seconds
        self._metadata = _checked(metadata)
        self._channel = _open(address, credentials, self._settings)
        self._closed = False
        self._stub = scoring_pb2_grpc.ScoringServiceStub(self._channel)

    def score(
        self,
        x: object = None,
        *,
        logits: object = None,
        probabilities: object = None,
        embeddings: object = None,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[ScoreOptions],
    ) -> Scores:
        """Score a batch of rows of any size; a big one is cut to the message limit and sent in parallel.

        Args:
            x: (n, ...) for the model's only input, or a dict of such arrays by input name.
            logits: (n, c), in place of x.
            probabilities: (n, c), in place of x; rows sum to 1.
            embeddings: (n, d), in place of x; needs a head.
            deadline_seconds: for the whole batch, in place of the client's.
            metadata: sent with each call besides the client's own, such as {"x-request-id": "..."}.
            **wanted: uncertainties, top_k, outputs, temperature, head, model, version; see ScoreOptions.

        Raises:
            AssaydError: one of its subclasses, by what went wrong.
        """
        rows = collect(x, logits=logits, probabilities=probabilities, embeddings=embeddings)
        return self._job(wanted, deadline_seconds, metadata).score(rows)

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
        flight (ChannelSettings).

        Args:
            batches: what score takes as x, or dicts such as {"logits": z} with another kind of rows.
            deadline_seconds: for each call, in place of the client's.
            metadata: as in score.
            **wanted: as in score.

        Raises:
            AssaydError: at the first batch that fails; the calls under way are cancelled.
        """
        return self._job(wanted, deadline_seconds, metadata).stream(map(_batch_rows, batches))

    def model(self, name: str = "", *, version: int = 0, deadline_seconds: float | None = None) -> ModelInfo:
        """The contract of one model: what it takes, what it gives, its classes.

        Raises:
            NotFoundError: there is no such model or version.
        """
        request = scoring_pb2.GetModelRequest(model=selector(name, version))
        response = self._call(self._stub.GetModel, request, deadline_seconds)
        return results.model_info(response.model)

    def models(self, *, deadline_seconds: float | None = None) -> ModelList:
        """Every model version that is loaded, and every one that failed to load with its reason."""
        request = scoring_pb2.ListModelsRequest()
        return results.model_list(self._call(self._stub.ListModels, request, deadline_seconds))

    def close(self) -> None:
        """End the connection; calls under way are cancelled."""
        self._closed = True
        self._channel.close()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def _job(
        self, wanted: ScoreOptions, deadline_seconds: float | None, metadata: Mapping[str, str] | None
    ) -> ScoreJob:
        sent = (*self._metadata, *_checked(metadata))

        def start(request: scoring_pb2.ScoreRequest, seconds: float) -> Call:
            self._check_open()
            return self._stub.Score.future(request, timeout=seconds, metadata=sent)

        return ScoreJob(
            score_request(**wanted),
            start,
            deadline_seconds=self._seconds(deadline_seconds),
            settings=self._settings,
        )

    def _call(self, method: Any, request: Any, deadline_seconds: float | None) -> Any:
        self._check_open()
        try:
            return method(request, timeout=self._seconds(deadline_seconds), metadata=self._metadata)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    def _seconds(self, deadline_seconds: float | None) -> float:
        seconds = self._deadline_seconds if deadline_seconds is None else deadline_seconds
        if not 0 < seconds <= DEADLINE_SECONDS_MAX:  # False for NaN
            raise InvalidArgumentError(
                f"deadline_seconds: is {seconds}, allowed are above 0 and up to {DEADLINE_SECONDS_MAX:g}"
            )
        return seconds

    def _check_open(self) -> None:
        if self._closed:
            raise CallCancelledError("the client was closed")


def _checked(metadata: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    for key, value in (metadata or {}).items():
        texts = isinstance(key, str) and isinstance(value, str)
        if not texts or not _KEY.fullmatch(key) or key.endswith("-bin") or not _VALUE.fullmatch(value):
            raise InvalidArgumentError(
                f"metadata: {key!r}: {value!r} cannot be sent, keys are lower-case and values printable ASCII"
            )
    return tuple((metadata or {}).items())


def _open(address: str, credentials: grpc.ChannelCredentials | None, settings: ChannelSettings) -> grpc.Channel:
    if credentials is None:
        return grpc.insecure_channel(address, options(settings))
    return grpc.secure_channel(address, credentials, options(settings))


_KEY, _VALUE = re.compile(r"[a-z0-9_.-]+"), re.compile(r"[\x20-\x7e]*")
_ROW_KINDS = frozenset({"x", "logits", "probabilities", "embeddings"})


def _batch_rows(batch: Any) -> Rows:
    """A batch of score_stream as rows: a dict with just one key that names a kind of rows is that kind."""
    if isinstance(batch, Mapping) and len(batch) == 1 and _ROW_KINDS.issuperset(batch):
        return collect(**batch)
    return collect(batch)
