"""What a request of ModelInfer asks for besides its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assayd_server.asks import Ask
from assayd_server.caller import Lane
from assayd_server.checks import wrong
from assayd_server.offered import Offered, offered, wanted_of
from assayd_server.rpc.open_inference.finding import model_choice
from assayd_server.rpc.open_inference.open_inference_pb2 import InferParameter, ModelInferRequest
from assayd_server.servable import Servable

_ONLINE_MAX = 1
"""The largest priority of the online lane; in Triton 1 is the highest and a larger number a lower one."""
_TIMEOUT_MICROSECONDS_MAX = 2**53
_DIGITS_MAX = 20
"""Of the largest number; Python itself reads none of thousands of digits."""
_NOT_SERVED = {
    "shared_memory_region": "is not served: send the bytes",
    "classification": "is not served: ask for assayd.probabilities, or for top_k of ScoringService/Score",
}
"""What would change an answer, of the parameters of tensors."""


@dataclass(frozen=True, slots=True, eq=False)
class InferAsk:
    """One way to ask one model; equal to itself alone. It keeps no model, or that would stay when it is gone."""

    ask: Ask
    digest: str
    """Of the model that it was read for."""
    outputs: Sequence[Offered]
    lane: Lane
    timeout_seconds: float | None
    """For how long it may wait to begin; None for as long as its caller does."""


def infer_ask(request: ModelInferRequest, model: Servable) -> InferAsk:
    """What a request asks for.

    Raises:
        InvalidArgumentError: an output or a parameter is not allowed.
    """
    lane = _lane(request.parameters)
    outputs = _outputs(request, model)
    choice = model_choice(request.model_name, request.model_version, field="model_")
    wanted = wanted_of(outputs, choice, record=lane is Lane.ONLINE)
    return InferAsk(Ask(wanted), model.identity.digest, outputs, lane, _timeout_seconds(request.parameters))


def check_parameters(parameters: Mapping[str, InferParameter], field: str) -> None:
    """Refuse what a tensor cannot have here.

    Raises:
        InvalidArgumentError: it would change the answer.
    """
    for name, why in _NOT_SERVED.items():
        if name in parameters:
            raise wrong(f"{field}.parameters", f"{name} {why}", "PARAMETER_NOT_SERVED")


def _outputs(request: ModelInferRequest, model: Servable) -> tuple[Offered, ...]:
    every = offered(model)
    if not request.outputs:
        return every
    by_name = {each.spec.name: each for each in every}
    found: dict[str, Offered] = {}
    for index, output in enumerate(request.outputs):
        check_parameters(output.parameters, f"outputs[{index}]")
        if output.name not in by_name:
            listed = ", ".join(by_name)
            message = (
                f"unexpected inference output {output.name!r} for model {model.identity.name!r}, it gives {listed}"
            )
            raise wrong(f"outputs[{index}].name", message, "UNKNOWN_OUTPUT")
        if output.name in found:
            raise wrong(f"outputs[{index}].name", f"output {output.name!r} is asked for twice", "UNKNOWN_OUTPUT")
        found[output.name] = by_name[output.name]
    return tuple(found.values())


def _lane(parameters: Mapping[str, InferParameter]) -> Lane:
    priority = _whole(parameters, "priority", largest=2**64 - 1)
    return Lane.ONLINE if priority is None or priority <= _ONLINE_MAX else Lane.BULK


def _timeout_seconds(parameters: Mapping[str, InferParameter]) -> float | None:
    microseconds = _whole(parameters, "timeout", largest=_TIMEOUT_MICROSECONDS_MAX)
    return microseconds / 1e6 if microseconds else None


def _whole(parameters: Mapping[str, InferParameter], name: str, *, largest: int) -> int | None:
    """A parameter that is a whole number, of whichever type that can hold it; None where it is not given."""
    if name not in parameters:
        return None
    kind = parameters[name].WhichOneof("parameter_choice")
    value: Any = getattr(parameters[name], kind) if kind else None
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _DIGITS_MAX:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest:
        message = f"{name} is {value!r}, allowed are whole numbers from 0 to {largest}"
        raise wrong("parameters", message, "BAD_PARAMETER")
    return value
