"""What a model takes and gives, as text for people."""

from assayd_server.bundle import Identity
from assayd_server.core.tasks import Task
from assayd_server.pool_description import one_line
from assayd_server.servable import Servable


def described(model: Servable, identity: Identity | None = None) -> str:
    """The contract of a model, line by line.

    Args:
        model: as it was loaded.
        identity: where it lies by now, if that is not where it was loaded from.
    """
    contract, identity = model.contract, identity or model.identity
    lines = [
        f"{identity.name} version {identity.version}, {identity.digest}",
        "takes",
        *(f"  {spec}" for spec in contract.inputs),
        "gives",
        *(f"  {spec}" for spec in contract.outputs),
        "read as",
        *(f"  {role}: {name} ({contract.reasons[role]})" for role, name in contract.roles.items()),
        *(f"  no {role}" for role in ("embedding",) if role not in contract.roles),
        f"task: {contract.task} ({contract.why_task})",
        *_answer(model),
        *([f"pool: {one_line(model.pool.folder)}"] if model.pool else []),
        *([f"reference: {model.reference.one_line}"] if model.reference else []),
    ]
    return "\n".join(lines)


def _answer(model: Servable) -> list[str]:
    contract = model.contract
    if contract.task is Task.REGRESSION:
        return [f"values a row: {contract.value_count}; no classes, so a single model has no uncertainty"]
    what = "labels, any number of them a row" if contract.task is Task.MULTILABEL else "classes"
    names = f": {', '.join(model.labels)}" if model.labels else ", without names"
    return [f"{contract.class_count} {what}{names}", f"temperature {model.temperature:g}"]
