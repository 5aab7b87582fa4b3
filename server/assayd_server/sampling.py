"""One stream of rows, of which some are selected for labelling: what it remembers between its messages."""

from dataclasses import dataclass, replace

import numpy as np

from assayd_server import stream_token
from assayd_server.caller import Caller
from assayd_server.checks import wrong
from assayd_server.core.arrays import Floats, Hashes
from assayd_server.core.hashing import id_hash
from assayd_server.core.stream import Decisions, PolicySettings, State, advance, begin
from assayd_server.engine import Engine
from assayd_server.ranking_wanted import Ids, RankWanted
from assayd_server.rows import Sent
from assayd_server.servable import Servable

_LABEL_CLASS_COUNT = 2
"""A label is a question with two answers."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was decided on the rows of one message."""

    scores: Floats
    """(n,)"""
    decisions: Decisions
    state: bytes
    model: Servable | None


class Sampling:
    """Decides on rows as they come."""

    def __init__(self, engine: Engine, wanted: RankWanted, settings: PolicySettings, state: bytes) -> None:
        """Begin, or go on from a state.

        Args:
            engine: scores the rows.
            wanted: the model and the measure.
            settings: the policy; its class count is that of the rows.
            state: what another stream with the same settings came to; empty to begin.
        """
        self._engine = engine
        self._wanted = wanted
        self._settings = settings
        self._token = state
        self._scale = f"{wanted.measure} {wanted.scoring.temperature}"
        self._state: State | None = None

    def decide(self, rows: Sent, ids: Ids | None, caller: Caller) -> Sample:
        """Decide on the next rows.

        Args:
            rows: n of them.
            ids: of the rows; None for how many there were before.
            caller: work that has not begun when it stops waiting is not done.

        Raises:
            ServiceError: the rows cannot be scored, or the state is not one of these settings.
        """
        scores, plan = self._engine.uncertainty(rows, replace(self._wanted, ids=ids), caller)
        before = self._at(plan.class_count or _LABEL_CLASS_COUNT)
        hashes = self._counted(before, scores) if ids is None else ids.hashes
        self._state, decisions = advance(before, scores, hashes, self._settings)
        self._token = stream_token.encode(self._state, self._settings, scale=self._scale)
        return Sample(scores, decisions, self._token, plan.model)

    def _at(self, class_count: int) -> State:
        """The state that the rows before have led to."""
        if self._state is None:
            self._settings = replace(self._settings, class_count=class_count)
            if not self._token:
                return begin(self._settings)
            return stream_token.decode(self._token, self._settings, scale=self._scale)
        if class_count != self._settings.class_count:
            message = f"have {class_count} classes, the stream began with {self._settings.class_count}"
            raise wrong("rows", message, "CLASSES_DO_NOT_FIT")
        return self._state

    @staticmethod
    def _counted(before: State, scores: Floats) -> Hashes:
        """Valid rows are counted on, so that what they are called does not depend on how the stream is cut."""
        valid = ~np.isnan(scores)
        return id_hash(before.seen + np.cumsum(valid) - valid)
