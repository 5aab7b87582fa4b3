"""Whether callers of one version can call the next one as they do."""

from collections.abc import Iterator

from assayd_server.contract import TensorSpec
from assayd_server.servable import Servable


def contract_change(old: Servable, new: Servable) -> str:
    """What of a new version callers of the old one would stumble over.

    Other weights, another temperature, outputs in addition and axes of any length where there were fixed ones are
    no such change, and neither are labels where there were none.

    Args:
        old: what is served.
        new: what would be served in its place.

    Returns:
        The first difference, as a sentence; empty where there is none.
    """
    return next(_changes(old, new), "")


def _changes(old: Servable, new: Servable) -> Iterator[str]:
    was, is_now = old.contract, new.contract
    if not _takes(is_now.inputs, was.inputs):
        yield f"inputs: it has {_listed(is_now.inputs)}, {_of(old)} has {_listed(was.inputs)}"
    if is_now.task is not was.task:
        yield f"task: it is {is_now.task}, {_of(old)} is {was.task}"
    for name in ("class_count", "value_count", "sample_count", "embedding_width"):
        before, after = getattr(was, name), getattr(is_now, name)
        if before != after and not (name == "embedding_width" and not before):
            yield f"{name.replace('_', ' ')}: it has {after}, {_of(old)} has {before}"
    if old.labels and new.labels != old.labels:
        yield f"labels: {_first_difference(old, new)}"
    for role in sorted(was.roles.keys() - is_now.roles.keys()):
        yield f"outputs: it gives no {role}, {_of(old)} does"


def _takes(now: tuple[TensorSpec, ...], before: tuple[TensorSpec, ...]) -> bool:
    """Whether what fitted the inputs before fits them now."""
    by_name = {spec.name: spec for spec in now}
    return by_name.keys() == {spec.name for spec in before} and all(
        _fits(spec, by_name[spec.name]) for spec in before
    )


def _fits(before: TensorSpec, now: TensorSpec) -> bool:
    """How many rows go through the graph at once, the first axis, is no matter: they are cut and filled up."""
    return (
        before.data_type == now.data_type
        and len(before.shape) == len(now.shape)
        and all(length in (None, was) for was, length in zip(before.shape[1:], now.shape[1:], strict=True))
    )


def _first_difference(old: Servable, new: Servable) -> str:
    if not new.labels:
        return f"it has none, {_of(old)} has {len(old.labels)}"
    place = next(at for at, (was, now) in enumerate(zip(old.labels, new.labels, strict=True)) if was != now)
    return f"class {place} is {new.labels[place]!r}, in {_of(old)} it is {old.labels[place]!r}"


def _listed(specs: tuple[TensorSpec, ...]) -> str:
    return "; ".join(map(str, specs))


def _of(model: Servable) -> str:
    return f"version {model.identity.version}"
