"""The wheel: two packages, four dependencies, and a client that works with these alone."""

import re
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ONLY_THE_CLIENTS_DEPENDENCIES = """
import sys

ALLOWED = {"assayd", "grpc", "google", "numpy", "typing_extensions", *sys.stdlib_module_names}

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ALLOWED and not name.startswith("_"):
            raise ImportError(f"{name} is not a dependency of the client")

sys.meta_path.insert(0, Refuse())
import assayd
for name in assayd.__all__:
    getattr(assayd, name)
print(*sorted(module for module in sys.modules if module.startswith("assayd")))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"assayd", "assayd_server"}


def test_the_wheel_holds_what_the_demo_and_the_command_line_need(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    demo = "assayd_server/demo"
    assert {
        f"{demo}/held_out.npz",
        f"{demo}/models/digits/1/bundle.json",
        f"{demo}/models/digits/1/model.onnx",
        f"{demo}/models/digits/1/reference.npz",
        "assayd_server/rpc/open_inference/open_inference.binpb",
        "assayd/cli/drift_page.html",
        "assayd/py.typed",
    } <= names


def test_without_extras_four_packages_are_required(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_bytes(archive.read(name))
    required = [line for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line]
    names = {re.split(r"[<>=!~; ]", line)[0] for line in required}
    assert names == {"grpcio", "protobuf", "googleapis-common-protos", "numpy"}


def test_the_client_imports_with_these_four_alone() -> None:
    result = subprocess.run(
        [sys.executable, "-c", ONLY_THE_CLIENTS_DEPENDENCIES], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "assayd.client" in result.stdout.split()
    assert "assayd_server" not in result.stdout
