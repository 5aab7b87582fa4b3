"""Every model that the server has, by name and version."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from assayd_server import logs
from assayd_server.bundle import VERSION, Bundle, is_model_name, read_file, read_folder
from assayd_server.errors import ArtefactError, InvalidArgumentError, NotFoundError
from assayd_server.servable import Servable

_log = logs.get_logger()

Load = Callable[[Bundle], Servable]


@dataclass(frozen=True, slots=True)
class Failure:
    """A version that could not be loaded."""

    name: str
    version: int
    reason: str


class Repository:
    """Loaded models; the largest version of a name is the one that is served unless a call says otherwise."""

    def __init__(self, servables: Iterable[Servable], failures: Iterable[Failure] = ()) -> None:
        self._models: dict[str, dict[int, Servable]] = {}
        for servable in servables:
            self._models.setdefault(servable.identity.name, {})[servable.identity.version] = servable
        self.failures = tuple(sorted(failures, key=lambda failure: (failure.name, failure.version)))

    def find(self, name: str, version: int) -> Servable:
        """The model that is meant.

        Args:
            name: may be empty where there is one model only.
            version: 0 for the largest.

        Raises:
            InvalidArgumentError: no name was given and there are several models.
            NotFoundError: there is no such model or version.
        """
        versions = self._versions(name)
        servable = versions.get(version or max(versions))
        if servable is None:
            loaded = ", ".join(map(str, sorted(versions)))
            found = next(iter(versions.values())).identity.name
            raise NotFoundError(
                f"model {found!r} has no version {version}, loaded are {loaded}",
                reason="UNKNOWN_VERSION",
                field="model.version",
            )
        return servable

    def all(self) -> list[Servable]:
        """Every loaded version, by name and version."""
        return [versions[version] for _, versions in sorted(self._models.items()) for version in sorted(versions)]

    def _versions(self, name: str) -> dict[int, Servable]:
        names = ", ".join(sorted(self._models))
        if not name and len(self._models) == 1:
            return next(iter(self._models.values()))
        if not name:
            raise InvalidArgumentError(
                f"is empty, and the server has several models: {names}",
                reason="MODEL_NOT_NAMED",
                field="model.name",
            )
        if name not in self._models:
            raise NotFoundError(
                f"{name!r} is not loaded, loaded are {names}", reason="UNKNOWN_MODEL", field="model.name"
            )
        return self._models[name]


def load_file(path: Path, load: Load) -> Repository:
    """A repository of one bare ONNX file.

    Raises:
        ArtefactError: it cannot be loaded.
    """
    return Repository([load_one(path, read_file, load)])


def load_folder(root: Path, load: Load) -> Repository:
    """Every bundle at <root>/<name>/<version>.

    Versions that fail are listed, with the reason, as long as another version of the same model loads.

    Raises:
        ArtefactError: the folder cannot be read or is empty, or a model has no version that loads.
    """
    servables, failures = [], []
    for folder in _version_folders(root):
        try:
            servables.append(load_one(folder, read_folder, load))
        except ArtefactError as error:
            failures.append(Failure(folder.parent.name, int(folder.name), str(error)))
    served = {servable.identity.name for servable in servables}
    for failure in failures:
        if failure.name not in served:
            raise ArtefactError(failure.reason)
    if not servables:
        raise ArtefactError(f"{root}: has no model, expected are folders <name>/<version> with a bundle.json")
    return Repository(servables, failures)


def _version_folders(root: Path) -> list[Path]:
    try:
        models = [model for model in _folders(root) if _is_right(model, is_model_name(model.name))]
        return [
            version
            for model in models
            for version in _folders(model)
            if _is_right(version, VERSION.fullmatch(version.name) is not None)
        ]
    except OSError as error:
        raise ArtefactError(f"{root}: cannot be read: {error.strerror}") from None


def _folders(parent: Path) -> list[Path]:
    """Hidden ones and the file system's own are nobody's models."""
    found = (path for path in parent.iterdir() if path.is_dir())
    return sorted(path for path in found if not path.name.startswith(".") and path.name != "lost+found")


def _is_right(folder: Path, right: bool) -> bool:
    if not right:
        _log.warning(
            "folder ignored", path=str(folder), reason="models lie at <name>/<version>, a positive integer"
        )
    return right


def load_one(path: Path, read: Callable[[Path], Bundle], load: Load) -> Servable:
    """The model at a path; what goes wrong names it.

    Raises:
        ArtefactError: it cannot be loaded.
    """
    bundle = read(path)
    try:
        return load(bundle)
    except ArtefactError as error:
        raise ArtefactError(f"{path}: {error}") from error
    except Exception as error:  # a graph that nobody thought of must not keep other versions from being served
        _log.exception("model could not be read", path=str(path))
        raise ArtefactError(f"{path}: cannot be read: {type(error).__name__}: {error}") from error
