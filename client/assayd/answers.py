"""The answer to one call, or its error in the client's own words."""

from collections.abc import Callable
from typing import Any, TypeVar

import grpc

from assayd.arrays import TensorError
from assayd.errors import CallCancelledError, InternalError, from_rpc_error
from assayd.steps import Pending, Steps, Wait

Result = TypeVar("Result")


def result_of(call: Pending, read: Callable[[Any], Result]) -> Steps[Result]:
    """Wait for the response of a call, and read it.

    Raises:
        AssaydError: one of its subclasses, by what went wrong.
    """
    response = yield from answer(call)
    try:
        return read(response)
    except TensorError as error:
        raise InternalError(f"the server's answer cannot be read: {error}") from None


def answer(call: Pending) -> Steps[Any]:
    """Wait for the response of a call.

    Raises:
        AssaydError: one of its subclasses, by what went wrong.
    """
    try:
        return (yield Wait(call))
    except grpc.FutureCancelledError:
        raise CallCancelledError("the call was cancelled, or its client was closed") from None
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None
