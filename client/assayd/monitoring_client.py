"""What a client asks of the reference beside a model."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Unpack

from assayd.blocking import Blocking
from assayd.connection import Connection
from assayd.drift_options import DriftOptions, collect_window
from assayd.drift_report import DriftReport
from assayd.references import ReferenceInfo
from assayd.steps import Pending, Send
from assayd.tables.detection import check_batches
from assayd.watch_options import WatchOptions
from assayd.watch_report import WatchReport


class MonitoringClient(ABC):
    """The part of Client that is about the reference beside a model."""

    _connection: Connection

    def test_drift(
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
        """Test whether a window of rows still looks like the reference.

        A column has drifted where there is both an effect of at least delta and evidence at the level alpha,
        corrected for the number of columns. The window goes in one call, because tests of its parts do not add
        up; of one that is too large for that, a random sample will do.

        Args:
            x: what score takes as x.
            logits: (n, c), in place of x: for columns of scores alone.
            probabilities: (n, c), in place of x: the same.
            embeddings: (n, d), in place of x or beside logits or probabilities: for columns of the embedding.
            labels: (n,) whole numbers, the position of each row's true class and -1 for none: how frequent each is
                and how often predictions are wrong are compared too. Not beside embeddings alone; the reference
                needs labels.
            deadline_seconds: for all of it, in place of the client's.
            metadata: as in score.
            **wanted: alpha, delta, columns, reference_digest, sample_rows, seed, model, version, wire_type; see
                DriftOptions.

        Raises:
            InvalidArgumentError: among others, the window does not go in one call; it says how many rows do.
            FailedPreconditionError: the model has no reference, or it has no labels where these are given.
        """
        rows = collect_window(x, logits=logits, probabilities=probabilities, embeddings=embeddings, labels=labels)
        return Blocking(self._send).one(self._connection.drift(rows, wanted, deadline_seconds, metadata))

    def watch_drift(
        self,
        batches: Iterable[object],
        *,
        deadline_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        **wanted: Unpack[WatchOptions],
    ) -> Iterator[WatchReport]:
        """Watch whether the rows of a stream still look like the reference, with few false alarms.

        Each window of rows is tested as by test_drift, and a cumulative sum over each column of numbers tells of
        changes in between. How many false alarms are put up with is declared, and the levels of all tests follow
        from it, for rows that are exchangeable where nothing has changed. What is found
        does not depend on how rows are cut into batches. A report needs the rows before it, so calls are made one
        after the other, to any replica.

        Args:
            batches: what score takes as x, or dicts such as {"logits": z, "embeddings": e}.
            deadline_seconds: for each call, in place of the client's.
            metadata: as in score.
            **wanted: window_rows, expected_run_rows or false_alarms_per_week with rows_per_second, and more; see
                WatchOptions.

        Raises:
            InvalidArgumentError: among others, a window is too small for so few false alarms, or the state is of
                another reference or other settings.
            FailedPreconditionError: the model has no reference, or no replica has the one that is watched by.
            AssaydError: at the first batch that fails. The state of the last report is where to go on, with the
                row after those that it has seen.
        """
        steps = self._connection.watch(wanted, deadline_seconds, metadata)
        return Blocking(self._send, check_batches(batches)).all(steps)

    def reference(
        self, model: str = "", *, version: int = 0, deadline_seconds: float | None = None
    ) -> ReferenceInfo:
        """What the reference beside a model holds.

        Raises:
            NotFoundError: there is no such model or version.
            FailedPreconditionError: it has no reference.
        """
        return Blocking(self._send).one(self._connection.reference(model, version, deadline_seconds))

    @abstractmethod
    def _send(self, effect: Send) -> Pending:
        """Begin a call."""
        ...
