"""A model on disk: a bundle folder with its manifest, or a bare ONNX file. Digests are checked before parsing."""

import hashlib
import re
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from assayd_server.contract import Activation, Choice
from assayd_server.core.softmax import TEMPERATURE_MAX, TEMPERATURE_MIN
from assayd_server.errors import ArtefactError
from assayd_server.inside import check_inside
from assayd_server.manifests import Digest, StrictModel, first_problem
from assayd_server.weights import taken_in

MANIFEST = "bundle.json"
MODEL_FILE = "model.onnx"
REFERENCE_FILE = "reference.npz"
POOL_FILE = "pool/pool.json"
"""Holds the digests of the other files of a pool, which are mapped and not read here."""

MANIFEST_BYTES_MAX = 64 * 1024 * 1024
"""Of a manifest: labels for millions of classes."""
FILE_BYTES_MAX = 2**31 - 1
"""Of any other file that is read into memory: as much as one file of ONNX's format can hold."""

VERSION = re.compile(r"[1-9][0-9]{0,17}")
"""Fits int64; no leading zero, so that no two folders are one version."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_Temperature = Annotated[float, Field(ge=TEMPERATURE_MIN, le=TEMPERATURE_MAX)]


def _distinct(labels: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((label for label, count in Counter(labels).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} is there twice")
    return labels


class InputEntry(StrictModel):
    """An input, as the manifest declares it; the graph must agree."""

    name: str
    data_type: str
    shape: tuple[int | None, ...]


class OutputsEntry(StrictModel):
    """Which output of the graph is what."""

    logits: str | None = None
    probabilities: str | None = None
    values: str | None = None
    embedding: str | None = None


class Manifest(StrictModel):
    """bundle.json."""

    format: Annotated[int, Field(ge=1, le=1)]
    inputs: tuple[InputEntry, ...] = ()
    outputs: OutputsEntry = OutputsEntry()
    labels: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], AfterValidator(_distinct)] = ()
    activation: Activation | None = None
    sample_axis: bool | None = None
    temperature: _Temperature = 1.0
    files: dict[str, Digest]

    @property
    def choice(self) -> Choice:
        """How it says that the model is to be read."""
        return Choice(self.outputs.model_dump(exclude_none=True), self.activation, bool(self.sample_axis))


@dataclass(frozen=True, slots=True)
class Identity:
    """Which model this is."""

    name: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class PoolPlace:
    """Where the pool of a model lies, not read yet."""

    path: Path
    digest: str | None
    """Of its pool.json; None where any will do."""
    within: tuple[Path, ...] = ()
    """Other folders than its own that its files may lie in, by links."""


@dataclass(frozen=True, slots=True)
class ReferenceContent:
    """A reference that was read, and not parsed yet."""

    path: Path
    content: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model that was read and whose digests are right, but that was not loaded yet."""

    identity: Identity
    manifest: Manifest
    model: bytes
    """The .onnx file, with all of its weights in it."""
    pool: PoolPlace | None = None
    reference: ReferenceContent | None = None


def read_file(path: Path) -> Bundle:
    """A bare ONNX file, with the weights beside it, as version 1 of a model named like the file.

    Raises:
        ArtefactError: it or its weights cannot be read.
    """
    written = content_of(path)

    def beside(weights: Path) -> bytes:
        check_inside(weights, [path.parent, path.resolve().parent])
        return content_of(weights)

    content, weights = taken_in(written, path.parent, beside)
    digest = digest_of(written, *weights)
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", path.stem).lstrip("_.-")[:128] or "model"
    manifest = Manifest(format=1, files={MODEL_FILE: digest_of(content)})
    return Bundle(Identity(name, 1, digest), manifest, content)


