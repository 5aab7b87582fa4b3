"""`assayctl inspect` and `assayctl models`."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from assayd import ModelInfo, TensorSpec
from assayd.cli import flags
from assayd.cli.connecting import connected
from assayd.cli.exits import one_sentence
from assayd.cli.printing import print_columns, print_json
from assayd.connection import DEADLINE_SECONDS

_LABELS_MAX = 10


def inspect(
    *,
    model: flags.Model = "",
    version: flags.Version = 0,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Print what a served model takes and gives.

    \b
    Examples:
      assayctl inspect
      assayctl inspect --model digits --version 1 --json
    """
    with one_sentence(as_json=as_json):
        with connected(address, deadline_seconds) as client:
            info = client.model(model, version=version)
        if as_json:
            print_json(asdict(info))
        else:
            print_columns(_contract(info))


def models(
    *,
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """List every model version that is served, and every one that could not be loaded.

    \b
    Examples:
      assayctl models
      assayctl models --address dns:///assayd.example:50051 --json
    """
    with one_sentence(as_json=as_json):
        with connected(address, deadline_seconds) as client:
            known = client.models()
        if as_json:
            print_json(asdict(known))
            return
        served = (_row(info) for info in known.models)
        failed = ((each.name, str(each.version), "failed", each.reason) for each in known.failed)
        print_columns([("model", "version", "state", "what"), *served, *failed])


def _row(info: ModelInfo) -> tuple[str, ...]:
    takes = ", ".join(map(_spelled, info.inputs))
    return info.name, str(info.version), "served", f"{takes} -> {_gives(info)}"


def _contract(info: ModelInfo) -> Iterator[tuple[str, str]]:
    yield "model", f"{info.name} version {info.version}"
    yield "digest", info.digest
    yield from (("input", _spelled(spec)) for spec in info.inputs)
    roles = {
        info.logits_output: "logits",
        info.probabilities_output: "probabilities",
        info.embedding_output: "embedding",
        info.values_output: "values",
    }
    for spec in info.outputs:
        role = roles.get(spec.name)
        yield "output", f"{_spelled(spec)}{f', read as {role}' if role else ''}"
    yield "task", f"{info.task}, {_gives(info)}"
    if info.labels:
        more = len(info.labels) - _LABELS_MAX
        yield "labels", ", ".join(info.labels[:_LABELS_MAX]) + (f" and {more} more" if more > 0 else "")
    yield "temperature", f"{info.temperature:g}"


def _gives(info: ModelInfo) -> str:
    return f"{info.value_count} values" if info.task == "regression" else f"{info.class_count} classes"


def _spelled(spec: TensorSpec) -> str:
    lengths: Any = ", ".join("n" if length is None else str(length) for length in spec.shape)
    return f"{spec.name} {spec.data_type} ({lengths})"
