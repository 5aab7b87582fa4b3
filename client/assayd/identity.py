"""Which model answered."""

from dataclasses import dataclass

from assayd.v1 import scoring_pb2


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model answered."""

    name: str
    version: int
    digest: str
    """"sha256:" and 64 hexadecimal digits."""


def identity_of(identity: scoring_pb2.ModelIdentity) -> ModelIdentity:
    """Which model answered."""
    return ModelIdentity(identity.name, identity.version, identity.digest)
