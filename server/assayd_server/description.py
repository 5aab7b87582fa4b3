"""What a model takes and gives, as text for people."""

from assayd_server.bundle import Identity
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
        f"{contract.class_count} classes"
        + (f": {', '.join(model.labels)}" if model.labels else ", without names"),
        f"temperature {model.temperature:g}",
    ]
    return "\n".join(lines)
