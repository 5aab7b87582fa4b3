"""One stream of rows that is watched for drift: what it remembers between its messages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assayd_server import watch_token
from assayd_server.caller import Caller
from assayd_server.checks import wrong
from assayd_server.core.arrays import Floats
from assayd_server.core.drift.judging import LARGE_SHARE
from assayd_server.core.drift.watch import Change, Event, WatchPlan, WatchState, WindowEnd, advance, begin, plan
from assayd_server.core.stream.settings import SettingError
from assayd_server.drift_testing import does_not_fit
from assayd_server.monitoring import Monitoring
from assayd_server.reference_file import Reference
from assayd_server.rows import Sent
from assayd_server.servable import Servable
from assayd_server.watch_wanted import WatchWanted


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What there is to say after some row: of a window that ended there, of changes, or of both."""

    rows_seen: int
    window: WindowEnd | None
    changes: tuple[Change, ...]
    state: bytes

    @property
    def alert(self) -> bool:
        """Whether there is an alarm."""
        return bool(self.changes) or (self.window is not None and self.window.verdict.drifted)


@dataclass(frozen=True, slots=True)
class Watched:
    """What was found in the rows of one message."""

    model: Servable
    reference: Reference
    plan: WatchPlan
    reports: tuple[WatchReport, ...]
    rows_seen: int
    state: bytes

    @property
    def windows_are_large(self) -> bool:
        """Beside the reference, so that its own chance counts against each of them."""
        return self.plan.settings.window_rows * LARGE_SHARE > self.reference.drift.state.rows


class Watching:
    """Holds rows against a reference as they come."""

    def __init__(self, monitoring: Monitoring, wanted: WatchWanted) -> None:
        """Begin, or go on from a state.

        Args:
            monitoring: computes what is watched of rows.
            wanted: the model and the settings.

        Raises:
            ServiceError: there is no such reference, the settings do not fit it, or the state is not one of both.
        """
        self._monitoring = monitoring
        self._model, self._reference = monitoring.reference(wanted.model, wanted.reference_digest)
        try:
            self._plan = plan(self._reference.drift, wanted.settings)
        except SettingError as error:
            raise wrong(f"settings.{error.field}", error.problem, "SETTING_OUT_OF_RANGE") from None
        self._state, self._kind = self._begun(wanted.state)

    def observe(self, rows: Sent | None, embeddings: Floats | None, caller: Caller) -> Watched:
        """Take the next rows.

        Args:
            rows: n of them, 0 or more; None for none.
            embeddings: (n, d), where the rows bring none.
            caller: work that has not begun when it stops waiting is not done.

        Raises:
            ServiceError: the rows cannot be compared; the stream is where it was.
        """
        events: list[Event] = []
        if rows is None and embeddings is not None:
            raise wrong("embeddings", "came without the rows that they are of", "ROWS_MISSING")
        if rows is not None:
            self._check_kind(rows)
            with self._monitoring.columns(rows, embeddings, self._model, self._reference, caller) as columns:
                try:
                    self._state, events = advance(self._state, columns, self._plan)
                except ValueError as error:
                    raise does_not_fit(error) from None
        state = self._token(self._state)
        return Watched(
            model=self._model,
            reference=self._reference,
            plan=self._plan,
            reports=tuple(self._reports(events, state)),
            rows_seen=self._state.rows,
            state=state,
        )

    def _reports(self, events: Sequence[Event], state: bytes) -> Iterator[WatchReport]:
        """One at the end of each window, and one for the changes after the last."""
        changes: list[Change] = []
        for event in events:
            if isinstance(event, Change):
                changes.append(event)
                continue
            yield WatchReport(event.state.rows, event, tuple(changes), self._token(event.state))
            changes = []
        if changes:
            yield WatchReport(self._state.rows, None, tuple(changes), state)

    def _check_kind(self, rows: Sent) -> None:
        """Refuse rows of another kind: they have other columns."""
        kind = type(rows).__name__.lower()
        if self._kind not in ("", kind):
            raise wrong("rows", f"are {kind}, the stream began with {self._kind}", "ROWS_OF_ANOTHER_KIND")
        if kind in watch_token.KINDS:  # else they are refused by what holds them against the reference
            self._kind = kind

    def _begun(self, token: bytes) -> tuple[WatchState, str]:
        if not token:
            return begin(self._plan), ""
        return watch_token.decode(token, self._plan, reference_digest=self._reference.digest)

    def _token(self, state: WatchState) -> bytes:
        digest = self._reference.digest
        return watch_token.encode(state, self._plan, reference_digest=digest, kind=self._kind)
