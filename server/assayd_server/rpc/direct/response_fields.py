"""The arrays of a response of Score, in the order of its fields: where each is found, and what is before it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from assayd.arrays import encode
from assayd.v1 import novelty_pb2, scoring_pb2, tensor_pb2
from assayd_server.core.novelty import NoveltyMeasure, discoveries
from assayd_server.core.uncertainty import Measure
from assayd_server.novelty_scoring import Judged, RowNovelty
from assayd_server.rpc import novelty_responses, responses
from assayd_server.scoring import Scores
from assayd_server.wanted import Output

_Type = np.dtype[Any]
_Find = Callable[[Scores, slice], NDArray[Any]]
"""Finds an array of (n, ...) in the scores of more rows."""
_FindJudged = Callable[[Judged, slice], NDArray[Any]]
"""The same in verdicts."""
_Put = Callable[[tensor_pb2.Tensor], Message]
"""A message whose last field is this tensor."""
_RESPONSE, _NOVELTY = scoring_pb2.ScoreResponse, novelty_pb2.Novelty
_SCORES, _P_VALUES, _BOOLEANS, _NUMBERS = map(np.dtype, ("<f4", "<f8", "?", "<i4"))


class Field(NamedTuple):
    """An array of a response."""

    find: _Find
    dtype: _Type
    header: bytes
    """What stands before its numbers."""

    def piece(self, scores: Scores, rows: slice) -> bytes:
        """The numbers of some rows."""
        values = self.find(scores, rows)
        if values.dtype != self.dtype:
            with np.errstate(over="ignore"):  # beyond float32 lies an infinity
                values = values.astype(self.dtype)
        return values.tobytes()


def fields(scores: Scores, row_count: int) -> Iterator[Field]:
    """As responses.score has them.

    Args:
        scores: of any number of rows, 1 or more, all of them valid.
        row_count: of the responses that the fields are for.
    """
    for find, dtype, put in _arrays(scores):
        yield _field(scores, row_count, find, dtype, put)
    if scores.novelty is not None:
        yield from _novelty(scores, scores.novelty, row_count)


def _field(scores: Scores, row_count: int, find: _Find, dtype: _Type, put: _Put, *, after: int = 0) -> Field:
    """With the header that the array has in the message, in which so many bytes come after it."""
    blank = _blank(find(scores, slice(0, 1)).shape[1:], row_count, dtype)
    whole = put(encode(blank)).SerializeToString()
    return Field(find, dtype, whole[: len(whole) - after - blank.nbytes])


def _blank(shape: tuple[int, ...], row_count: int, dtype: _Type) -> NDArray[Any]:
    return np.zeros((row_count, *shape), dtype)


def _arrays(scores: Scores) -> Iterator[tuple[_Find, _Type, _Put]]:
    outputs = scores.plan.outputs
    yield lambda found, rows: found.rows.predictions[rows], _NUMBERS, lambda tensor: _RESPONSE(predictions=tensor)
    if Output.PROBABILITIES in outputs:
        yield (
            lambda found, rows: found.rows.probabilities[rows],
            _SCORES,
            lambda tensor: _RESPONSE(probabilities=tensor),
        )
    for output, (name, put) in _OF_FORWARD.items():
        if output in outputs:
            yield partial(_forwards, name), _SCORES, put
    if scores.plan.wanted.top_k:
        top = scoring_pb2.TopClasses
        yield (
            lambda found, rows: found.rows.top_classes[rows],
            _NUMBERS,
            lambda tensor: _RESPONSE(top=top(classes=tensor)),
        )
        yield (
            lambda found, rows: found.rows.top_probabilities[rows],
            _SCORES,
            lambda tensor: _RESPONSE(top=top(probabilities=tensor)),
        )
    yield from map(_uncertainty, scores.rows.uncertainties)


_OF_FORWARD: dict[Output, tuple[str, _Put]] = {
    Output.LOGITS: ("logits", lambda tensor: _RESPONSE(logits=tensor)),
    Output.EMBEDDINGS: ("embeddings", lambda tensor: _RESPONSE(embeddings=tensor)),
    Output.VALUES: ("values", lambda tensor: _RESPONSE(values=tensor)),
}
"""What is returned as the model gave it, with its name."""


def _forwards(name: str, found: Scores, rows: slice) -> NDArray[Any]:
    values: NDArray[Any] = getattr(found.forward, name)[rows]
    return values


def _uncertainty(measure: Measure) -> tuple[_Find, _Type, _Put]:
    number = responses.MEASURE_NUMBERS[measure]

    def put(tensor: tensor_pb2.Tensor) -> Message:
        return _RESPONSE(uncertainties=[scoring_pb2.Uncertainty(measure=number, values=tensor)])

    return lambda found, rows: found.rows.uncertainties[measure][rows], _SCORES, put


def _novelty(scores: Scores, novelty: RowNovelty, row_count: int) -> Iterator[Field]:
    for measure in novelty.measures:
        yield from _measured(scores, measure, row_count)
    if novelty.judged is None:
        return
    for find, dtype, put in _JUDGED:
        yield _field(scores, row_count, partial(_judged, find), dtype, put)


def _measured(scores: Scores, measure: NoveltyMeasure, row_count: int) -> Iterator[Field]:
    """Two arrays of one message, which is one of several: the first has the second after it."""
    number, of_rows = novelty_responses.MEASURE_NUMBERS[measure], novelty_pb2.NoveltyScores
    p_values = of_rows(p_values=encode(_blank((), row_count, _P_VALUES)))

    def put(tensor: tensor_pb2.Tensor) -> Message:
        both = of_rows(measure=number, values=tensor, p_values=p_values.p_values)
        return _RESPONSE(novelty=_NOVELTY(scores=[both]))

    yield _field(
        scores,
        row_count,
        lambda found, rows: _said(found).measures[measure].scores[rows],
        _SCORES,
        put,
        after=p_values.ByteSize(),
    )
    yield _field(
        scores,
        row_count,
        lambda found, rows: _said(found).measures[measure].p_values[rows],
        _P_VALUES,
        lambda tensor: of_rows(p_values=tensor),
    )


def _judged(find: _FindJudged, found: Scores, rows: slice) -> NDArray[Any]:
    assert found.novelty is not None  # all scores of a plan have the same
    assert found.novelty.judged is not None
    return find(found.novelty.judged, rows)


def _said(found: Scores) -> RowNovelty:
    assert found.novelty is not None  # as above
    return found.novelty


_JUDGED: tuple[tuple[_FindJudged, _Type, _Put], ...] = (
    (
        lambda judged, rows: novelty_responses.verdict_numbers(judged.verdicts[rows]),
        _NUMBERS,
        lambda tensor: _RESPONSE(novelty=_NOVELTY(verdicts=tensor)),
    ),
    (
        lambda judged, rows: judged.p_class[rows],
        _P_VALUES,
        lambda tensor: _RESPONSE(novelty=_NOVELTY(p_class=tensor)),
    ),
    (
        lambda judged, rows: judged.p_domain[rows],
        _P_VALUES,
        lambda tensor: _RESPONSE(novelty=_NOVELTY(p_domain=tensor)),
    ),
    (
        lambda judged, rows: discoveries(judged.p_class[rows], judged.alpha),
        _BOOLEANS,
        lambda tensor: _RESPONSE(novelty=_NOVELTY(discoveries=tensor)),
    ),
)
