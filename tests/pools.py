"""Pools on disk for tests, made as the command makes them."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.similarity import Metric
from assayd_server.given_ids import GivenIds, as_ids, row_numbers
from assayd_server.given_vectors import GivenVectors
from assayd_server.index_kind import Kind
from assayd_server.index_writing import write_index
from assayd_server.pool_writing import Origin, write_content, write_pool_manifest

IDS = np.array(["heron", "crow", "Ähre", "b", "kite"])


def vectors(count: int = 5, dimension: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(count, dimension)).astype(np.float32)


def given_ids(ids: NDArray[Any] | None, count: int) -> GivenIds:
    if ids is None:
        return row_numbers(count)
    return GivenIds("the ids", lambda: iter([as_ids(ids, source="the ids", start=0)]))


def write_pool(
    folder: Path,
    values: NDArray[Any],
    *,
    ids: NDArray[Any] | None = None,
    metric: Metric = Metric.COSINE,
    kind: Kind = Kind.FLAT,
    origin: Origin | None = None,
) -> Path:
    """A pool in a new folder."""
    folder.mkdir(parents=True)
    content = write_content(
        folder,
        GivenVectors(values, "the vectors"),
        given_ids(ids, len(values)),
        metric=metric,
        skip_invalid=False,
    )
    index = write_index(folder, content.stored, kind=kind, threads=1)
    write_pool_manifest(folder, content, index, origin or Origin())
    return folder


def change(folder: Path, **entries: Any) -> None:
    """Other entries of pool.json; None takes one out."""
    path = folder / "pool.json"
    manifest = json.loads(path.read_text()) | entries
    path.write_text(json.dumps({name: value for name, value in manifest.items() if value is not None}))


def resealed(folder: Path, name: str, content: bytes | Callable[[Path], object]) -> None:
    """Another content of a file, with its digest in pool.json."""
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    files = json.loads((folder / "pool.json").read_text())["files"]
    change(folder, files=files | {name: f"sha256:{sha256(path.read_bytes()).hexdigest()}"})
