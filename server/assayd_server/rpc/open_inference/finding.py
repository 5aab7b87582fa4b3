"""Which model a request means, and what to say where there is none."""

from assayd_server.checks import wrong
from assayd_server.engine import Engine
from assayd_server.errors import NotFoundError
from assayd_server.servable import Servable
from assayd_server.wanted import ModelChoice

_VERSION_DIGITS_MAX = 18
"""Python itself reads no number of thousands of digits."""


def model_choice(name: str, version: str, *, field: str = "") -> ModelChoice:
    """Which model is meant; no version is the largest.

    Args:
        name: of the model; may be empty where there is one only.
        version: as it came.
        field: what the fields of the request begin with.

    Raises:
        InvalidArgumentError: no version can be called so.
    """
    if not version:
        return ModelChoice(name=name)
    is_number = version.isascii() and version.isdecimal() and len(version) <= _VERSION_DIGITS_MAX
    if not is_number or int(version) == 0:
        raise wrong(f"{field}version", f"is {version!r}, allowed are whole numbers above 0", "BAD_VERSION")
    return ModelChoice(name=name, version=int(version))


def found_model(engine: Engine, name: str, version: str, *, field: str = "") -> Servable:
    """The model that is meant.

    Raises:
        InvalidArgumentError: no version can be called so, or no name was given and there are several models.
        NotFoundError: there is no such model or version; said as by Triton, whose users look for these words.
    """
    choice = model_choice(name, version, field=field)
    versions = engine.versions(name)
    if name and not versions:
        loaded = ", ".join(sorted({model.identity.name for model in engine.models()[0]}))
        raise _unknown(f"{name!r} is not found, loaded are {loaded}", f"{field}name")
    if choice.version and versions and choice.version not in versions:
        loaded = ", ".join(map(str, versions))
        raise _unknown(f"{name!r} version {version} is not found, loaded are {loaded}", f"{field}version")
    return engine.model(choice)


def _unknown(what: str, field: str) -> NotFoundError:
    return NotFoundError(f"Request for unknown model: {what}", reason="UNKNOWN_MODEL", field=field)
