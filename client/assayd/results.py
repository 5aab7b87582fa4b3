"""What calls return: arrays and plain values, no messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd import frames
from assayd.arrays import Array, decode, name_of
from assayd.identity import ModelIdentity, identity_of
from assayd.neighbors import Neighbors, joined_neighbors, neighbors_of
from assayd.novelty import Novelty, joined_novelty, novelty_of
from assayd.requests import MEASURES, TASKS
from assayd.v1 import scoring_pb2

_MEASURE_NAMES = {number: name for name, number in MEASURES.items()}
_TASK_NAMES = {number: name for name, number in TASKS.items()}


@dataclass(frozen=True, slots=True, eq=False)
class TopClasses:
    """The k most probable classes of each row, most probable first."""

    classes: NDArray[np.int32]
    """(n, k); -1 in an invalid row."""
    labels: Array
    """(n, k): class names where the model has them (empty text in an invalid row), else `classes`."""
    probabilities: NDArray[np.float32]
    """(n, k); NaN in an invalid row."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The scores of n rows, in the order in which they were sent."""

    predictions: NDArray[np.int32]
    """(n,): the most probable class; ties go to the lower one; -1 in an invalid row, and of a regression model."""
    labels: Array
    """(n,): class names where the model has them (empty text in an invalid row), else `predictions`."""
    valid: NDArray[np.bool_]
    """(n,): False where a row could not be scored because of NaN or an infinity."""
    uncertainty: dict[str, NDArray[np.float32]]
    """(n,) for each measure asked for, in [0, 1], 1 most uncertain; NaN in an invalid row."""
    probabilities: NDArray[np.float32] | None = None
    """(n, c), where asked for."""
    logits: NDArray[np.float32] | None = None
    """(n, c), where asked for."""
    embeddings: NDArray[np.float32] | None = None
    """(n, d), where asked for."""
    top: TopClasses | None = None
    """Where top_k was positive."""
    values: NDArray[np.float32] | None = None
    """(n, t), of a regression model."""
    neighbors: Neighbors | None = None
    """The most similar rows of the pool, where asked for."""
    novelty: Novelty | None = None
    """How strange each row is, where asked for."""
    model: ModelIdentity | None = None
    """The model that answered; None where the rows needed none."""

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.predictions)

    def columns(self) -> dict[str, Array]:
        """The scores as columns of a table, (n,) each, by a name that does not depend on the rows.

        In this order: prediction, label (where the model has class names), valid, each uncertainty by its name;
        where asked for, top_1, top_1_probability, top_2, ..., probability_0, ..., logit_0, ..., embedding_0, ...,
        value_0, ..., neighbor_1, neighbor_1_similarity, neighbor_2, ..., and those of Novelty.columns(). The
        numbers are positions; those of top and of neighbours ranks from 1.
        """
        return frames.columns(self)

    def to_pandas(self) -> Any:
        """The columns as a pandas.DataFrame.

        Raises:
            ImportError: pandas is not installed.
        """
        return frames.to_pandas(self)

    def to_arrow(self) -> Any:
        """The columns as a pyarrow.Table.

        Raises:
            ImportError: pyarrow is not installed.
        """
        return frames.to_arrow(self)


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What a model takes or gives."""

    name: str
    data_type: str
    """Such as "float32"."""
    shape: tuple[int | None, ...]
    """None where any length will do."""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the server knows about one model version."""

    name: str
    version: int
    digest: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    logits_output: str
    """The output read as class scores; empty where there is none."""
    probabilities_output: str
    """The output read as probabilities; empty where there is none."""
    embedding_output: str
    """The output read as the embedding; empty where there is none."""
    class_count: int
    """0 of a regression model."""
    embedding_width: int
    """0 where there is no embedding."""
    labels: tuple[str, ...]
    """Class names, or none."""
    temperature: float
    task: str
    """multiclass (one of the classes), multilabel (any of the labels) or regression (values)."""
    values_output: str
    """The output read as the values of a regression model; empty where there is none."""
    value_count: int
    """How many values a regression model gives for a row; 0 of any other."""


@dataclass(frozen=True, slots=True)
class FailedModel:
    """A model version that could not be loaded."""

    name: str
    version: int
    reason: str


@dataclass(frozen=True, slots=True)
class ModelList:
    """Every model version that the server knows."""

    models: tuple[ModelInfo, ...]
    failed: tuple[FailedModel, ...]


