"""What a scoring request needs of its rows and its model, and whether it can have it."""

from dataclasses import dataclass

from assayd_server.errors import FailedPreconditionError, InvalidArgumentError
from assayd_server.rows import Embeddings, Head, Inputs, Logits, Probabilities, Rows
from assayd_server.servable import Servable
from assayd_server.wanted import Output, Wanted

_ENVELOPE_BYTES = 1024
"""What a response holds besides rows and class names, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLimits:
    """How much one scoring request may ask for."""

    response_bytes_max: int
    """The largest message that a caller can take."""
    scores_elements_max: int
    """The most rows times classes: a matrix of that size, and a few more like it, are held in memory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A request, and the model that is to answer it."""

    rows: Rows
    wanted: Wanted
    model: Servable | None
    """None where the rows need none and none was named."""

    @property
    def class_count(self) -> int:
        """How many classes the answer has.

        Raises:
            InvalidArgumentError: embeddings came without a linear head.
        """
        if self.wanted.head is not None:
            return len(self.wanted.head.weights)
        if isinstance(self.rows, Logits | Probabilities):
            return self.rows.values.shape[1]
        if isinstance(self.rows, Embeddings) or self.model is None:
            raise InvalidArgumentError(
                "is missing: embeddings can only be scored with a linear head", reason="HEAD_MISSING", field="head"
            )
        return self.model.contract.class_count

    @property
    def embedding_width(self) -> int:
        """0 where there is no embedding."""
        if isinstance(self.rows, Embeddings):
            return self.rows.values.shape[1]
        runs = isinstance(self.rows, Inputs) and self.model is not None
        return self.model.contract.embedding_width if runs and self.model else 0

    @property
    def roles(self) -> list[str]:
        """The outputs of the model that a forward pass is to return."""
        if self.wanted.head is not None:
            return ["embedding"]
        scores = "logits" if self._model_has_logits else "probabilities"
        return [scores, "embedding"] if Output.EMBEDDINGS in self.wanted.outputs else [scores]

    @property
    def temperature(self) -> float:
        """The request's, or the model's own, which was not fitted for a head that came with the request."""
        if self.wanted.temperature is not None:
            return self.wanted.temperature
        return 1.0 if self.model is None or self.wanted.head is not None else self.model.temperature

    def check(self, limits: ScoreLimits) -> None:
        """Refuse what cannot be answered, before anything is computed.

        Args:
            limits: how much one request may ask for.

        Raises:
            ServiceError: it cannot be answered; the field says why.
        """
        _check_top_k(self.wanted.top_k, self.class_count)
        self._check_head(self.wanted.head)
        self._check_classes()
        if Output.LOGITS in self.wanted.outputs and not self._has_logits:
            raise self._lacks("logits", "outputs")
        if Output.EMBEDDINGS in self.wanted.outputs and not self.embedding_width:
            raise self._lacks("embedding", "outputs")
        self._check_size(limits)

    @property
    def _model_has_logits(self) -> bool:
        return self.model is not None and "logits" in self.model.contract.roles

    @property
    def _has_logits(self) -> bool:
        if self.wanted.head is not None or isinstance(self.rows, Logits):
            return True
        return isinstance(self.rows, Inputs) and self._model_has_logits

    def _check_head(self, head: Head | None) -> None:
        if head is None:
            return
        if isinstance(self.rows, Logits | Probabilities):
            raise InvalidArgumentError(
                "a linear head needs rows of embeddings or inputs", reason="HEAD_NOT_USABLE", field="head"
            )
        if not self.embedding_width:
            raise self._lacks("embedding", "head")
        if head.weights.shape[1] != self.embedding_width:
            raise InvalidArgumentError(
                f"has {head.weights.shape[1]} columns, the embedding has {self.embedding_width}",
                reason="HEAD_DOES_NOT_FIT",
                field="head.weights.shape",
            )

    def _check_classes(self) -> None:
        """Ready-made scores must be of the model that was named with them."""
        if self.model is None or not isinstance(self.rows, Logits | Probabilities):
            return
        wanted = self.model.contract.class_count
        if self.class_count != wanted:
            raise InvalidArgumentError(
                f"has {self.class_count} classes, model {self.model.identity.name!r} has {wanted}",
                reason="CLASSES_DO_NOT_FIT",
                field="rows.logits.shape" if isinstance(self.rows, Logits) else "rows.probabilities.shape",
            )

    def _check_size(self, limits: ScoreLimits) -> None:
        computed = limits.scores_elements_max // self.class_count
        sent = max(0, limits.response_bytes_max - _ENVELOPE_BYTES) // self._response_row_bytes
        if self.rows.count > computed:
            why = f"rows times classes may be {limits.scores_elements_max}"
        else:
            why = f"the answer would be larger than a message may be, {limits.response_bytes_max} bytes"
        rows_max = min(computed, sent)
        if self.rows.count > rows_max:
            raise InvalidArgumentError(
                f"{self.rows.count} are too many: {why}; send at most {rows_max} rows at once, or ask for less",
                reason="ANSWER_TOO_LARGE",
                field="rows",
                details={"rows_max": str(rows_max)},
            )

    @property
    def _response_row_bytes(self) -> int:
        """What one row adds to the response at most: numbers of four bytes, its position, its classes' names."""
        wanted = self.wanted
        numbers = 1 + len(wanted.uncertainties) + 2 * wanted.top_k
        numbers += self.class_count * len(wanted.outputs & {Output.PROBABILITIES, Output.LOGITS})
        numbers += self.embedding_width * (Output.EMBEDDINGS in wanted.outputs)
        named = self.model is not None and wanted.head is None
        names_bytes = self.model.label_bytes_max * max(1, wanted.top_k) if named and self.model else 0
        return 4 * numbers + 8 + names_bytes

    def _lacks(self, what: str, field: str) -> FailedPreconditionError:
        if self.model is None:
            message = f"these rows have no {what}: send inputs to a model that has one"
        else:
            message = f"model {self.model.identity.name!r} gives no {what}: export it with one as an output"
        return FailedPreconditionError(message, reason=f"NO_{what.upper()}", field=field)


def _check_top_k(top_k: int, class_count: int) -> None:
    if not 0 <= top_k <= class_count:
        raise InvalidArgumentError(
            f"is {top_k}, allowed are 0 to {class_count}, the number of classes",
            reason="TOP_K_OUT_OF_RANGE",
            field="top_k",
        )
