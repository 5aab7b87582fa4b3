"""What a client was told: where calls go, how long they may take, what goes along; and the jobs that it does."""

from collections.abc import Mapping
from typing import Any

import grpc

from assayd import results
from assayd.answers import answer, result_of
from assayd.call_metadata import checked_metadata
from assayd.channel import ChannelSettings, options
from assayd.describing import described
from assayd.drift_options import DriftOptions, drift_request, sample_of
from assayd.drifting import DriftJob
from assayd.errors import CallCancelledError, InvalidArgumentError
from assayd.label_options import AssessOptions, EvaluateOptions, assess_request, evaluate_request
from assayd.labeling import assessed, evaluated, summed
from assayd.piecework import Conditions
from assayd.pool_connection import PoolConnection
from assayd.proposal_options import ProposeOptions, propose_request
from assayd.proposing import proposed
from assayd.rank_options import RankOptions, rank_request
from assayd.ranking import RankJob
from assayd.references import reference_info
from assayd.requests import ModelOptions, ScoreOptions, check_given, score_request, selector
from assayd.rows import Rows
from assayd.scoring import ScoreJob
from assayd.select_options import SelectOptions, select_request
from assayd.selecting import SelectJob
from assayd.steps import Emit, Send, Steps
from assayd.tables.table import Table
from assayd.tls import Tls, TlsFiles
from assayd.tokens import Token, source_of, stays_here
from assayd.v1 import monitoring_pb2, scoring_pb2
from assayd.watch_options import WatchOptions, watch_request
from assayd.watching import WatchJob
from assayd.wire import wire_dtype

DEADLINE_SECONDS = 10.0
DEADLINE_SECONDS_MAX = 604_800.0
"""A week. gRPC takes a much larger one for one that has passed."""


