"""Production rows, counted in the bins of the reference: many at a time, so that a call hardly notices."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assayd_server import logs
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.drift import Tally
from assayd_server.core.drift.bins import Values
from assayd_server.drift_counts import RecordedDrift
from assayd_server.features import feature_columns
from assayd_server.monitored import score_columns, watched_scores
from assayd_server.plan import Plan
from assayd_server.reference_file import Reference
from assayd_server.reference_rows import watched
from assayd_server.rows import Inputs
from assayd_server.servable import Forward, Servable

KEPT_ROWS = 2048
"""Counting so many rows together takes a thirtieth of what it takes to count each by itself."""
KEPT_BYTES = 1 << 22
"""Of what is kept to be counted."""
_log = logs.get_logger()


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a forward pass gave, and the features of its rows."""

    row_count: int
    forward: Forward
    features: dict[str, Values]


class DriftRecording(RecordedDrift):
    """Counts the production rows of one model version; may be used by several threads at once."""

    def __init__(self, model: Servable, reference: Reference) -> None:
        """Nothing is counted yet."""
        tally = Tally(reference.drift)
        super().__init__(tally, labels=model.labels, digest=reference.digest)
        self._model = model
        self._reference = reference
        self._scoring = watched(model, reference.manifest.temperature)
        self._lock = threading.Lock()
        self._kept: list[_Kept] = []
        self._kept_rows = self._kept_bytes = 0
        self._counts = np.zeros(tally.bin_count, np.int64)
        self._uncounted = 0
        embeds = reference.drift.layout.embedding is not None
        self.roles: tuple[str, ...] = (model.contract.scores_role, *(["embedding"] if embeds else []))
        """The outputs of the model that are counted."""

    def record(self, forward: Forward, rows: Inputs) -> None:
        """Count the rows of a forward pass, or keep them until there are more; what it gave is not to be changed.

        Args:
            forward: what the model itself gave for them, by the roles.
            rows: n of them, what the model was run on.
        """
        if not rows.count:
            return
        features = feature_columns(self._reference.manifest.features, rows, self._model.contract.inputs)
        kept = _Kept(rows.count, forward, {column.name: column.values for column in features})
        with self._lock:
            self._kept.append(kept)
            self._kept_rows += rows.count
            self._kept_bytes += _bytes(kept)
            if self._kept_rows < KEPT_ROWS and self._kept_bytes < KEPT_BYTES:
                return
            due = self._taken()
        self._count(due)

    def read(self) -> tuple[Integers, int]:
        """(bins,) rows by bin, and how many rows could not be counted; of all rows until now."""
        with self._lock:
            due = self._taken()
        self._count(due)
        with self._lock:
            return self._counts.copy(), self._uncounted

    def _taken(self) -> list[_Kept]:
        due, self._kept, self._kept_rows, self._kept_bytes = self._kept, [], 0, 0
        return due

    def _count(self, due: Sequence[_Kept]) -> None:
        """Count what was kept. Whatever goes wrong here is not to reach a caller, who asked for scores alone."""
        if not due:
            return
        try:
            found, failed = self._counted(due), 0
        except Exception:
            _log.exception("rows could not be counted for drift", model=self._model.identity.name)
            found, failed = np.zeros_like(self._counts), sum(kept.row_count for kept in due)
        with self._lock:
            self._counts += found
            self._uncounted += failed

    def _counted(self, due: Sequence[_Kept]) -> NDArray[np.int64]:
        row_count = sum(kept.row_count for kept in due)
        forward = _joined([kept.forward for kept in due])
        plan = Plan(Inputs((), row_count), self._scoring, self._model)
        scores = watched_scores(forward, plan)
        columns = score_columns(scores, temperature=self._reference.manifest.temperature)
        values: dict[str, Values] = {column.name: column.values for column in columns}
        for name in due[0].features:
            values[name] = np.concatenate([kept.features[name] for kept in due])
        return self.tally.count(values, forward.embeddings)


def _bytes(kept: _Kept) -> int:
    forward = kept.forward
    parts = (forward.logits, forward.probabilities, forward.values, forward.embeddings, *kept.features.values())
    return sum(part.nbytes for part in parts if part is not None)


def _joined(forwards: Sequence[Forward]) -> Forward:
    if len(forwards) == 1:
        return forwards[0]

    def of(name: str) -> Floats | None:
        parts = [getattr(forward, name) for forward in forwards]
        return None if parts[0] is None else np.concatenate(parts)

    return Forward(of("logits"), of("probabilities"), of("values"), of("embeddings"))
