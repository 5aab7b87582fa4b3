"""What Triton serves beside the protocol and assayd does not: each is refused with a sentence."""

from collections.abc import Mapping
from typing import Any

import grpc

from assayd_server.rpc.open_inference.servicer import SERVICE

_MEMORY = "is not served: send the bytes, over a Unix socket where both are on one machine"
_SETTINGS = "is not served: settings are given at the start, as assayd serve --help says"
WHY: Mapping[str, str] = {
    "ModelStreamInfer": "is not served: a model here has one response to a request, which ModelInfer gives",
    "ModelConfig": "is not served: ModelMetadata says what a model takes and gives",
    "TraceSetting": _SETTINGS,
    "LogSettings": _SETTINGS,
    **{
        f"{kind}SharedMemory{action}": _MEMORY
        for kind in ("System", "Cuda")
        for action in ("Status", "Register", "Unregister")
    },
}
"""By the name of the RPC."""


ABSENT: Mapping[str, str] = {f"/{SERVICE.full_name}/{name}": f"{name}: {why}" for name, why in WHY.items()}
"""What is said, by path. Nobody is asked who calls."""


def absent() -> dict[str, Any]:
    """Handlers that refuse, by path."""
    return {path: _refusing(sentence) for path, sentence in ABSENT.items()}


def _refusing(sentence: str) -> Any:
    def refuse(_request: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, sentence)
        raise AssertionError("abort returned")

    return grpc.unary_unary_rpc_method_handler(refuse, request_deserializer=bytes)
