"""What is asked about rows, whatever it is: a request without them, and how to read its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from assayd.cutting import Piece
from assayd.identity import ModelIdentity
from assayd.rows import Rows
from assayd.steps import Steps
from assayd.tables.table import Table
from assayd.v1 import scoring_pb2


class OfModel(Protocol):
    """What says which model it is from."""

    @property
    def model(self) -> ModelIdentity | None:
        """None where no model was needed."""
        ...


Result = TypeVar("Result", bound=OfModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[Result]):
    """What is asked about each piece."""

    method: str
    request: Any
    """Everything but the rows."""
    scoring: Any = None
    """The part of it that may hold a head; None where none does."""
    selector: scoring_pb2.ModelSelector
    """Of the model whose inputs the columns of tables feed."""
    rows: Callable[[Any], Rows | Table]
    """What a batch of a stream holds."""
    filled: Callable[[Any, Piece], Any]
    """The request with the rows of a piece."""
    result: Callable[[Any], Result]
    """From a response."""
    of_no_rows: bool = True
    """Whether it can be asked about no rows at all."""
    prepare: Callable[[Rows], Steps[None]] | None = None
    """What is to be done before the first rows of a stream are sent."""
    pins_version: bool = False
    """Whether requests come to name the version that answered first, which in a rollout some replicas lack."""
    pool: Callable[[Result], str] | None = None
    """The digest of the pool that an answer is from, empty of none; None where no answer is from one."""
    reference: Callable[[Result], str] | None = None
    """The same of the reference that an answer goes by."""
