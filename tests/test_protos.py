"""The wire is a promise: what a released client relies on may not change."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor

from assayd_server.rpc.open_inference import open_inference_pb2
from assayd_server.rpc.services import PATHS, SERVICES

ROOT = Path(__file__).resolve().parents[1]
BUF = Path(sys.executable).with_name("buf")
BASELINE = ROOT / "tests" / "data" / "assayd.v1.binpb"
PROTOCOL = ROOT / "tests" / "data" / "inference.binpb"
"""The Open Inference Protocol, as its clients have it."""
OWN = [service for service in SERVICES if service.file.package == "assayd.v1"]


def files(*found: FileDescriptor) -> dict[str, FileDescriptor]:
    """These and all that they import, by name."""
    within = {file.name: file for file in found}
    return within | {name: file for each in found for name, file in files(*each.dependencies).items()}


@pytest.mark.parametrize("baseline", [BASELINE, PROTOCOL], ids=lambda path: path.name)
def test_nothing_that_a_released_client_relies_on_has_changed(baseline: Path) -> None:
    command = [BUF, "breaking", "--against", baseline]
    result = subprocess.run(command, cwd=ROOT / "protos", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("path", "name"),
    [(BASELINE, "tensor.proto"), (PROTOCOL, "open_inference.proto")],
    ids=["assayd.v1", "inference"],
)
def test_a_changed_field_would_be_noticed(tmp_path: Path, path: Path, name: str) -> None:
    """The check above can fail: the baseline with one field renumbered is not the same wire."""
    baseline = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
    (file,) = [file for file in baseline.file if file.name.endswith(name)]
    next(message for message in file.message_type if message.field).field[0].number = 99
    changed = tmp_path / "changed.binpb"
    changed.write_bytes(baseline.SerializeToString())
    command = [BUF, "breaking", "--against", changed]
    result = subprocess.run(command, cwd=ROOT / "protos", capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert name in result.stdout


def test_the_stubs_of_the_protocol_are_those_of_its_baseline() -> None:
    """What the server speaks, besides what its proto says: names, numbers and types of every field."""
    (frozen,) = descriptor_pb2.FileDescriptorSet.FromString(PROTOCOL.read_bytes()).file
    served = descriptor_pb2.FileDescriptorProto()
    open_inference_pb2.DESCRIPTOR.CopyToProto(served)
    assert served.service == frozen.service
    assert served.message_type == frozen.message_type


def test_every_rpc_that_is_served_is_in_a_baseline() -> None:
    frozen = {
        f"/{file.package}.{service.name}/{method.name}"
        for path in (BASELINE, PROTOCOL)
        for file in descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()).file
        for service in file.service
        for method in service.method
    }
    assert frozen == PATHS


@pytest.mark.parametrize("file", files(*(service.file for service in OWN)).values(), ids=lambda file: file.name)
def test_enums_begin_with_unspecified(file: FileDescriptor) -> None:
    enums = file.enum_types_by_name.values()
    assert all(enum.values_by_number[0].name.endswith("_UNSPECIFIED") for enum in enums)


@pytest.mark.parametrize("service", OWN, ids=lambda service: service.name)
def test_every_rpc_has_messages_of_its_own(service: ServiceDescriptor) -> None:
    for method in service.methods:
        assert method.input_type.name == f"{method.name}Request"
        assert method.output_type.name == f"{method.name}Response"
