"""What a job is: what its rows come from and what is asked for. A job goes on only as what it began."""

import json
from collections.abc import Mapping
from typing import Any

import assayd
from assayd import Client, ModelInfo, NotFoundError
from assayd.cli.exits import UsageError
from assayd.cli.sources.reading import Source

_AGAIN = "--restart begins anew"
_MODEL, _VERSION = "--model", "--version"


def described(source: Source, model: ModelInfo, flags: Mapping[str, Any]) -> dict[str, Any]:
    """A job as plain JSON values, by what a person would call them.

    Args:
        source: its rows.
        model: what scores them.
        flags: what else makes it the same job, by option.
    """
    status = source.path.stat()
    description = {
        "--input": str(source.path.resolve()),
        "the input's size": status.st_size,
        "the input's time of change": status.st_mtime_ns,
        "the input's layout": source.layout,
        **{_flag(name): value for name, value in flags.items()},
        _MODEL: model.name,
        _VERSION: model.version,
        "the model's digest": model.digest,
        "how the model is read": _reading(model),
        "the version of assayctl": assayd.__version__,
    }
    return dict(json.loads(json.dumps(description)))


def check_same(begun: Mapping[str, Any], now: Mapping[str, Any], where: object) -> None:
    """Refuse to go on with another job.

    Raises:
        UsageError: they differ; it says in what.
    """
    names = dict.fromkeys([*begun, *now])
    differ = [f"{name} was {_text(begun, name)} and is {_text(now, name)}" for name in names]
    differ = [text for name, text in zip(names, differ, strict=True) if begun.get(name) != now.get(name)]
    if differ:
        raise UsageError(f"{where}: holds a part of another job: {'; '.join(differ)}; {_AGAIN}")


def contract(client: Client, *, model: str, version: int, begun: Mapping[str, Any] | None) -> ModelInfo:
    """The model that does the whole job: the one it was begun with, or the one that is asked for.

    Raises:
        UsageError: the version that it was begun with is gone.
    """
    if begun is None:
        return client.model(model, version=version)
    name, pinned = begun.get(_MODEL), begun.get(_VERSION)
    try:
        return client.model(model or str(name), version=version or int(pinned or 0))
    except NotFoundError as error:
        if model in ("", name) and version in (0, pinned):
            raise UsageError(
                f"the job was begun with {name} version {pinned}, which is no longer served: {error.message}; "
                f"{_AGAIN}"
            ) from None
        raise


def _reading(model: ModelInfo) -> str:
    """Flags of a server may have the same file read in another way."""
    roles = {
        "logits": model.logits_output,
        "probabilities": model.probabilities_output,
        "values": model.values_output,
        "embedding": model.embedding_output,
    }
    return ", ".join([model.task, *(f"{role} by {name}" for role, name in roles.items() if name)])


def _flag(option: str) -> str:
    """As a person spells it."""
    return f"--{option.replace('_', '-').replace('uncertainties', 'uncertainty')}"


def _text(description: Mapping[str, Any], name: str) -> str:
    return json.dumps(description.get(name), ensure_ascii=False)
