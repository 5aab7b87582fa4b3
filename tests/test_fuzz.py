"""What make fuzz sends: calls of every RPC that a server has, whoever makes them."""

import random
from collections import Counter
from functools import cache
from pathlib import Path

import grpc
import pytest
from benchmarks.fuzz import credentials
from benchmarks.fuzz.calling import Outcome
from benchmarks.fuzz.cases import Case, case
from benchmarks.fuzz.methods import METHODS
from benchmarks.fuzz.run import bugs_in
from benchmarks.fuzz.valid import valid_calls
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from assayd.testing import serving
from assayd_server import demo
from assayd_server.access import parsed
from assayd_server.rpc.authorization import Authorization
from assayd_server.rpc.open_inference.open_inference_pb2 import ModelInferRequest
from assayd_server.rpc.roles import ROLES
from assayd_server.rpc.services import MODEL_INFER, SCORE

DEMO = Path(demo.__file__).parent / "models"
STATES = (bytes(100),)


class Access:
    """An access file that is read."""

    current = parsed(credentials.access_file().encode(), with_certificates=False)


@cache
def cases(*, access: bool = False) -> tuple[Case, ...]:
    """Calls of one run; bombs and messages of megabytes are not among those that are parsed here."""
    return tuple(case(3, index, STATES, access=access) for index in range(30, 1500))


def test_every_rpc_that_a_server_tells_of_has_valid_calls_that_are_mutated() -> None:
    with serving(DEMO) as server, grpc.insecure_channel(server.address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = map(DescriptorPool(database).FindServiceByName, database.get_services())
        served = {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}
    assert {method.path for method in METHODS} == served
    assert valid_calls().keys() == served


def test_calls_of_every_rpc_are_sent_with_and_without_an_access_file() -> None:
    for access in (False, True):
        assert {method.path for method in METHODS} <= {one.path for one in cases(access=access)}


def test_a_call_is_the_same_one_each_time() -> None:
    assert [case(3, index, STATES) for index in range(30, 130)] == list(cases()[:100])


def test_tensors_of_the_open_inference_protocol_come_in_every_way() -> None:
    seen = Counter[str]()
    for one in cases():
        if one.path != MODEL_INFER:
            continue
        try:
            request = ModelInferRequest.FromString(one.messages[0])
        except DecodeError:
            seen["no message"] += 1
            continue
        typed = any(tensor.HasField("contents") for tensor in request.inputs)
        seen[f"{'bytes' if request.raw_input_contents else ''}{' typed' if typed else ''}"] += 1
        seen["parameters"] += bool(request.parameters or any(tensor.parameters for tensor in request.inputs))
        seen["odd shapes"] += any(len(tensor.shape) != 2 for tensor in request.inputs)
    assert all(
        seen[way] for way in ("bytes", " typed", "bytes typed", "", "no message", "parameters", "odd shapes")
    )


def test_each_refusal_is_that_of_the_access_file() -> None:
    authorization = Authorization(Access())  # type: ignore[arg-type]
    names = {None: "", "CREDENTIALS_MISSING": "UNAUTHENTICATED", "TOKEN_UNKNOWN": "UNAUTHENTICATED"}
    names["ROLE_MISSING"] = "PERMISSION_DENIED"
    rng, seen = random.Random(0), Counter[str]()  # noqa: S311
    for path in ROLES:
        for _ in range(40):
            metadata, due = credentials.chosen(rng, path)
            error = authorization.refusal(path, metadata)
            assert names[error and error.reason] == due
            seen[due] += 1
        assert authorization.refusal(path, credentials.opening(path)) is None
    assert seen.keys() == {"", *credentials.REFUSALS}


@pytest.mark.parametrize(
    ("due", "status", "judged"),
    [
        ("", "OK", True),
        ("", "INVALID_ARGUMENT", True),
        ("", "PERMISSION_DENIED", False),
        ("UNAUTHENTICATED", "UNAUTHENTICATED", True),
        ("UNAUTHENTICATED", "PERMISSION_DENIED", False),
        ("PERMISSION_DENIED", "OK", False),
        (None, "UNAUTHENTICATED", True),
    ],
)
def test_a_call_that_is_let_in_or_refused_wrongly_is_noticed(due: str | None, status: str, judged: bool) -> None:
    outcome = Outcome()
    outcome.add(Case(0, SCORE, False, (b"",), refusal=due), status, "", 0.1)
    assert outcome.misjudged == [] if judged else len(outcome.misjudged) == 1


@pytest.mark.parametrize(
    ("path", "seconds", "count"), [(MODEL_INFER, 0.1, 0), (MODEL_INFER, 30.5, 1), (SCORE, 0.1, 1)]
)
def test_a_deadline_may_pass_only_where_the_request_itself_has_one(path: str, seconds: float, count: int) -> None:
    outcome = Outcome()
    outcome.add(Case(0, path, False, (b"",)), "DEADLINE_EXCEEDED", "", seconds)
    assert len(outcome.failures) == count


def test_a_line_of_the_log_that_shows_a_token_is_a_bug(tmp_path: Path) -> None:
    lines = ('{"event": "serving"}', f'{{"event": "call", "by": "{credentials.token_of("score")}"}}')
    (tmp_path / "log").write_text("\n".join(lines))
    assert list(bugs_in(tmp_path / "log")) == [lines[1]]
