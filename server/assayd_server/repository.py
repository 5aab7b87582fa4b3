"""Every model that the server has, by name and version. What is there may change while calls go on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from assayd_server.errors import InvalidArgumentError, NotFoundError
from assayd_server.servable import Servable


@dataclass(frozen=True, slots=True)
class Failure:
    """A version that could not be loaded."""

    name: str
    version: int
    reason: str


class Follower(Protocol):
    """Is told what comes and goes."""

    def added(self, model: Servable) -> None:
        """A model that will be found from now on."""

    def removed(self, model: Servable) -> None:
        """A model that is found no more; calls that have it go on."""

    def failed(self, failure: Failure) -> None:
        """A version that could not be loaded, and that was not known to fail in this way."""


class Repository:
    """Loaded models; the largest version of a name is the one that is served unless a call says otherwise.

    Any thread may look for models while one thread publishes: a call finds what there was before or what there is
    after, and keeps the model that it has found.
    """

    def __init__(self, servables: Iterable[Servable] = (), failures: Iterable[Failure] = ()) -> None:
        models: dict[str, dict[int, Servable]] = {}
        for servable in servables:
            models.setdefault(servable.identity.name, {})[servable.identity.version] = servable
        self._models: Mapping[str, Mapping[int, Servable]] = models
        self._failures = tuple(failures)
        self._followers: list[Follower] = []
        self._found_before: dict[tuple[str, int], Servable] = {}
        """By name and version as they were asked for; made anew whenever something is published."""

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The versions that could not be loaded, by name and version."""
        return tuple(sorted(self._failures, key=lambda failure: (failure.name, failure.version)))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the models."""
        return tuple(sorted(self._models))

    def find(self, name: str, version: int) -> Servable:
        """The model that is meant.

        Args:
            name: may be empty where there is one model only.
            version: 0 for the largest.

        Raises:
            InvalidArgumentError: no name was given and there are several models.
            NotFoundError: there is no such model or version.
        """
        found_before = self._found_before
        if (known := found_before.get((name, version))) is not None:
            return known
        versions = self._found(name)
        servable = versions.get(version or max(versions))
        if servable is None:
            loaded = ", ".join(map(str, sorted(versions)))
            found = next(iter(versions.values())).identity.name
            raise NotFoundError(
                f"model {found!r} has no version {version}, loaded are {loaded}",
                reason="UNKNOWN_VERSION",
                field="model.version",
            )
        found_before[name, version] = servable  # of names and versions that there are: they are not many
        return servable

    def all(self) -> list[Servable]:
        """Every loaded version, by name and version."""
        return [versions[version] for _, versions in sorted(self._models.items()) for version in sorted(versions)]

    def versions(self, name: str) -> Mapping[int, Servable]:
        """The loaded versions of a model; none where it is unknown."""
        return self._models.get(name, {})

    def follow(self, follower: Follower) -> None:
        """Tell a follower of every model and failure that there is, and of those that come and go from now on."""
        self._followers.append(follower)
        for model in self.all():
            follower.added(model)
        for failure in self.failures:
            follower.failed(failure)

    def publish(self, name: str, servables: Iterable[Servable], failures: Iterable[Failure]) -> None:
        """Put these versions of a model in the place of those that there were, all at once.

        Args:
            name: of the model.
            servables: its versions; without any the model is gone.
            failures: its versions that could not be loaded.
        """
        before = self.versions(name)
        after = {servable.identity.version: servable for servable in servables}
        for version, model in after.items():
            self._replace(before.get(version), model)
        others = {other: versions for other, versions in self._models.items() if other != name}
        self._models = others | ({name: after} if after else {})
        self._found_before = {}
        known, failed = self._failures, tuple(failures)
        self._failures = (*(failure for failure in known if failure.name != name), *failed)
        for version in before.keys() - after.keys():
            self._replace(before[version], None)
        for failure in failed:
            if failure not in known:
                for follower in self._followers:
                    follower.failed(failure)

    def release_memory(self) -> None:
        """Let every model give back what its passes have taken."""
        for model in self.all():
            model.release_memory()

    def _replace(self, old: Servable | None, new: Servable | None) -> None:
        """Tell the followers: what goes by the same name and version goes first."""
        if old is new:
            return
        for follower in self._followers:
            if old is not None:
                follower.removed(old)
            if new is not None:
                follower.added(new)

    def _found(self, name: str) -> Mapping[int, Servable]:
        models = self._models
        names = ", ".join(sorted(models))
        if not name and len(models) == 1:
            return next(iter(models.values()))
        if not name:
            raise InvalidArgumentError(
                f"is empty, and the server has several models: {names}",
                reason="MODEL_NOT_NAMED",
                field="model.name",
            )
        if name not in models:
            raise NotFoundError(
                f"{name!r} is not loaded, loaded are {names}", reason="UNKNOWN_MODEL", field="model.name"
            )
        return models[name]
