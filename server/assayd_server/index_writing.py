"""The index of a pool on its way to disk, and how well it does."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from assayd_server.array_writing import write_array
from assayd_server.errors import ArtefactError
from assayd_server.index_choice import choose, no_faster
from assayd_server.index_kind import Kind
from assayd_server.nearest import NearestSearch
from assayd_server.pool import Index, build
from assayd_server.pool_manifest import CELLS, INDEX
from assayd_server.progress import shown
from assayd_server.recall import Measured, exactly, measure
from assayd_server.stored_vectors import StoredVectors


@dataclass(frozen=True, slots=True)
class WrittenIndex:
    """What index a pool got."""

    kind: Kind
    why: str
    """The reason for the kind, in a sentence."""
    measured: Measured
    parameters: dict[str, str] = field(default_factory=dict)


def write_index(folder: Path, stored: StoredVectors, *, kind: Kind | None, threads: int) -> WrittenIndex:
    """Build an index, measure it, and write it and its cells; a flat one needs no file.

    One that was chosen for its size, and then is no faster than exact search, is dropped for that.

    Args:
        folder: where neither is yet.
        stored: what is searched.
        kind: of the index; None to have it chosen.
        threads: to work with.

    Raises:
        ArtefactError: it cannot be written.
    """
    chosen, why = (
        choose(len(stored), stored.dimension, stored.metric) if kind is None else (kind, "as it was asked")
    )
    index = None
    if chosen is not Kind.FLAT:
        with shown(f"building an index of kind {chosen}"):
            index = build(stored, chosen, threads=threads)
    with shown("trying it on rows of the pool"):
        measured = measure(NearestSearch(stored, index, threads=threads))
    if index is None:
        return WrittenIndex(chosen, why, measured)
    if kind is None and (slow := no_faster(chosen, measured)):
        return WrittenIndex(Kind.FLAT, slow, exactly(measured))
    _write(folder, index)
    return WrittenIndex(chosen, why, measured, index.parameters)


def _write(folder: Path, index: Index) -> None:
    path = folder / INDEX
    try:
        index.write(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:  # Faiss has no class of its own for what it could not do
        raise ArtefactError(f"{path}: cannot be written: {error}") from None
    if index.cells is not None:
        write_array(folder / CELLS, index.cells.astype("<i4"))
