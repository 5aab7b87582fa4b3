"""The tensors that a model's callers can name: its own outputs, and what is said besides of each row."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

from numpy.typing import NDArray

from assayd_server.contract import TensorSpec
from assayd_server.core.novelty import NoveltyMeasure
from assayd_server.core.scores import MEASURES
from assayd_server.core.uncertainty import Measure
from assayd_server.scoring import Scores
from assayd_server.servable import Servable
from assayd_server.wanted import ModelChoice, Output, Wanted

PREFIX = "assayd."
"""Of what is not the model's own; an output of a model that begins so goes by nobody's name but its own."""
_NUMBERS = frozenset({"bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))})
_FLOATS = frozenset({"float16", "float32", "float64"})
DATA_TYPES = _NUMBERS | _FLOATS | {"string"}
"""Of tensors that can be sent."""


class Novelty(StrEnum):
    """What is said of how strange a row is, by the combined measure."""

    SCORE = "novelty"
    P_VALUE = "novelty_p"


Kind: TypeAlias = Output | Measure | Novelty | None
Find: TypeAlias = Callable[[Scores], NDArray[Any]]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Offered:
    """One tensor of an answer."""

    spec: TensorSpec
    """The first axis is the rows."""
    kind: Kind = None
    """None for an output of the model, as it gives it."""

    @cached_property
    def find(self) -> Find:
        """Finds the array in scores: (n, ...), of the type that was offered or one that is cast to it."""
        return _finder(self)


def offered(model: Servable) -> tuple[Offered, ...]:
    """All that can be named of a model, its own outputs first.

    An output is left out that has no row for each row of the input, or that is of no type that can be sent.
    """
    contract = model.contract
    own = [
        Offered(spec) for spec in contract.outputs if spec.shape[:1] == (None,) and spec.data_type in DATA_TYPES
    ]
    names = {each.spec.name for each in own}
    return (*own, *(each for each in _said(model) if each.spec.name not in names))


def wanted_of(outputs: Collection[Offered], choice: ModelChoice, *, record: bool) -> Wanted:
    """What to ask the engine for.

    Args:
        outputs: what is to be returned.
        choice: the model.
        record: whether the rows count as production traffic.
    """
    kinds = [each.kind for each in outputs]
    return Wanted(
        model=choice,
        outputs=frozenset(kind for kind in kinds if isinstance(kind, Output)),
        own_outputs=tuple(sorted(each.spec.name for each in outputs if each.kind is None)),
        uncertainties=tuple(kind for kind in kinds if isinstance(kind, Measure)),
        novelty=(NoveltyMeasure.COMBINED,) if any(isinstance(kind, Novelty) for kind in kinds) else (),
        record=record,
    )


def _said(model: Servable) -> Iterator[Offered]:
    """What is said of rows by who runs the model."""
    contract, reference = model.contract, model.reference
    if contract.class_count:
        yield _float32(Output.PROBABILITIES, contract.class_count)
    for measure in MEASURES[contract.task]:
        if measure is not Measure.MAX_ENTROPY:  # which is the entropy in another unit
            yield _float32(measure)
    if reference is not None and NoveltyMeasure.COMBINED in reference.novelty.measures:
        yield from map(_float32, Novelty)
    if contract.embedding_width:
        yield _float32(Output.EMBEDDINGS, contract.embedding_width, name="embedding")


def _float32(kind: Output | Measure | Novelty, *lengths: int, name: str = "") -> Offered:
    return Offered(TensorSpec(f"{PREFIX}{name or kind}", "float32", (None, *lengths)), kind)


def _finder(offered: Offered) -> Find:
    kind, name = offered.kind, offered.spec.name
    if kind is None:
        return lambda scores: _there(scores.forward.tensors)[name]
    if isinstance(kind, Measure):
        return lambda scores: scores.rows.uncertainties[kind]
    if kind is Novelty.SCORE:
        return lambda scores: _there(scores.novelty).measures[NoveltyMeasure.COMBINED].scores
    if kind is Novelty.P_VALUE:
        return lambda scores: _there(scores.novelty).measures[NoveltyMeasure.COMBINED].p_values
    if kind is Output.EMBEDDINGS:
        return lambda scores: _there(scores.forward.embeddings)
    assert kind is Output.PROBABILITIES  # nothing else is offered
    return lambda scores: scores.rows.probabilities


def _there(found: Found | None) -> Found:
    """What was wanted, and so is there."""
    assert found is not None
    return found
