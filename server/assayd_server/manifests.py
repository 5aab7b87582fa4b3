"""What the manifests of artefacts have in common: nothing unknown in them, no value of another type, digests."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class StrictModel(BaseModel):
    """Takes what it declares and nothing else."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong, after the name of its entry where it has one."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where + ': ' if where else ''}{first['msg']}"
