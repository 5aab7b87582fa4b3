"""What a scoring request needs of its rows and its model."""

from dataclasses import dataclass
from functools import cached_property

from assayd_server.core.novelty import NoveltyMeasure
from assayd_server.core.tasks import Task
from assayd_server.errors import InvalidArgumentError
from assayd_server.forward import NOVELTY, SOFTMAX, own_role
from assayd_server.rows import Committee, Embeddings, Inputs, Logits, PoolRows, Probabilities, Rows
from assayd_server.servable import Servable
from assayd_server.wanted import Output, Wanted


@dataclass(frozen=True)
class Plan:
    """A request, and the model that is to answer it."""

    rows: Rows
    wanted: Wanted
    model: Servable | None
    """None where the rows need none and none was named."""

    @cached_property
    def task(self) -> Task:
        """The request's, or the model's own, unless a head that came with the request takes its place."""
        if self.wanted.task is not None:
            return self.wanted.task
        if self.rows_are_values:
            return Task.REGRESSION
        return Task.MULTICLASS if self.model is None or self.wanted.head is not None else self.model.contract.task

    @cached_property
    def outputs(self) -> frozenset[Output]:
        """What is returned besides predictions."""
        if self.wanted.outputs is not None:
            return self.wanted.outputs
        return frozenset({Output.VALUES if self.task is Task.REGRESSION else Output.PROBABILITIES})

    @cached_property
    def class_count(self) -> int:
        """How many classes the answer has; 0 where it has values.

        Raises:
            InvalidArgumentError: embeddings came without a linear head.
        """
        if self.wanted.head is not None:
            return len(self.wanted.head.weights)
        if isinstance(self.rows, Logits | Probabilities | Committee):
            return 0 if self.task is Task.REGRESSION else self.rows.values.shape[-1]
        if isinstance(self.rows, Embeddings) or self.model is None:
            raise InvalidArgumentError(
                "is missing: embeddings can only be scored with a linear head", reason="HEAD_MISSING", field="head"
            )
        return self.model.contract.class_count

    @property
    def value_count(self) -> int:
        """How many numbers a regression model gives for a row; 0 where the answer has classes."""
        if isinstance(self.rows, Committee):
            return self.rows.values.shape[-1] if self.rows_are_values else 0
        return self.model.contract.value_count if self.model and self.task is Task.REGRESSION else 0

    @property
    def rows_are_values(self) -> bool:
        """Whether the rows are a committee's values, which need no model."""
        return isinstance(self.rows, Committee) and self.rows.kind == "values"

    @property
    def embedding_width(self) -> int:
        """0 where there is no embedding."""
        if isinstance(self.rows, Embeddings):
            return self.rows.values.shape[1]
        if isinstance(self.rows, PoolRows):
            return self.rows.stored.dimension
        runs = isinstance(self.rows, Inputs) and self.model is not None
        return self.model.contract.embedding_width if runs and self.model else 0

    @cached_property
    def roles(self) -> list[str]:
        """The outputs of the model that a forward pass is to return."""
        if self.wanted.head is not None:
            return ["embedding"]
        assert self.model is not None  # inputs always have a model
        scores = self.model.contract.scores_role
        return [scores, "embedding"] if self.needs_embedding else [scores]

    @cached_property
    def takes_softmax(self) -> bool:
        """Whether the softmax that the graph says itself is the one that is wanted."""
        model = self.model
        if model is None or SOFTMAX not in model.said or self.wanted.head is not None:
            return False
        if self.wanted.same_in_any_batch:
            return False
        return self.temperature == model.temperature

    @cached_property
    def score_roles(self) -> list[str]:
        """The same for scores, which the graph itself may say a part of, and with its own outputs."""
        said = [*([SOFTMAX] if self.takes_softmax else []), *([NOVELTY] if self._takes_novelty else [])]
        return [*self.roles, *said, *map(own_role, self.wanted.own_outputs)]

    @property
    def _takes_novelty(self) -> bool:
        """Whether what the graph says of novelty is wanted."""
        if self.model is None or NOVELTY not in self.model.said or self.wanted.head is not None:
            return False
        return NoveltyMeasure.COMBINED in self.wanted.novelty

    @property
    def needs_embedding(self) -> bool:
        """Whether something of what is wanted is told from the embedding."""
        if Output.EMBEDDINGS in self.outputs or self.wanted.neighbors:
            return True
        reference = self.model.reference if self.model is not None else None
        return reference is not None and reference.novelty.looks_at_embedding(self.wanted.novelty)

    @cached_property
    def temperature(self) -> float:
        """The request's, or the model's own, which was not fitted for a head that came with the request."""
        if self.wanted.temperature is not None:
            return self.wanted.temperature
        return 1.0 if self.model is None or self.wanted.head is not None else self.model.temperature

    @property
    def has_logits(self) -> bool:
        """Whether the answer can hold logits."""
        if self.wanted.head is not None or isinstance(self.rows, Logits | PoolRows):
            return True
        if not isinstance(self.rows, Inputs) or self.model is None:
            return False
        return "logits" in self.model.contract.roles and not self.model.contract.sample_count
