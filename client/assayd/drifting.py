"""What test_drift does: the whole window in one call, since tests of its parts do not add up."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Unpack

from assayd.cutting import Piece
from assayd.drift_options import Sample
from assayd.drift_report import DriftReport, report_of
from assayd.errors import AssaydError, InvalidArgumentError
from assayd.piecework import Conditions, Piecework
from assayd.question import Question
from assayd.rank_rows import beside_tensor
from assayd.refusals import rows_allowed
from assayd.rows import Rows, batch_rows
from assayd.steps import Emit, Steps
from assayd.tables.table import Table
from assayd.v1 import monitoring_pb2


class DriftJob:
    """One test_drift call of the SDK, as steps."""

    def __init__(
        self,
        request: monitoring_pb2.TestDriftRequest,
        sample: Sample | None,
        **conditions: Unpack[Conditions],
    ) -> None:
        """Nothing is sent yet.

        Args:
            request: everything but the rows.
            sample: what is taken of the rows; None for all.
            **conditions: deadline and limits.

        Raises:
            InvalidArgumentError: the request alone is larger than a message.
        """
        self._request = request
        self._sample = sample
        self._work = Piecework(
            Question(
                method="TestDrift",
                request=request,
                selector=request.model,
                rows=batch_rows,
                filled=_filled,
                result=report_of,
            ),
            **conditions,
        )

    def test(self, batch: Rows | Table) -> Steps[None]:
        """Emit the report on all rows, or on a sample of them."""
        rows = yield from self._work.begun(batch)
        window = rows if self._sample is None else self._sample.of(rows)
        report = yield from self._report(window)
        yield Emit(report if window is rows else replace(report, sampled_from=rows.count))

    def _report(self, window: Rows) -> Steps[DriftReport]:
        piece = next(self._work.cut(window))
        if not piece.last:
            raise _too_large(window.count, piece.rows.count)
        ask: Callable[[Any], Steps[DriftReport]] = (
            self._work.pinned if self._request.reference_digest else self._work.asked
        )
        try:
            return (yield from ask(_filled(self._request, piece)))
        except AssaydError as error:
            fitting = rows_allowed(error, window.count)
            if not 0 < fitting < window.count:
                raise
            raise _too_large(window.count, fitting) from None


def _too_large(row_count: int, fitting: int) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"rows: are {row_count:,}, one call takes {fitting:,} of these, and a window goes in one call; a random "
        f"sample of it will do: sample_rows={fitting}",
        reason="TOO_MANY_ROWS",
        field="rows",
        details={"rows_max": str(fitting)},
    )


def _filled(request: monitoring_pb2.TestDriftRequest, piece: Piece) -> monitoring_pb2.TestDriftRequest:
    filled = monitoring_pb2.TestDriftRequest(rows=piece.rows.message())
    for name, array in piece.rows.beside.items():
        getattr(filled, name).CopyFrom(beside_tensor(name, array))
    filled.MergeFrom(request)
    return filled
