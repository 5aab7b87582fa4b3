"""`assayctl health`."""

from typing import Any

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from assayd import NotFoundError
from assayd.cli import flags
from assayd.cli.connecting import channel, explained
from assayd.cli.exits import ExitCode, one_sentence
from assayd.cli.printing import print_json
from assayd.connection import DEADLINE_SECONDS
from assayd.errors import from_rpc_error


def health(
    *,
    model: flags.Model = "",
    address: flags.Address = flags.ADDRESS,
    deadline_seconds: flags.DeadlineSeconds = DEADLINE_SECONDS,
    as_json: flags.Json = False,
) -> None:
    """Ask whether the server, or one of its models, serves: exit code 0 if so, 1 if not, 3 if nobody answers.

    \b
    Examples:
      assayctl health
      assayctl health --model digits --deadline-seconds 1
    """
    with one_sentence(as_json=as_json):
        status = _status(address, model, deadline_seconds)
        if as_json:
            print_json({"address": address, "model": model, "status": status})
        else:
            print(status)
    if status != "SERVING":
        raise typer.Exit(ExitCode.FAILED)


def _status(address: str, model: str, deadline_seconds: float) -> str:
    request = health_pb2.HealthCheckRequest(service=model)
    opened = channel(address, deadline_seconds=deadline_seconds)
    stub: Any = health_pb2_grpc.HealthStub(opened)
    with explained(address, deadline_seconds), opened:
        try:
            answer = stub.Check(request, timeout=deadline_seconds)
        except grpc.RpcError as error:
            failed = from_rpc_error(error)
            if isinstance(failed, NotFoundError):
                failed = NotFoundError(f"there is no model {model!r}")
            raise failed from None
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