def scores(response: scoring_pb2.ScoreResponse) -> Scores:
    """The scores that a response holds. Arrays are read-only views of its bytes."""
    predictions = decode(response.predictions)
    names = response.class_names
    valid = np.ones(len(predictions), np.bool_)
    valid[response.invalid_rows] = False
    return Scores(
        predictions=predictions,
        labels=_named(predictions, names),
        valid=valid,
        uncertainty={_MEASURE_NAMES[part.measure]: decode(part.values) for part in response.uncertainties},
        probabilities=_decoded(response, "probabilities"),
        logits=_decoded(response, "logits"),
        embeddings=_decoded(response, "embeddings"),
        values=_decoded(response, "values"),
        top=_top(response.top, names) if response.HasField("top") else None,
        neighbors=neighbors_of(response.neighbors) if response.HasField("neighbors") else None,
        novelty=novelty_of(response.novelty) if response.HasField("novelty") else None,
        model=identity_of(response.model) if response.HasField("model") else None,
    )


def joined(parts: Sequence[Scores]) -> Scores:
    """The scores of consecutive pieces as one.

    Args:
        parts: one or more, from the same request settings and the same model version.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    return Scores(
        predictions=np.concatenate([part.predictions for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        valid=np.concatenate([part.valid for part in parts]),
        uncertainty={
            name: np.concatenate([part.uncertainty[name] for part in parts]) for name in first.uncertainty
        },
        probabilities=_concatenated([part.probabilities for part in parts]),
        logits=_concatenated([part.logits for part in parts]),
        embeddings=_concatenated([part.embeddings for part in parts]),
        values=_concatenated([part.values for part in parts]),
        top=_joined_top([part.top for part in parts]),
        neighbors=joined_neighbors([part.neighbors for part in parts if part.neighbors is not None]),
        novelty=joined_novelty([part.novelty for part in parts if part.novelty is not None]),
        model=first.model,
    )


def model_info(model: scoring_pb2.Model) -> ModelInfo:
    """A model's description."""
    return ModelInfo(
        name=model.identity.name,
        version=model.identity.version,
        digest=model.identity.digest,
        inputs=tuple(map(_spec, model.inputs)),
        outputs=tuple(map(_spec, model.outputs)),
        logits_output=model.logits_output,
        probabilities_output=model.probabilities_output,
        embedding_output=model.embedding_output,
        class_count=model.class_count,
        embedding_width=model.embedding_width,
        labels=tuple(model.labels),
        temperature=model.temperature,
        task=_TASK_NAMES.get(model.task, "multiclass"),  # a server that is older has no other
        values_output=model.values_output,
        value_count=model.value_count,
    )


def model_list(response: scoring_pb2.ListModelsResponse) -> ModelList:
    """Every model that the server named."""
    failed = (FailedModel(model.name, model.version, model.reason) for model in response.failed)
    return ModelList(tuple(map(model_info, response.models)), tuple(failed))


def _spec(spec: scoring_pb2.TensorSpec) -> TensorSpec:
    return TensorSpec(
        spec.name, name_of(spec.data_type), tuple(None if length < 0 else length for length in spec.shape)
    )


def _decoded(response: scoring_pb2.ScoreResponse, field: str) -> Any:
    return decode(getattr(response, field)) if response.HasField(field) else None


def _top(top: scoring_pb2.TopClasses, names: Mapping[int, str]) -> TopClasses:
    classes = decode(top.classes)
    return TopClasses(classes, _named(classes, names), decode(top.probabilities))


def _named(classes: Array, names: Mapping[int, str]) -> Array:
    """Class positions as names, by one look-up in an array; the positions themselves where there are no names."""
    if not names:
        return classes
    known = sorted(names)
    texts = np.array([names[position] for position in known], object)  # shared, however long they are
    return texts[np.searchsorted(known, classes)]


def _concatenated(parts: list[Any]) -> Any:
    return None if parts[0] is None else np.concatenate(parts)


def _joined_top(parts: list[TopClasses | None]) -> TopClasses | None:
    tops = [part for part in parts if part is not None]
    if not tops:
        return None
    return TopClasses(
        np.concatenate([top.classes for top in tops]),
        np.concatenate([top.labels for top in tops]),
        np.concatenate([top.probabilities for top in tops]),
    )
