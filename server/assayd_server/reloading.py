"""Brings the models up to date with the folders of a repository, while calls go on.

A version is loaded and warmed up before it takes the place of another; one that cannot be loaded leaves the others
as they are. What cannot be read at all, or has become empty, as a volume that is not mounted has, changes nothing.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assayd_server import logs
from assayd_server.attempts import Attempts
from assayd_server.bundle import MANIFEST, read_folder
from assayd_server.contract_changes import contract_change
from assayd_server.errors import ArtefactError
from assayd_server.loading import Load, load_one
from assayd_server.repository import Failure, Repository
from assayd_server.servable import Servable
from assayd_server.version_folders import VersionFolder, version_folders

_log = logs.get_logger()

Sync = Callable[[], Sequence[Failure]]
"""Brings the folders up to date with where they come from; gives the versions that could not be brought."""


_INCOMPLETE = "version not complete"
_ALLOW = "set contract_changes to allow, or remove the versions before it"


def _nothing_to_bring() -> Sequence[Failure]:
    return ()


def _nothing_to_end() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadOptions:
    """What is loaded."""

    versions_max: int = 4
    """Of one model: the largest ones."""
    allow_contract_changes: bool = False
    """Whether a version may take other inputs, or have other classes, than the one before it."""


class Reloading:
    """Loads what is new in a folder of bundles, <name>/<version>, and lets go of what is gone."""

    def __init__(
        self,
        root: Path,
        load: Load,
        *,
        options: ReloadOptions | None = None,
        sync: Sync = _nothing_to_bring,
        end_sync: Callable[[], None] = _nothing_to_end,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is loaded yet.

        Args:
            root: of the repository.
            load: makes a model of a bundle, and warms it up.
            options: what is loaded; as by default where nobody says.
            sync: brings the folders up to date first.
            end_sync: makes that end early, and for good.
            clock: in seconds.
        """
        self.repository = Repository()
        self._root = root
        self._load = load
        self._options = options or ReloadOptions()
        self._sync = sync
        self._end_sync = end_sync
        self._clock = clock
        self._attempts = Attempts()
        self._told: dict[Path, str] = {}

    def begin(self) -> None:
        """Load the models for the first time.

        Where the folders cannot be brought up to date, those that are there are taken.

        Raises:
            ArtefactError: the folder cannot be read or is empty, or a model has no version that loads.
        """
        not_synced: ArtefactError | None = None
        missing: Sequence[Failure] = ()
        try:
            missing = self._sync()
        except ArtefactError as error:
            _log.warning("repository cannot be read: taking what there was", reason=str(error))
            not_synced = error
        try:
            self._look(missing)
        except ArtefactError as error:
            raise not_synced or error from None
        for failure in self.repository.failures:
            if not self.repository.versions(failure.name):
                raise ArtefactError(failure.reason)
        if not self.repository.names:
            incomplete = min(path for path, event in self._told.items() if event == _INCOMPLETE)
            raise ArtefactError(f"{incomplete / MANIFEST}: cannot be read: it is not there")

    def poll(self) -> None:
        """Look once at what there is, and load what is new.

        Raises:
            ArtefactError: the folder cannot be read or is empty; all models stay.
        """
        self._look(self._sync())

    def close(self) -> None:
        """Bring nothing more; what is on its way is given up."""
        self._end_sync()

    def _look(self, missing: Sequence[Failure]) -> None:
        found = version_folders(self._root, on_ignored=self._ignored)
        if not any(found.values()) and not missing:
            raise ArtefactError(self._is_empty())
        names = found.keys() | {failure.name for failure in missing}
        for name in sorted(names):
            complete = [folder for folder in found.get(name, ()) if self._is_complete(folder)]
            of_model = [failure for failure in missing if failure.name == name]
            if complete or of_model:
                self._bring_up_to_date(name, complete, of_model)
        known = {*self.repository.names, *(failure.name for failure in self.repository.failures)}
        for name in known - names:
            self.repository.publish(name, (), ())

    def _ignored(self, folder: Path) -> None:
        self._tell(folder, "folder ignored", "models lie at <name>/<version>, a positive integer")

    def _is_complete(self, folder: VersionFolder) -> bool:
        if not folder.is_complete:
            self._tell(folder.path, _INCOMPLETE, f"it has no {MANIFEST}, which is written last")
        return folder.is_complete

    def _tell(self, path: Path, event: str, reason: str) -> None:
        """Once of each folder."""
        if path not in self._told:
            self._told[path] = event
            _log.warning(event, path=str(path), reason=reason)

    def _is_empty(self) -> str:
        return f"{self._root}: has no model, expected are folders <name>/<version> with a {MANIFEST}"

    def _bring_up_to_date(self, name: str, folders: Sequence[VersionFolder], missing: Iterable[Failure]) -> None:
        before = known = self.repository.versions(name)
        refused: dict[int, Failure] = {}
        self._attempts.keep(name, {folder.version for folder in folders})
        while True:
            models, failures = self._loaded(name, folders, known, refused)
            accepted, changed = self._accepted(models, known)
            if not changed:
                break
            refused |= changed  # each leaves room for one more
            known = {**known, **{model.identity.version: model for model in accepted}}
        self.repository.publish(name, accepted or list(before.values()), [*missing, *failures])

    def _loaded(
        self,
        name: str,
        folders: Sequence[VersionFolder],
        known: Mapping[int, Servable],
        refused: Mapping[int, Failure],
    ) -> tuple[list[Servable], list[Failure]]:
        """The largest versions that can be had, as many as there may be, and what could not be had of them."""
        models: list[Servable] = []
        failures: list[Failure] = []
        for folder in folders:
            if len(models) == self._options.versions_max:
                break
            model, failure = known.get(folder.version), refused.get(folder.version)
            if failure is None:
                model, failure = self._version(name, folder, model)
            models += [] if model is None else [model]
            failures += [] if failure is None else [failure]
        return models, failures

    def _version(
        self, name: str, folder: VersionFolder, current: Servable | None
    ) -> tuple[Servable | None, Failure | None]:
        """What a folder holds; where that cannot be loaded, what had been loaded of it, and why."""
        try:
            if current is not None and folder.digest() == current.identity.digest:
                return current, None
            standing = self._attempts.standing(name, folder.version, folder.stamp(), self._clock())
            return (current, standing) if standing else (load_one(folder.path, read_folder, self._load), None)
        except ArtefactError as error:
            return current, self._failed(name, folder, str(error))

    def _failed(self, name: str, folder: VersionFolder, reason: str) -> Failure:
        failure = Failure(name, folder.version, reason)
        self._attempts.failed(failure, folder.stamp(), self._clock())
        return failure

    def _accepted(
        self, models: Sequence[Servable], known: Mapping[int, Servable]
    ) -> tuple[list[Servable], dict[int, Failure]]:
        """The models whose callers need not change, and why the others, by version, are none."""
        accepted: list[Servable] = []
        changed: dict[int, Failure] = {}
        for model in reversed(models):
            name, version = model.identity.name, model.identity.version
            current = known.get(version)
            change = "" if model is current else self._change(model, accepted, known)
            if change:
                folder = VersionFolder(self._root / name / str(version))
                changed[version] = self._failed(name, folder, f"{folder.path}: {change}; to serve it {_ALLOW}")
            accepted += [one for one in (current if change else model,) if one is not None]
        return accepted, changed

    def _change(self, model: Servable, accepted: Sequence[Servable], before: Mapping[int, Servable]) -> str:
        if self._options.allow_contract_changes:
            return ""
        version = model.identity.version
        earlier = dict(before) | {one.identity.version: one for one in accepted}
        base = earlier.get(version) or earlier.get(max((one for one in earlier if one < version), default=0))
        return "" if base is None else contract_change(base, model)
