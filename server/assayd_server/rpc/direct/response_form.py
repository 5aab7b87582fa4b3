"""Responses of Score as bytes: what responses of one plan and one number of rows share is made once.

A message of protobuf is the bytes of its fields, one after the other, and a field that occurs twice is merged: so
each array has a header that stands before its numbers, and nothing else needs to be written for a call.
"""

from assayd.v1 import scoring_pb2
from assayd_server.rpc import responses
from assayd_server.rpc.direct.response_fields import fields
from assayd_server.score_job import Part
from assayd_server.scoring import Scores

_NAMES_MAX = 1024
"""So many names of classes are kept as bytes; of a model that has more, others are written anew."""


class ResponseForm:
    """Writes the responses to calls with so many rows, where all of them are valid."""

    def __init__(self, scores: Scores, row_count: int) -> None:
        """Look at the scores of one call; all others of the same plan have the same arrays.

        Args:
            scores: of any number of rows, 1 or more.
            row_count: n.
        """
        model, novelty = scores.plan.model, scores.novelty
        assert model is not None  # rows of inputs have one
        start = scoring_pb2.ScoreResponse(model=responses.identity(model.identity))
        if novelty is not None:
            start.novelty.reference_digest, start.novelty.alpha = novelty.reference.digest, novelty.alpha
        if model.labels:
            start.class_names[-1] = ""
        self._start = start.SerializeToString()
        self._fields = list(fields(scores, row_count))
        self._labels = model.labels
        self._has_top = scores.plan.wanted.top_k > 0
        self._names: dict[int, bytes] = {}

    def response(self, part: Part) -> bytes:
        """The bytes of a ScoreResponse."""
        scores, rows = part.scores, part.rows
        pieces = [self._start]
        for field in self._fields:
            pieces += (field.header, field.piece(scores, rows))
        if self._labels:
            classes = scores.rows.top_classes if self._has_top else scores.rows.predictions
            pieces += map(self._name, set(classes[rows].ravel().tolist()))
        return b"".join(pieces)

    def _name(self, position: int) -> bytes:
        name = self._names.get(position)
        if name is None:
            names = {position: self._labels[position]}
            name = scoring_pb2.ScoreResponse(class_names=names).SerializeToString()
            if len(self._names) < _NAMES_MAX:
                self._names[position] = name
        return name
