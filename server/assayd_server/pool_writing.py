"""A pool on its way to disk: what it holds, then its index, and last of all what it is."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assayd_server.array_writing import write_array
from assayd_server.bundle_writing import put
from assayd_server.core.density import mean_direction
from assayd_server.core.similarity import Metric
from assayd_server.given_ids import GivenIds
from assayd_server.given_vectors import GivenVectors, kept_rows, write_vectors
from assayd_server.ids_writing import write_ids
from assayd_server.index_writing import WrittenIndex
from assayd_server.mapped import file_digest, mapped
from assayd_server.pool_manifest import (
    LENGTHS,
    MEAN,
    POOL_MANIFEST,
    VECTORS,
    IdType,
    PoolManifest,
    pool_manifest_of,
)
from assayd_server.stored_vectors import StoredVectors


@dataclass(frozen=True, slots=True)
class Origin:
    """The model whose embeddings the vectors are; without values where they were given."""

    model_digest: str | None = None
    """Of the ONNX file, with its weights."""
    embedding: str | None = None
    """The tensor."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was written of a pool before its index."""

    stored: StoredVectors
    """Mapped from its files."""
    id_type: IdType
    directed_count: int
    left_out: int
    """How many rows cannot be in a pool."""


def write_content(
    folder: Path, vectors: GivenVectors, ids: GivenIds, *, metric: Metric, skip_invalid: bool
) -> Content:
    """Write all but the index and the manifest.

    Args:
        folder: an empty one.
        vectors: n of them.
        ids: of all n, left out or not.
        metric: what the pool is searched by.
        skip_invalid: leave out rows that cannot be in a pool; else one of them is an error.

    Raises:
        ArtefactError: vectors or ids are not what they should be, or nothing can be written.
    """
    kept = kept_rows(vectors, metric, skip_invalid=skip_invalid)
    id_type = write_ids(folder, ids, kept=kept)
    write_vectors(folder, vectors, metric, kept=kept)
    lengths = mapped(folder / LENGTHS) if metric is Metric.COSINE else None
    stored = StoredVectors(metric, mapped(folder / VECTORS), lengths)
    write_array(folder / MEAN, mean_direction(stored.searched).astype("<f8"))
    return Content(stored, id_type, _directed_count(stored), len(kept) - len(stored))


def write_pool_manifest(folder: Path, content: Content, index: WrittenIndex, origin: Origin) -> PoolManifest:
    """Write pool.json, with the digests of all other files of the folder.

    Raises:
        ArtefactError: it cannot be written.
    """
    manifest = pool_manifest_of(
        format=1,
        metric=content.stored.metric,
        kind=index.kind,
        parameters=index.parameters,
        why=index.why,
        row_count=len(content.stored),
        dimension=content.stored.dimension,
        directed_count=content.directed_count,
        id_type=content.id_type,
        recall=index.measured.recall,
        recall_k=index.measured.k,
        queries_per_second=index.measured.queries_per_second,
        exact_queries_per_second=index.measured.exact_queries_per_second,
        model_digest=origin.model_digest,
        embedding=origin.embedding,
        files={path.name: file_digest(path) for path in sorted(folder.iterdir())},
    )
    put(folder / POOL_MANIFEST, (manifest.model_dump_json(indent=2, exclude_none=True) + "\n").encode())
    return manifest


def _directed_count(stored: StoredVectors) -> int:
    vectors = GivenVectors(stored.searched, "")
    return sum(int(np.count_nonzero(block.any(axis=1))) for _, block in vectors.blocks())
