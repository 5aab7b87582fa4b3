"""Keeps a folder of this machine as a bucket is: a repository that is read and mapped as any other.

A version is taken once its manifest is in the bucket. It is downloaded beside the folder, checked against its
digests file by file, and moved in as a whole, so that a folder <name>/<version> is never half there. What fails
leaves what there was.
"""

import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from assayd_server.bucket_content import BucketReader
from assayd_server.bucket_versions import bucket_versions
from assayd_server.bundle import MANIFEST
from assayd_server.errors import ArtefactError
from assayd_server.mirror_cache import MirrorCache
from assayd_server.mirroring import Known, Mirroring, SyncReport
from assayd_server.object_store import ObjectStore
from assayd_server.repository_url import RepositoryUrl

SYNC_SECONDS_MAX = 3600.0
"""After which a sync begins nothing more."""
_LOCK_SECONDS = 0.1
"""Between two attempts to get the lock."""


class MirrorError(ArtefactError):
    """A bucket cannot be mirrored; what there was is still there."""


class Mirror:
    """One repository in a bucket, and its copy."""

    def __init__(
        self,
        url: RepositoryUrl,
        cache: Path,
        *,
        bytes_max: int,
        seconds_max: float = SYNC_SECONDS_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            url: of the repository.
            cache: a folder that may hold copies of other repositories too; it is made where it is not there.
            bytes_max: of this copy.
            seconds_max: of one sync; the request that is under way then may take as long again.

            clock: in seconds.

        Raises:
            StartError: obstore is not installed, or does not take what stands in the environment.
        """
        name = f"{url.scheme}-{url.bucket}-{sha256(str(url).encode()).hexdigest()[:12]}"
        self._url = url
        self._cache = MirrorCache(cache.absolute() / name)
        self._store = ObjectStore(url, request_seconds_max=seconds_max)
        self._reader = BucketReader(self._store, str(url), go_on=self._go_on)
        self._bytes_max = bytes_max
        self._seconds_max = seconds_max
        self._late_at = 0.0
        self._closed = threading.Event()
        self._clock = clock
        self._known = Known()

    @property
    def root(self) -> Path:
        """The folder of bundles, <name>/<version>; it is there after the first sync."""
        return self._cache.root

    def sync(self, *, versions_max: int) -> SyncReport:
        """Bring the folder up to date. Another process at work there is waited for.

        Args:
            versions_max: the most versions of a model that are wanted: the largest ones that can be had.

        Raises:
            ArtefactError: the bucket cannot be listed or holds no model, or the cache cannot be written or had in
                time; all versions are as they were.
        """
        self._late_at = self._clock() + self._seconds_max
        with self._cache.held(patience=self._wait):
            self._go_on()
            models = bucket_versions(self._store.objects())
            if not models:  # as while somebody moves them; all that there was would be removed
                raise MirrorError(f"{self._url}: has no model, expected are objects <name>/<version>/{MANIFEST}")
            mirroring = Mirroring(
                models,
                versions_max=versions_max,
                reader=self._reader,
                cache=self._cache,
                bytes_max=self._bytes_max,
                known=self._known,
                now=self._clock(),
            )
            mirroring.run()
            return mirroring.report

    def close(self) -> None:
        """End the sync that is under way, at the next part that comes, and let no other begin."""
        self._closed.set()

    def _wait(self) -> bool:
        """A moment, for another process; whether to go on waiting."""
        return not self._closed.wait(_LOCK_SECONDS) and self._clock() < self._late_at

    def _go_on(self) -> None:
        if self._closed.is_set():
            raise MirrorError(f"{self._url}: is not read on, because the server stops")
        if self._clock() > self._late_at:
            raise MirrorError(f"{self._url}: took more than {self._seconds_max:g} seconds to bring up to date")
