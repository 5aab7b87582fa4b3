"""Where the vectors of a pool come from: a file of them, or a model that embeds rows."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from assayd_server.bundle import Bundle, digest_of
from assayd_server.embedded_rows import EmbeddedRows
from assayd_server.embedding import batch_rows, embed
from assayd_server.errors import ArtefactError
from assayd_server.given_ids import GivenIds
from assayd_server.given_rows import GivenRows, check_has_rows
from assayd_server.given_vectors import GivenVectors, vectors_in
from assayd_server.pool_writing import Origin
from assayd_server.servable import Servable


class VectorSource(Protocol):
    """Gives the vectors of a pool."""

    origin: Origin
    ids: GivenIds | None
    """That lie with the vectors or the rows."""
    row_count: int | None
    """None where nobody knows yet."""

    def job(self) -> Mapping[str, Any]:
        """What makes these vectors and no others: JSON values, by what a person would call them."""
        ...

    def vectors(self, folder: Path) -> GivenVectors:
        """All of them; what is computed for it is kept in a folder, and goes on from what is there."""
        ...


class VectorFile:
    """Vectors in a .npy file."""

    origin = Origin()
    ids: GivenIds | None = None

    def __init__(self, path: Path) -> None:
        """Look at the file.

        Raises:
            ArtefactError: it cannot be read, or holds no vectors.
        """
        self._path = path
        self._vectors = vectors_in(path)
        self.row_count: int | None = len(self._vectors)
        self.dimension = self._vectors.dimension

    def job(self) -> Mapping[str, Any]:
        """The file, and how it looks from outside."""
        return file_facts("--vectors", self._path)

    def vectors(self, folder: Path) -> GivenVectors:  # noqa: ARG002 nothing is computed
        """As they lie in the file."""
        return self._vectors


@dataclass(frozen=True, slots=True)
class Embedder:
    """A model that has an embedding."""

    bundle: Bundle
    model: Servable

    @property
    def origin(self) -> Origin:
        """Of the vectors that it gives."""
        return Origin(digest_of(self.bundle.model), self.model.contract.roles["embedding"])


class EmbeddedFile:
    """Rows in a file, and the model that embeds them."""

    def __init__(self, rows: GivenRows, embedder: Embedder) -> None:
        self._rows, self._model = rows, embedder.model
        self.origin = embedder.origin
        self.ids = rows.ids
        self.row_count = rows.row_count

    def job(self) -> Mapping[str, Any]:
        """The rows and the model; and how many rows go through it at once, as that may change the last digit."""
        return {
            **file_facts("--input", self._rows.path),
            "the input's layout": self._rows.layout,
            "the model's digest": self.origin.model_digest,
            "the embedding": self.origin.embedding,
            "rows at once": batch_rows(self._rows, self._model.contract.embedding_width),
            "the version of assayd": metadata.version("assayd"),
        }

    def vectors(self, folder: Path) -> GivenVectors:
        """The embeddings of all rows.

        Raises:
            ArtefactError: the rows do not fit the model, there are none, or they changed meanwhile.
        """
        before = self.job()
        with closing(EmbeddedRows(folder, self._model.contract.embedding_width)) as kept:
            embed(self._model, self._rows, kept)
            check_has_rows(self._rows, kept.rows_done)
            vectors = kept.vectors()
        if self.job() != before:
            raise ArtefactError(f"{self._rows.path}: changed while it was read, --restart begins anew")
        return GivenVectors(vectors, f"{self._rows.path}, embedded")


def file_facts(flag: str, path: Path) -> dict[str, Any]:
    """What tells a file from another one without reading it.

    Raises:
        ArtefactError: it cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ArtefactError(f"{path}: cannot be read: {error.strerror}") from None
    return {
        flag: str(path.resolve()),
        f"the size of {flag}": status.st_size,
        f"the time of change of {flag}": status.st_mtime_ns,
    }
