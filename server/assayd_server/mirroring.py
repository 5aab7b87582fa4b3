"""One pass that makes a folder like a bucket: what is missing comes, what is not wanted any more goes."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from assayd_server import logs
from assayd_server.attempts import Attempts
from assayd_server.bucket_content import BucketContent, BucketReader
from assayd_server.bucket_versions import BucketVersion
from assayd_server.bundle import MANIFEST
from assayd_server.errors import ArtefactError
from assayd_server.mirror_cache import Key, MirrorCache
from assayd_server.repository import Failure

_log = logs.get_logger()


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a pass did."""

    downloaded: list[Key] = field(default_factory=list)
    removed: list[Key] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    """The versions that are wanted and could not be had."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of versions from one pass to the next."""

    marks: dict[Key, object] = field(default_factory=dict)
    """Of each version that was found to be in the cache as it is in the bucket."""
    attempts: Attempts = field(default_factory=Attempts)


class Mirroring:
    """The versions of a bucket on their way into the cache, which is held meanwhile."""

    def __init__(
        self,
        models: Mapping[str, Sequence[BucketVersion]],
        *,
        versions_max: int,
        reader: BucketReader,
        cache: MirrorCache,
        bytes_max: int,
        known: Known,
        now: float,
    ) -> None:
        """Nothing is done yet.

        Args:
            models: the versions of each, the largest first.
            versions_max: of one model, that are wanted.
            reader: of the bucket.
            cache: is changed.
            bytes_max: of the cache.
            known: is changed.
            now: in seconds, on a clock that only goes forward.
        """
        self.report = SyncReport()
        self._models = models
        self._versions_max = versions_max
        self._wanted = {version.key for versions in models.values() for version in versions[:versions_max]}
        self._reader = reader
        self._cache = cache
        self._bytes_max = bytes_max
        self._known = known
        self._now = now

    def run(self) -> None:
        """Take out what the bucket has no more, and bring what is wanted.

        Raises:
            ArtefactError: the cache cannot be read or written at all.
        """
        there = {version.key for versions in self._models.values() for version in versions}
        self._remove(self._cache.keys() - there)
        for name in self._known.attempts.names:
            self._known.attempts.keep(name, {version.version for version in self._models.get(name, ())})
        for versions in self._models.values():
            self._bring_model(versions)

    def _bring_model(self, versions: Sequence[BucketVersion]) -> None:
        """The largest versions that can be had; once all that are wanted are there, the others are not kept."""
        came: set[Key] = set()
        failures: list[Failure] = []
        for version in versions:
            if len(came) == self._versions_max:
                break
            standing = self._known.attempts.standing(*version.key, version.mark, self._now)
            failure = standing or self._tried(version)
            if failure is None:
                came.add(version.key)
            else:
                failures.append(failure)
        self.report.failures.extend(failures)
        self._wanted |= came
        if not failures:
            self._remove(key for key in self._cache.keys() - came if key[0] == versions[0].name)

    def _remove(self, keys: Iterable[Key]) -> None:
        for key in sorted(keys):
            self._cache.remove(key)
            self._known.marks.pop(key, None)
            self.report.removed.append(key)
            _log.info("removed from the cache", model=key[0], version=key[1])

    def _tried(self, version: BucketVersion) -> Failure | None:
        try:
            self._bring(version)
        except ArtefactError as error:
            failure = Failure(*version.key, str(error))
            self._known.attempts.failed(failure, version.mark, self._now)
            return failure
        return None

    def _bring(self, version: BucketVersion) -> None:
        if self._known.marks.get(version.key) == version.mark and version.key in self._cache:
            return
        content = self._reader.content(version)
        if not self._cache.holds(version.key, content.texts[MANIFEST], content.sizes):
            self._make_room(version, content.byte_count)
            self._download(version, content)
        self._known.marks[version.key] = version.mark

    def _make_room(self, version: BucketVersion, needed: int) -> None:
        unwanted = self._unwanted()
        while (used := self._cache.byte_count()) + needed > self._bytes_max and unwanted:
            self._remove([unwanted.pop(0)])
        if used + needed > self._bytes_max:
            raise ArtefactError(
                f"{self._reader.address(version)}: has {needed} bytes, for which repository_cache_bytes_max, "
                f"{self._bytes_max}, leaves no room: the cache holds {used}"
            )

    def _unwanted(self) -> list[Key]:
        """What is there and not among the largest, the lowest versions first."""
        return sorted(self._cache.keys() - self._wanted, key=lambda key: key[1])

    def _download(self, version: BucketVersion, content: BucketContent) -> None:
        began = time.monotonic()
        said = {"model": version.name, "version": version.version, "bytes": content.byte_count}
        _log.info("downloading", source=self._reader.address(version), **said)
        with self._cache.incoming(version.key) as folder:
            self._reader.download(version, content, folder)
        self.report.downloaded.append(version.key)
        _log.info("downloaded", seconds=round(time.monotonic() - began, 3), **said)
