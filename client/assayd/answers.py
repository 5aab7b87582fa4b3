"""The answer to one call, or its error in the client's own words."""

from typing import Any

import grpc

from assayd.errors import CallCancelledError, from_rpc_error
from assayd.steps import Pending, Steps, Wait


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
