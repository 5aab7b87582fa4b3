"""The versions of models that a bucket holds, as its listing says."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assayd_server.bundle import MANIFEST, VERSION, is_model_name
from assayd_server.object_store import StoredObject


@dataclass(frozen=True, slots=True)
class BucketVersion:
    """One version of a model that is whole, as it has its manifest, which is written last."""

    name: str
    version: int
    files: dict[str, StoredObject] = field(default_factory=dict)
    """By the path below the version's folder."""

    @property
    def key(self) -> tuple[str, int]:
        """Which one it is."""
        return self.name, self.version

    @property
    def place(self) -> str:
        """Its folder, below that of the repository."""
        return f"{self.name}/{self.version}"

    @property
    def mark(self) -> tuple[tuple[str, str], ...]:
        """Another one when any of its files was written anew, has come or is gone."""
        return tuple(sorted((name, found.mark) for name, found in self.files.items()))


def bucket_versions(objects: Mapping[str, StoredObject]) -> dict[str, list[BucketVersion]]:
    """The versions of each model, the largest first; objects at other places are nobody's."""
    found: dict[tuple[str, int], BucketVersion] = {}
    for path, stored in objects.items():
        name, _, rest = path.partition("/")
        version, _, file = rest.partition("/")
        if file and is_model_name(name) and VERSION.fullmatch(version):
            key = (name, int(version))
            found.setdefault(key, BucketVersion(*key)).files[file] = stored
    models: dict[str, list[BucketVersion]] = {}
    for _, one in sorted(found.items(), reverse=True):
        if MANIFEST in one.files:
            models.setdefault(one.name, []).append(one)
    return models
