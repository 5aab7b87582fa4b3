"""Where settings come from: flags, then ASSAYD_ variables, then a TOML file; and what is wrong with them."""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from assayd_server.config import ConflictError, Settings
from assayd_server.errors import StartError

PREFIX = "ASSAYD_"
_OF_OTHERS = frozenset({"ASSAYD_ADDRESS"})
"""Variables that are no settings of the server: assayctl reads them, perhaps on the same machine."""


def load(flags: Mapping[str, Any], environ: Mapping[str, str], config_file: Path | None = None) -> Settings:
    """The settings; a flag wins over a variable, and a variable over the file.

    Args:
        flags: by setting; None where a flag was not given.
        environ: ASSAYD_<SETTING> variables count, empty ones do not.
        config_file: a TOML file of settings; ASSAYD_CONFIG names one too.

    Raises:
        StartError: a setting is unknown or malformed; the sentence names it and where it stands.
    """
    named = {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX) and value and name not in _OF_OTHERS
    }
    misspelt = next((name for name in named if name != name.upper()), None)
    if misspelt is not None:
        raise StartError(f"{misspelt}: there is no such setting, did you mean {misspelt.upper()}?")
    variables = {name.removeprefix(PREFIX).lower(): value for name, value in named.items()}
    variables_file = variables.pop("config", None)
    file = config_file or (Path(variables_file) if variables_file else None)
    sources: dict[str, Mapping[str, Any]] = {
        "flag": {name: value for name, value in flags.items() if value is not None},
        "variable": variables,
        "file": {} if file is None else _read(file),
    }
    return _validated(sources, file)


def of_program(values: Mapping[str, Any]) -> Settings:
    """The settings of a server that a program starts within itself, where neither variables nor files count.

    Args:
        values: by setting.

    Raises:
        StartError: a setting is unknown or malformed; the sentence names it.
    """
    settings = _validated({"argument": values}, None)
    if settings.workers > 1:
        raise StartError("workers: a server within a program is one process; assayd serve can have several")
    return settings


def _validated(sources: dict[str, Mapping[str, Any]], file: Path | None) -> Settings:
    """The settings from these sources; an earlier one wins over a later one."""
    merged: dict[str, Any] = {}
    for values in reversed(sources.values()):
        merged.update(values)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise StartError(_sentence(error, sources, file)) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartError(f"{file}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StartError(f"{file}: is not TOML: {error}") from None


def _sentence(error: ValidationError, sources: Mapping[str, Mapping[str, Any]], file: Path | None) -> str:
    """The first thing that is wrong, in one sentence."""
    first = error.errors()[0]
    conflict = first.get("ctx", {}).get("error")
    if isinstance(conflict, ConflictError):
        return f"{_spelled(conflict.setting, _source_of(conflict.setting, sources), file)}: {conflict}"
    if not first["loc"]:
        return str(conflict)
    setting = str(first["loc"][0])
    source = _source_of(setting, sources)
    spelled = _spelled(setting, source, file)
    if first["type"] != "extra_forbidden":
        return f"{spelled}: {first['input']!r} is not allowed: {first['msg']}{_kubernetes_hint(first, source)}"
    close = get_close_matches(setting.lower(), Settings.model_fields, n=1)
    meant = f", did you mean {_spelled(close[0], source, None)}?" if close else ""
    return f"{spelled}: there is no such setting{meant}{_kubernetes_hint(first, source)}"


def _source_of(setting: str, sources: Mapping[str, Mapping[str, Any]]) -> str:
    return next(source for source, values in sources.items() if setting in values)


def _spelled(setting: str, source: str, file: Path | None) -> str:
    if source == "flag":
        return f"--{setting.replace('_', '-')}"
    if source == "variable":
        return PREFIX + setting.upper()
    return f"{file}: {setting}" if file else setting


def _kubernetes_hint(error: ErrorDetails, source: str) -> str:
    """A Service called assayd makes Kubernetes set variables that look like settings."""
    looks_like_one = str(error["loc"][0]).startswith(("service_", "port_")) or str(error["input"]).startswith(
        "tcp://"
    )
    if source == "variable" and looks_like_one:
        return " (Kubernetes sets it for a Service called assayd: set enableServiceLinks to false in the pod)"
    return ""
