"""Asks a server for the contract of one model."""

from assayd import results
from assayd.answers import answer
from assayd.results import ModelInfo
from assayd.steps import Send, Steps
from assayd.v1 import scoring_pb2


def described(
    model: scoring_pb2.ModelSelector | None, *, seconds: float, metadata: tuple[tuple[str, str], ...]
) -> Steps[ModelInfo]:
    """What the server knows about a model; about the only one it has where none is named."""
    call = yield Send("GetModel", scoring_pb2.GetModelRequest(model=model), seconds, metadata)
    return results.model_info((yield from answer(call)).model)
