"""What the numbers of the wire's enumerations stand for."""

from collections.abc import Iterable, Mapping, Sized
from typing import Any, TypeVar

from assayd.v1 import novelty_pb2, scoring_pb2
from assayd_server.caller import Lane
from assayd_server.checks import wrong
from assayd_server.core.novelty import NoveltyMeasure
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure
from assayd_server.errors import InvalidArgumentError
from assayd_server.wanted import Output

_REPEATS_MAX = 4
Meaning = TypeVar("Meaning")
Number = TypeVar("Number", bound=int)

MEASURES: Mapping[scoring_pb2.UncertaintyMeasure, Measure] = {
    scoring_pb2.UNCERTAINTY_MEASURE_LEAST_CONFIDENCE: Measure.LEAST_CONFIDENCE,
    scoring_pb2.UNCERTAINTY_MEASURE_MARGIN: Measure.MARGIN,
    scoring_pb2.UNCERTAINTY_MEASURE_RATIO: Measure.RATIO,
    scoring_pb2.UNCERTAINTY_MEASURE_ENTROPY: Measure.ENTROPY,
    scoring_pb2.UNCERTAINTY_MEASURE_MULTILABEL_MAX: Measure.MULTILABEL_MAX,
    scoring_pb2.UNCERTAINTY_MEASURE_MULTILABEL_MEAN: Measure.MULTILABEL_MEAN,
    scoring_pb2.UNCERTAINTY_MEASURE_MAX_ENTROPY: Measure.MAX_ENTROPY,
}
OUTPUTS: Mapping[scoring_pb2.Output, Output | None] = {
    scoring_pb2.OUTPUT_PREDICTIONS: None,
    scoring_pb2.OUTPUT_PROBABILITIES: Output.PROBABILITIES,
    scoring_pb2.OUTPUT_LOGITS: Output.LOGITS,
    scoring_pb2.OUTPUT_EMBEDDINGS: Output.EMBEDDINGS,
    scoring_pb2.OUTPUT_VALUES: Output.VALUES,
}
"""None for what always comes."""
NOVELTY_MEASURES: Mapping[novelty_pb2.NoveltyMeasure, NoveltyMeasure] = {
    novelty_pb2.NOVELTY_MEASURE_COMBINED: NoveltyMeasure.COMBINED,
    novelty_pb2.NOVELTY_MEASURE_MSP: NoveltyMeasure.MSP,
    novelty_pb2.NOVELTY_MEASURE_MAX_LOGIT: NoveltyMeasure.MAX_LOGIT,
    novelty_pb2.NOVELTY_MEASURE_ENERGY: NoveltyMeasure.ENERGY,
    novelty_pb2.NOVELTY_MEASURE_GEN: NoveltyMeasure.GEN,
    novelty_pb2.NOVELTY_MEASURE_MAHALANOBIS: NoveltyMeasure.MAHALANOBIS,
    novelty_pb2.NOVELTY_MEASURE_RELATIVE_MAHALANOBIS: NoveltyMeasure.RELATIVE_MAHALANOBIS,
    novelty_pb2.NOVELTY_MEASURE_KNN: NoveltyMeasure.KNN,
    novelty_pb2.NOVELTY_MEASURE_VIM: NoveltyMeasure.VIM,
    novelty_pb2.NOVELTY_MEASURE_DOMAIN: NoveltyMeasure.DOMAIN,
}
TASKS: Mapping[scoring_pb2.Task, Task] = {
    scoring_pb2.TASK_MULTICLASS: Task.MULTICLASS,
    scoring_pb2.TASK_MULTILABEL: Task.MULTILABEL,
    scoring_pb2.TASK_REGRESSION: Task.REGRESSION,
}
LANES: Mapping[scoring_pb2.Lane, Lane] = {
    scoring_pb2.LANE_UNSPECIFIED: Lane.ONLINE,
    scoring_pb2.LANE_ONLINE: Lane.ONLINE,
    scoring_pb2.LANE_BULK: Lane.BULK,
}


def meant(field: str, number: Number, known: Mapping[Number, Meaning], enum: Any) -> Meaning:
    """What a number stands for.

    Raises:
        InvalidArgumentError: nothing that is known.
    """
    if number not in known:
        raise unknown(field, number, enum)
    return known[number]


def all_meant(field: str, numbers: Any, known: Mapping[Number, Meaning], enum: Any) -> list[Meaning]:
    """What each of several numbers stands for, each once.

    Raises:
        InvalidArgumentError: one stands for nothing that is known, or there are far too many.
    """
    _check_length(field, numbers, known)
    found: Iterable[Meaning] = (
        meant(f"{field}[{index}]", number, known, enum) for index, number in enumerate(numbers)
    )
    return list(dict.fromkeys(found))


def unknown(field: str, number: int, enum: Any) -> InvalidArgumentError:
    """A number that stands for nothing, with those that do."""
    allowed = ", ".join(f"{name} ({value})" for name, value in enum.items() if value)
    return wrong(field, f"{number} is unknown, allowed are {allowed}", "UNKNOWN_VALUE")


def _check_length(field: str, numbers: Any, known: Sized) -> None:
    if len(numbers) > _REPEATS_MAX * len(known):
        raise wrong(field, f"has {len(numbers)} entries, there are {len(known)} to choose from", "TOO_MANY_VALUES")
