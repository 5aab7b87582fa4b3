"""What a model takes and gives, and which of its outputs means what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from assayd_server.core.tasks import Task

Activation: TypeAlias = Literal["softmax", "sigmoid"]
"""What makes probabilities of logits: of classes that exclude each other, or of labels each by itself."""

SAMPLE_ROWS = 4
"""How many made-up rows a model is tried out with."""

SCORES = ("logits", "probabilities", "values")
"""The roles that rows are scored by; the first that a model has is used."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model."""

    name: str
    data_type: str
    """As on the wire: float32, int64, string and so on; or what ONNX calls it where the wire has no such type."""
    shape: tuple[int | None, ...]
    """None where any length will do."""

    def __str__(self) -> str:
        lengths = ", ".join("any" if length is None else str(length) for length in self.shape)
        return f"{self.name}: {self.data_type} ({lengths})"


@dataclass(frozen=True, slots=True)
class Choice:
    """How a model is to be read, as far as a flag or a manifest says so."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    """Output name by role."""
    activation: Activation | None = None
    """None where nobody says."""
    sample_axis: bool = False
    """Whether the scores are those of several members, (n, m, c): never guessed."""


@dataclass(frozen=True, slots=True)
class Contract:
    """What the server relies on when it runs a model. Logits win over probabilities where a model has both."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    roles: Mapping[str, str]
    """Output name by role: logits, probabilities, values, embedding; one at least of the first three."""
    reasons: Mapping[str, str]
    """Why, by role."""
    task: Task
    why_task: str
    columns: int
    """How wide the output with the scores is: 1 for a classifier of two classes that scores the second alone."""
    embedding_width: int
    """0 where there is no embedding."""
    sample_count: int = 0
    """How many members the output with the scores has; 0 where it has no axis of samples."""

    @property
    def class_count(self) -> int:
        """How many classes it tells apart, 2 or more; 0 for a regression model."""
        return 0 if self.task is Task.REGRESSION else max(self.columns, 2)

    @property
    def value_count(self) -> int:
        """How many numbers a regression model gives for a row; 0 for any other."""
        return self.columns if self.task is Task.REGRESSION else 0

    @property
    def scores_role(self) -> str:
        """The role of the output that rows are scored by: logits, probabilities or values."""
        return next(role for role in SCORES if role in self.roles)