class Connection(PoolConnection):
    """All of a client but its channel; the arguments are those of Client."""

    def __init__(
        self,
        address: str,
        *,
        deadline_seconds: float,
        settings: ChannelSettings | None,
        metadata: Mapping[str, str] | None,
        credentials: grpc.ChannelCredentials | None,
        tls: Tls | None,
        token: Token | None,
        insecure: bool,
    ) -> None:
        """Nothing is opened yet."""
        if tls is not None and credentials is not None:
            raise InvalidArgumentError("tls: goes without credentials, which say the same")
        in_clear_text = tls is None and credentials is None
        if token is not None and in_clear_text and not insecure and not stays_here(address):
            raise InvalidArgumentError(
                f"token: would travel to {address} in clear text: give tls, or insecure if that is meant"
            )
        self._address = address
        self._deadline_seconds = deadline_seconds
        self.settings = settings or ChannelSettings()
        self._metadata = checked_metadata(metadata)
        self._credentials = credentials
        self._files = None if tls is None else TlsFiles(tls)
        self._server_name = None if tls is None else tls.server_name
        self._token = None if token is None else source_of(token)
        self._closed = False

    def open(self, api: Any) -> Any:
        """A channel.

        Args:
            api: grpc or grpc.aio.
        """
        arguments = options(self.settings, deadline_seconds=self._deadline_seconds)
        if self._server_name is not None:
            arguments.append(("grpc.ssl_target_name_override", self._server_name))
        credentials = self._credentials if self._files is None else self._files.credentials
        if credentials is None:
            return api.insecure_channel(self._address, options=arguments)
        return api.secure_channel(self._address, credentials, options=arguments)

    @property
    def has_files(self) -> bool:
        """Whether it is encrypted by files, which may change."""
        return self._files is not None

    def certificates_changed(self) -> bool:
        """Whether a channel that is opened now has other certificates than the last one."""
        return self._files is not None and self._files.changed()

    def sent(self, metadata: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """What goes along with a call: this, and the token that there is now."""
        if self._token is None:
            return metadata
        return (*metadata, ("authorization", f"Bearer {self._token()}"))

    def close(self) -> None:
        """Make no more calls."""
        self._closed = True

    def check_open(self) -> None:
        """Refuse to make a call once closed."""
        if self._closed:
            raise CallCancelledError("the client was closed")

    def job(
        self, wanted: ScoreOptions, deadline_seconds: float | None, metadata: Mapping[str, str] | None
    ) -> ScoreJob:
        """What score and score_stream do, but for the rows."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        return ScoreJob(score_request(**wanted), **conditions)  # type: ignore[misc]  # what is left is all its own

    def rank_job(
        self, wanted: RankOptions, deadline_seconds: float | None, metadata: Mapping[str, str] | None
    ) -> RankJob:
        """What rank and rank_stream do, but for the rows."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        check_given(wanted, ("measure", "count"))
        return RankJob(rank_request(**wanted), **conditions)  # type: ignore[misc]  # as above

    def select_job(
        self, wanted: SelectOptions, deadline_seconds: float | None, metadata: Mapping[str, str] | None
    ) -> SelectJob:
        """What select_stream does, but for the rows."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        check_given(wanted, ("budget",))
        return SelectJob(select_request(**wanted), **conditions)  # type: ignore[misc]  # as above

    def drift(
        self,
        rows: Rows | Table,
        wanted: DriftOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit how a window differs from the reference."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        sample = sample_of(wanted.pop("sample_rows", None), wanted.pop("seed", 0))
        request = drift_request(**wanted)  # type: ignore[misc]  # as above
        return DriftJob(request, sample, **conditions).test(rows)

    def watch(
        self, wanted: WatchOptions, deadline_seconds: float | None, metadata: Mapping[str, str] | None
    ) -> Steps[None]:
        """Emit what is found in a stream."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        every_batch = wanted.pop("every_batch", False)
        request = watch_request(**wanted)  # type: ignore[misc]  # as above
        return WatchJob(request, every_batch=every_batch, **conditions).stream()

    def assess(
        self,
        rows: Rows | Table,
        wanted: AssessOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit how good labels are."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        return assessed(assess_request(**wanted), rows, **conditions)

    def label_sums(
        self,
        rows: Rows | Table,
        wanted: ModelOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit what thresholds of labels are made of."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        return summed(assess_request(**wanted), rows, **conditions)

    def evaluate(
        self,
        rows: Rows | Table,
        wanted: EvaluateOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit how good predictions are."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        return evaluated(evaluate_request(**wanted), rows, **conditions)

    def propose(
        self,
        rows: Rows | Table,
        wanted: ProposeOptions,
        deadline_seconds: float | None,
        metadata: Mapping[str, str] | None,
    ) -> Steps[None]:
        """Emit which rows a model may label."""
        conditions = self._conditions(wanted.pop("wire_type", None), deadline_seconds, metadata)
        return proposed(propose_request(**wanted), rows, **conditions)

    def _conditions(
        self, wire_type: str | None, deadline_seconds: float | None, metadata: Mapping[str, str] | None
    ) -> Conditions:
        return Conditions(
            deadline_seconds=self._seconds(deadline_seconds),
            settings=self.settings,
            metadata=(*self._metadata, *checked_metadata(metadata)),
            wire_dtype=wire_dtype(wire_type),
        )

    def model(self, name: str, version: int, deadline_seconds: float | None) -> Steps[None]:
        """Emit the contract of one model."""
        seconds = self._seconds(deadline_seconds)
        yield Emit((yield from described(selector(name, version), seconds=seconds, metadata=self._metadata)))

    def models(self, deadline_seconds: float | None) -> Steps[None]:
        """Emit the list of models."""
        request = scoring_pb2.ListModelsRequest()
        call = yield Send("ListModels", request, self._seconds(deadline_seconds), self._metadata)
        yield Emit(results.model_list((yield from answer(call))))

    def reference(self, name: str, version: int, deadline_seconds: float | None) -> Steps[None]:
        """Emit what the server knows about the reference of one model."""
        request = monitoring_pb2.GetReferenceRequest(model=selector(name, version))
        call = yield Send("GetReference", request, self._seconds(deadline_seconds), self._metadata)
        yield Emit((yield from result_of(call, reference_info)))

    def _seconds(self, deadline_seconds: float | None) -> float:
        seconds = self._deadline_seconds if deadline_seconds is None else deadline_seconds
        if not 0 < seconds <= DEADLINE_SECONDS_MAX:  # False for NaN
            raise InvalidArgumentError(
                f"deadline_seconds: is {seconds}, allowed are above 0 and up to {DEADLINE_SECONDS_MAX:g}"
            )
        return seconds
