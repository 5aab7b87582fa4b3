"""The vectors that a pool is asked for from: flags to files and models."""

from pathlib import Path

from assayd_server import servable
from assayd_server.bundle import Bundle, read_file, read_folder
from assayd_server.cpus import usable_cpus
from assayd_server.errors import ArtefactError
from assayd_server.index_wanted import Wanted
from assayd_server.loading import load_one
from assayd_server.pool_manifest import DIMENSION_MAX
from assayd_server.row_files import open_rows
from assayd_server.servable import Servable
from assayd_server.vector_sources import EmbeddedFile, Embedder, VectorFile, VectorSource


def source_of(wanted: Wanted) -> VectorSource:
    """Where the vectors come from; a model is loaded where there is one.

    Raises:
        ArtefactError: a file cannot be read, or does not fit the model.
    """
    embedder = None if wanted.model is None and wanted.bundle is None else _loaded(wanted)
    if wanted.vectors is not None:
        return _vectors(wanted.vectors, embedder)
    assert wanted.rows is not None and embedder is not None  # noqa: PT018 the flags were checked
    _check_embedding(wanted.model or wanted.bundle, embedder.model.contract.embedding_width)
    rows = open_rows(wanted.rows, embedder.model, columns=wanted.columns, id_column=wanted.id_column)
    return EmbeddedFile(rows, embedder)


def _check_embedding(path: Path | None, width: int) -> None:
    if not width:
        raise ArtefactError(
            f"{path}: has no embedding: name its tensor with --embedding-tensor, or in bundle.json; "
            "assayd inspect lists those that could be one"
        )
    if width > DIMENSION_MAX:
        raise ArtefactError(f"{path}: its embedding is {width} wide, allowed are {DIMENSION_MAX} in a pool")


def _loaded(wanted: Wanted) -> Embedder:
    path = wanted.model or wanted.bundle
    assert path is not None
    bundle = read_file(path) if wanted.bundle is None else _bundle_without_pool(wanted.bundle)

    def load(found: Bundle) -> Servable:
        return servable.load(found, threads=usable_cpus(), chosen=wanted.chosen)

    return Embedder(bundle, load_one(path, lambda _: bundle, load))


def _bundle_without_pool(folder: Path) -> Bundle:
    bundle = read_folder(folder.resolve())
    if bundle.pool is not None:
        raise ArtefactError(f"{folder}: has a pool already, write a new version of the bundle for another one")
    return bundle


def _vectors(path: Path, embedder: Embedder | None) -> VectorFile:
    vectors = VectorFile(path)
    width = embedder.model.contract.embedding_width if embedder else 0
    if embedder and width and vectors.dimension != width:
        raise ArtefactError(
            f"{path}: its vectors are {vectors.dimension} wide, the embedding of "
            f"{embedder.bundle.identity.name} is {width} wide"
        )
    return vectors
