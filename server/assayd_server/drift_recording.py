"""Production rows, counted in the bins of the reference: many at a time, so that a call hardly notices."""

import threading

import numpy as np
from numpy.typing import NDArray

from assayd_server import logs
from assayd_server.core.arrays import Floats, Integers
from assayd_server.core.drift import Tally
from assayd_server.core.drift.bins import Values
from assayd_server.drift_counts import RecordedDrift
from assayd_server.features import feature_columns
from assayd_server.forward import COORDINATES, Forward, joined_forwards
from assayd_server.kept_rows import Arrays, KeptRows
from assayd_server.monitored import score_columns, watched_scores
from assayd_server.plan import Plan
from assayd_server.reference_file import Reference
from assayd_server.reference_rows import watched
from assayd_server.rows import Inputs
from assayd_server.servable import Servable

KEPT_ROWS = 4096
"""Counting so many rows together takes a thirtieth of what it takes to count each by itself."""
FEW_ROWS = 64
"""Fewer rows wait for others before anything is done with them: what NumPy does with one takes as long."""
KEPT_BYTES = 1 << 23
"""Of what is kept to be counted."""
_SCORES = ("logits", "probabilities", "values")
_COORDINATES = "coordinates"
_log = logs.get_logger()


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
        self._kept = KeptRows(rows_max=KEPT_ROWS, bytes_max=KEPT_BYTES)
        self._spare: list[KeptRows] = []
        self._few: list[Forward] = []
        self._few_count = 0
        self._counts = np.zeros(tally.bin_count, np.int64)
        self._uncounted = 0
        self._embeds = reference.drift.layout.embedding is not None
        embedding = COORDINATES if COORDINATES in model.said else "embedding"
        self.has_features = bool(reference.manifest.features)
        """Whether the rows themselves are counted too, and not only what the model gives."""
        self.roles: tuple[str, ...] = (model.contract.scores_role, *([embedding] if self._embeds else []))
        """The outputs of the model that are counted."""

    def record(self, forward: Forward, rows: Inputs) -> None:
        """Count the rows of a forward pass, or keep what is needed of them until there are more.

        Args:
            forward: what the model itself gave for them, by the roles.
            rows: n of them, what the model was run on.
        """
        try:
            self._record(forward, rows)
        except Exception:  # the callers have asked for scores alone
            _log.exception("rows could not be counted for drift", model=self._model.identity.name)
            with self._lock:
                self._uncounted += rows.count

    def read(self) -> tuple[Integers, int]:
        """(bins,) rows by bin, and how many rows could not be counted; of all rows until now."""
        with self._lock:
            few, self._few, self._few_count = self._few, [], 0
        if few:
            self._keep(joined_forwards(few), {})
        with self._lock:
            due = self._taken()
        self._count_kept(due)
        with self._lock:
            return self._counts.copy(), self._uncounted

    def _record(self, forward: Forward, rows: Inputs) -> None:
        if not rows.count:
            return
        features: dict[str, Values] = {}
        if self.has_features:
            columns = feature_columns(self._reference.manifest.features, rows, self._model.contract.inputs)
            features = {column.name: column.values for column in columns}
        elif rows.count < FEW_ROWS:
            few = self._with_few(forward, rows.count)
            if few is not None:
                self._keep(few, {})
            return
        self._keep(forward, features)

    def _with_few(self, forward: Forward, row_count: int) -> Forward | None:
        """Few rows together with those before them, once they are not few any more; of each what is counted."""
        embeddings = forward.embeddings if forward.projected is None else None
        counted = Forward(
            forward.logits, forward.probabilities, forward.values, embeddings, projected=forward.projected
        )
        with self._lock:
            self._few.append(counted)
            self._few_count += row_count
            if self._few_count < FEW_ROWS:
                return None
            few, self._few, self._few_count = self._few, [], 0
        return joined_forwards(few)

    def _keep(self, forward: Forward, features: dict[str, Values]) -> None:
        arrays = self._arrays_of(forward)
        row_count = len(next(iter(arrays.values())))
        with self._lock:
            if self._kept.add(row_count, arrays, features):
                return
            due = self._taken()
            is_kept = self._kept.add(row_count, arrays, features)
        self._count_kept(due)
        if not is_kept:  # more than there is room for
            self._count(row_count, arrays, features)

    def _arrays_of(self, forward: Forward) -> Arrays:
        """Of an embedding the coordinates that are counted: a tenth of it, while it is at hand."""
        given = {name: getattr(forward, name) for name in _SCORES}
        arrays = {name: values for name, values in given.items() if values is not None}
        if self._embeds:  # then they are among the roles; else others may have asked for them
            arrays[_COORDINATES] = self._coordinates(forward)
        return arrays

    def _coordinates(self, forward: Forward) -> Floats:
        if forward.projected is not None:
            return self.tally.coordinates_of_projected(forward.projected)
        assert forward.embeddings is not None
        return self.tally.coordinates(forward.embeddings)

    def _taken(self) -> KeptRows:
        """What was kept, for which there is room elsewhere from now on."""
        due = self._kept
        self._kept = self._spare.pop() if self._spare else KeptRows(rows_max=KEPT_ROWS, bytes_max=KEPT_BYTES)
        return due

    def _count_kept(self, due: KeptRows) -> None:
        if due.row_count:
            self._count(*due.taken())
        due.clear()
        with self._lock:
            if not self._spare:
                self._spare.append(due)

    def _count(self, row_count: int, arrays: Arrays, features: dict[str, Values]) -> None:
        """Count rows. Whatever goes wrong here is not to reach a caller, who asked for scores alone."""
        try:
            found, failed = self._counted(row_count, arrays, features), 0
        except Exception:
            _log.exception("rows could not be counted for drift", model=self._model.identity.name)
            found, failed = np.zeros_like(self._counts), row_count
        with self._lock:
            self._counts += found
            self._uncounted += failed

    def _counted(self, row_count: int, arrays: Arrays, features: dict[str, Values]) -> NDArray[np.int64]:
        plan = Plan(Inputs((), row_count), self._scoring, self._model)
        forward = Forward(arrays.get("logits"), arrays.get("probabilities"), arrays.get("values"))
        scores = watched_scores(forward, plan)
        columns = score_columns(scores, temperature=self._reference.manifest.temperature)
        values: dict[str, Values] = {column.name: column.values for column in columns}
        return self.tally.count(values | features, arrays.get(_COORDINATES))
