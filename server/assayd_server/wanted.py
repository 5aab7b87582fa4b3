"""What a caller asks of the engine."""

from dataclasses import dataclass
from enum import StrEnum

from assayd_server.core.novelty import NoveltyMeasure
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure
from assayd_server.rows import Head


class Output(StrEnum):
    """What a caller can have besides the predicted class."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    EMBEDDINGS = "embeddings"
    VALUES = "values"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """Which model is meant."""

    name: str = ""
    """May be empty where there is one model only."""
    version: int = 0
    """0 for the largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to score with and what to return."""

    model: ModelChoice | None = None
    """None where the caller named none."""
    head: Head | None = None
    temperature: float | None = None
    """None for the model's own."""
    task: Task | None = None
    """How ready-made scores or those of the head are meant; None for the model's own task."""
    outputs: frozenset[Output] | None = frozenset()
    """None for what the task has to say: probabilities or values."""
    own_outputs: tuple[str, ...] = ()
    """Outputs of the model, by name, that are returned as it gives them."""
    uncertainties: tuple[Measure, ...] = ()
    top_k: int = 0
    neighbors: int = 0
    """How many rows of the model's pool are returned that are most like each row."""
    novelty: tuple[NoveltyMeasure, ...] = ()
    novelty_alpha: float = 0.05
    """The level of its verdicts."""
    same_in_any_batch: bool = False
    """Whether a row has the same probabilities whatever rows come with it, to the last digit: the softmax that the
    graph says, of rows that are all valid, is not quite that of NumPy. What the graph itself does is its own."""
    record: bool = False
    """Whether rows of inputs count as production traffic."""
