"""pool.json: what a pool is, and the digest of each of its files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationError, model_validator

from assayd_server.core.similarity import Metric
from assayd_server.errors import ArtefactError
from assayd_server.index_kind import Kind
from assayd_server.manifests import Digest, StrictModel, first_problem

POOL_MANIFEST = "pool.json"
VECTORS = "vectors.npy"
LENGTHS = "lengths.npy"
IDS = "ids.npy"
IDS_ORDER = "ids_order.npy"
MEAN = "mean.npy"
CELLS = "cells.npy"
INDEX = "index.faiss"

DIMENSION_MAX = 65_536
ROWS_MAX = 2**40

IdType: TypeAlias = Literal["int64", "string"]

_Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class PoolManifest(StrictModel):
    """pool.json."""

    format: Annotated[int, Field(ge=1, le=1)]
    metric: Metric
    kind: Kind
    """Of the index; flat is none, and exact search."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Of the index, by name."""
    why: str
    """Why the index is of this kind, in a sentence."""
    row_count: Annotated[int, Field(ge=1, le=ROWS_MAX)]
    dimension: Annotated[int, Field(ge=1, le=DIMENSION_MAX)]
    directed_count: Annotated[int, Field(ge=0)]
    """Rows that are not zero, and so have a direction: what the mean direction is the mean of."""
    id_type: IdType
    recall: Annotated[float, Field(ge=0, le=1)]
    """The share of the recall_k nearest rows that the index finds, measured when the pool was built."""
    recall_k: Annotated[int, Field(ge=0)]
    queries_per_second: _Rate
    exact_queries_per_second: _Rate
    model_digest: Digest | None = None
    """Of the ONNX file, with its weights, that made the vectors; none where they were given."""
    embedding: str | None = None
    """The tensor of that file that is the embedding."""
    files: dict[str, Digest]

    @model_validator(mode="after")
    def _check_together(self) -> "PoolManifest":
        due = set(self._due())
        missing = sorted(due - self.files.keys())
        if missing:
            raise ValueError(f"files has no entry for {missing[0]}")
        unknown = sorted(self.files.keys() - due - set(self._possible()))
        if unknown:
            raise ValueError(f"files names {unknown[0]!r}, which such a pool does not have")
        if self.directed_count > self.row_count:
            raise ValueError(f"directed_count is {self.directed_count}, of {self.row_count} rows")
        return self

    def _due(self) -> Iterator[str]:
        yield from (VECTORS, MEAN)
        if self.metric is Metric.COSINE:
            yield LENGTHS
        if self.id_type == "string" or IDS_ORDER in self.files:
            yield IDS
        if self.kind is not Kind.FLAT:
            yield INDEX

    def _possible(self) -> Iterator[str]:
        yield from (IDS, IDS_ORDER)
        if self.kind is not Kind.FLAT:
            yield CELLS


def pool_manifest_of(**entries: Any) -> PoolManifest:
    """A manifest that is about to be written.

    Raises:
        ArtefactError: an entry is not allowed; the message begins with its name.
    """
    try:
        return PoolManifest(**entries)
    except ValidationError as error:
        raise ArtefactError(first_problem(error)) from None


def parsed_pool_manifest(text: bytes, place: Path | str) -> PoolManifest:
    """The manifest that a file holds.

    Raises:
        ArtefactError: it is none; the message begins with the place.
    """
    try:
        return PoolManifest.model_validate_json(text)
    except ValidationError as error:
        raise ArtefactError(f"{place}: {first_problem(error)}") from None
