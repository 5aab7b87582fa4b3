"""What a version in a bucket consists of, as its manifests say, and how it comes onto the disk."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assayd_server.bucket_versions import BucketVersion
from assayd_server.bundle import MANIFEST, MANIFEST_BYTES_MAX, POOL_FILE, digest_of, parsed_manifest
from assayd_server.errors import ArtefactError
from assayd_server.folder_moves import sync
from assayd_server.object_store import ObjectStore
from assayd_server.pool_manifest import parsed_pool_manifest


@dataclass(frozen=True, slots=True)
class BucketContent:
    """The files of a version."""

    texts: Mapping[str, bytes]
    """The manifests, by name."""
    digests: Mapping[str, str]
    """Of all files but bundle.json, by name."""
    sizes: Mapping[str, int]
    """Of all files, in bytes, by name."""

    @property
    def byte_count(self) -> int:
        """Of all files."""
        return sum(self.sizes.values())


class BucketReader:
    """Reads versions from the folder of a repository in a bucket."""

    def __init__(self, store: ObjectStore, place: str, *, go_on: Callable[[], None]) -> None:
        """Nothing is read yet.

        Args:
            store: of that folder.
            place: its address, for messages.
            go_on: is called before each part of a file; raises ArtefactError where no more is to be read.
        """
        self._store = store
        self._place = place
        self._go_on = go_on

    def content(self, version: BucketVersion) -> BucketContent:
        """What its manifests say.

        Raises:
            ArtefactError: one cannot be read or is none, or a file that it names is not there.
        """
        text = self._text(version, MANIFEST)
        digests = dict(parsed_manifest(text, self.address(version, MANIFEST)).files)
        texts = {MANIFEST: text}
        if POOL_FILE in digests:
            texts[POOL_FILE] = pool = self._text(version, POOL_FILE)
            self._check(version, POOL_FILE, digest_of(pool), digests[POOL_FILE])
            files = parsed_pool_manifest(pool, self.address(version, POOL_FILE)).files
            folder = POOL_FILE.partition("/")[0]
            digests |= {f"{folder}/{name}": digest for name, digest in files.items()}
        return BucketContent(texts, digests, {name: self._size(version, name) for name in (MANIFEST, *digests)})

    def download(self, version: BucketVersion, content: BucketContent, folder: Path) -> None:
        """All files of a version, into an empty folder; each is what its manifest says.

        Raises:
            ArtefactError: a file cannot be read or written, or is another one.
        """
        for name in (*content.digests, MANIFEST):
            path = folder / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if name in content.texts:
                    digest = _write(iter([content.texts[name]]), path)
                else:
                    digest = _write(self._parts(version, name), path)
                sync(path.parent)
            except (OSError, ValueError) as error:  # ValueError: a name that no file can have
                reason = getattr(error, "strerror", error)
                raise ArtefactError(
                    f"{self.address(version, name)}: cannot be written to {folder.parent}: {reason}"
                ) from None
            if name != MANIFEST:
                self._check(version, name, digest, content.digests[name])

    def address(self, version: BucketVersion, name: str = "") -> str:
        """Of a file, or of the whole version."""
        return f"{self._place}/{version.place}{name and f'/{name}'}"

    def _text(self, version: BucketVersion, name: str) -> bytes:
        size = self._size(version, name)
        if size > MANIFEST_BYTES_MAX:
            raise ArtefactError(
                f"{self.address(version, name)}: has {size} bytes, a manifest may have {MANIFEST_BYTES_MAX}"
            )
        return b"".join(self._parts(version, name))

    def _parts(self, version: BucketVersion, name: str) -> Iterator[bytes]:
        """No more of it than the listing says, whatever was written meanwhile."""
        left = self._size(version, name)
        self._go_on()
        for part in self._store.parts(f"{version.place}/{name}"):
            self._go_on()
            left -= len(part)
            if left < 0:
                raise ArtefactError(f"{self.address(version, name)}: was written anew while it was read")
            yield part

    def _size(self, version: BucketVersion, name: str) -> int:
        if name not in version.files:
            raise ArtefactError(f"{self.address(version, name)}: is not there, although a manifest names it")
        return version.files[name].size

    def _check(self, version: BucketVersion, name: str, actual: str, due: str) -> None:
        if actual != due:
            raise ArtefactError(f"{self.address(version, name)}: its digest is {actual}, its manifest says {due}")


def _write(parts: Iterator[bytes], path: Path) -> str:
    """A new file that is on the disk; its digest."""
    digest = hashlib.sha256()
    with path.open("xb") as file:
        for part in parts:
            digest.update(part)
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    return f"sha256:{digest.hexdigest()}"
