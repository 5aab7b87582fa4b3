"""Responses of Score as bytes: what responses of one plan and one number of rows share is made once.

A message of protobuf is the bytes of its fields, one after the other, and a field that occurs twice is merged: so
each array has a header that stands before its numbers, and nothing else needs to be written for a call.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import encode
from assayd.v1 import scoring_pb2, tensor_pb2
from assayd_server.rpc import responses
from assayd_server.score_job import Part
from assayd_server.scoring import Scores
from assayd_server.wanted import Output

_NAMES_MAX = 1024
"""So many names of classes are kept as bytes; of a model that has more, others are written anew."""
_Find = Callable[[Scores], Any]
"""Finds an array of (n, ...) in scores."""
_Put = Callable[[tensor_pb2.Tensor], scoring_pb2.ScoreResponse]
"""A response with nothing but this tensor."""


class _Field(NamedTuple):
    find: _Find
    dtype: str
    header: bytes


class ResponseForm:
    """Writes the responses to calls with so many rows, where all of them are valid."""

    def __init__(self, scores: Scores, row_count: int) -> None:
        """Look at the scores of one call; all others of the same plan have the same arrays.

        Args:
            scores: of any number of rows, 1 or more.
            row_count: n.
        """
        model = scores.plan.model
        assert model is not None  # rows of inputs have one
        start = scoring_pb2.ScoreResponse(model=responses.identity(model.identity))
        if model.labels:
            start.class_names[-1] = ""
        self._start = start.SerializeToString()
        self._fields = [
            _Field(find, dtype, _header(find(scores), row_count, dtype, put))
            for find, dtype, put in _arrays(scores)
        ]
        self._labels = model.labels
        self._has_top = scores.plan.wanted.top_k > 0
        self._names: dict[int, bytes] = {}

    def response(self, part: Part) -> bytes:
        """The bytes of a ScoreResponse."""
        scores, rows = part.scores, part.rows
        pieces = [self._start]
        for find, dtype, header in self._fields:
            pieces += (header, _cast(find(scores)[rows], dtype).tobytes())
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


def _cast(values: NDArray[Any], dtype: str) -> NDArray[Any]:
    if values.dtype == dtype:
        return values
    with np.errstate(over="ignore"):  # beyond float32 lies an infinity
        return values.astype(dtype)


def _arrays(scores: Scores) -> Iterator[tuple[_Find, str, _Put]]:
    """What is returned, in the order of its fields: as responses.score has it."""
    outputs, response = scores.plan.outputs, scoring_pb2.ScoreResponse
    yield lambda found: found.rows.predictions, "<i4", lambda tensor: response(predictions=tensor)
    if Output.PROBABILITIES in outputs:
        yield lambda found: found.rows.probabilities, "<f4", lambda tensor: response(probabilities=tensor)
    if Output.LOGITS in outputs:
        yield lambda found: found.forward.logits, "<f4", lambda tensor: response(logits=tensor)
    if Output.EMBEDDINGS in outputs:
        yield lambda found: found.forward.embeddings, "<f4", lambda tensor: response(embeddings=tensor)
    if Output.VALUES in outputs:
        yield lambda found: found.forward.values, "<f4", lambda tensor: response(values=tensor)
    if scores.plan.wanted.top_k:
        top = scoring_pb2.TopClasses
        yield lambda found: found.rows.top_classes, "<i4", lambda tensor: response(top=top(classes=tensor))
        yield (
            lambda found: found.rows.top_probabilities,
            "<f4",
            lambda tensor: response(top=top(probabilities=tensor)),
        )
    yield from map(_uncertainty, scores.rows.uncertainties)


def _uncertainty(measure: Any) -> tuple[_Find, str, _Put]:
    number = responses.MEASURE_NUMBERS[measure]

    def put(tensor: tensor_pb2.Tensor) -> scoring_pb2.ScoreResponse:
        return scoring_pb2.ScoreResponse(uncertainties=[scoring_pb2.Uncertainty(measure=number, values=tensor)])

    return lambda found: found.rows.uncertainties[measure], "<f4", put


def _header(array: NDArray[Any], row_count: int, dtype: str, put: _Put) -> bytes:
    """What stands before the numbers of an array, which are the last bytes of the last field of its tensor."""
    blank = np.zeros((row_count, *array.shape[1:]), dtype)
    whole = put(encode(blank)).SerializeToString()
    return whole[: len(whole) - blank.nbytes]