def read_folder(folder: Path) -> Bundle:
    """A bundle: the folder <name>/<version>.

    Raises:
        ArtefactError: a file is missing or is not what the manifest says.
    """
    if not VERSION.fullmatch(folder.name):
        raise ArtefactError(f"{folder}: a bundle's folder must be <name>/<version>, with a positive version")
    manifest_path = folder / MANIFEST
    check_inside(manifest_path, _reach(folder))
    text = content_of(manifest_path, bytes_max=MANIFEST_BYTES_MAX)
    manifest = parsed_manifest(text, manifest_path)
    for name in manifest.files:
        check_inside(folder / name, _reach(folder))
    contents = {
        name: checked(folder, name, digest) for name, digest in manifest.files.items() if name != POOL_FILE
    }
    if MODEL_FILE not in contents:
        raise ArtefactError(f"{manifest_path}: files has no entry for {MODEL_FILE}")

    def listed(path: Path) -> bytes:
        if path.name not in contents:
            raise ArtefactError(
                f"{manifest_path}: files has no entry for {path.name}, where the model has weights"
            )
        return contents[path.name]

    model, _ = taken_in(contents[MODEL_FILE], folder, listed)
    identity = Identity(folder.parent.name, int(folder.name), digest_of(text))
    reference = contents.get(REFERENCE_FILE)
    return Bundle(
        identity,
        manifest,
        model,
        _pool_in(folder, manifest),
        None if reference is None else ReferenceContent(folder / REFERENCE_FILE, reference),
    )


def _reach(folder: Path) -> tuple[Path, Path]:
    """Where the files of a bundle may lie: in its folder, or elsewhere in its repository: versions may share."""
    return folder, folder.parent.parent


def _pool_in(folder: Path, manifest: Manifest) -> PoolPlace | None:
    digest = manifest.files.get(POOL_FILE)
    return None if digest is None else PoolPlace((folder / POOL_FILE).parent, digest, _reach(folder))


def is_model_name(name: str) -> bool:
    """Whether a folder's name can be a model's."""
    return _NAME.fullmatch(name) is not None


def parsed_manifest(text: bytes, place: Path | str) -> Manifest:
    """The manifest that a file holds, whose files are all inside of the bundle.

    Raises:
        ArtefactError: it is none; the message begins with the place.
    """
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise ArtefactError(f"{place}: {first_problem(error)}") from None
    for name in manifest.files:
        if Path(name).is_absolute() or ".." in Path(name).parts or not name.isprintable():
            raise ArtefactError(f"{place}: files names {name!r}, which is not a file inside of the bundle")
    return manifest


def manifest_of(**entries: Any) -> Manifest:
    """A manifest that is about to be written.

    Raises:
        ArtefactError: an entry is not allowed; the message begins with its name.
    """
    try:
        return Manifest(**entries)
    except ValidationError as error:
        raise ArtefactError(first_problem(error)) from None


def checked(folder: Path, name: str, digest: str) -> bytes:
    """The content of a file that a manifest names.

    Raises:
        ArtefactError: it cannot be read, or has another digest.
    """
    content = content_of(folder / name)
    actual = digest_of(content)
    if actual != digest:
        raise ArtefactError(f"{folder / name}: its digest is {actual}, {MANIFEST} says {digest}")
    return content


def content_of(path: Path, *, bytes_max: int = FILE_BYTES_MAX) -> bytes:
    """All of a file.

    Raises:
        ArtefactError: it cannot be read, is larger than that, or is a pipe or a device, which may have no end.
    """
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode) and found.st_size <= bytes_max:
            return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise ArtefactError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from None
    if stat.S_ISDIR(found.st_mode):
        raise ArtefactError(
            f"{path}: is a folder where a file is due; a folder of bundles is served with --repository"
        )
    if not stat.S_ISREG(found.st_mode):
        raise ArtefactError(f"{path}: is no file")
    raise ArtefactError(f"{path}: has {found.st_size} bytes, allowed are {bytes_max}")


def digest_of(*contents: bytes) -> str:
    """As a manifest has it; of several files, of one after the other."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return f"sha256:{digest.hexdigest()}"
