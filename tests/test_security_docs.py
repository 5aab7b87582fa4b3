"""docs/security.md is true: from its beginning to its end, on files of the names that it gives them."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from assayd_server.access import Role
from assayd_server.config import Settings
from assayd_server.configuring import load
from assayd_server.errors import StartError
from assayd_server.rpc.roles import ROLES
from certificates import HERE, Authority
from processes import ServerProcess, serving

ROOT = Path(__file__).resolve().parents[1]
DEMO_MODELS = ROOT / "server" / "assayd_server" / "demo" / "models"
PAGE = (ROOT / "docs" / "security.md").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the page's commands are given: an operator has the certificates already."""
    servers, clients = Authority("servers"), Authority("clients")
    servers.write(tmp_path / "ca.crt")
    clients.write(tmp_path / "clients.crt")
    servers.issue("server", *HERE).write(tmp_path, "server")
    clients.issue("batch.example").write(tmp_path, "batch")
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Reader:
    """Does what the page says, one block after the other."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.access = folder / "access.toml"
        self.folder = folder
        self.stack = stack
        self.servers: list[ServerProcess] = []
        self.done: list[str] = []

    def read(self, language: str, text: str) -> None:
        """One block."""
        if language == "toml":
            self._let_in(text)
        elif language == "python":
            self._run(sys.executable, "-c", text.replace("localhost:50051", self._address()))
            self.done.append("python")
        elif language == "sh":
            for line in text.splitlines():
                self._command(shlex.split(line))

    def _command(self, words: list[str]) -> None:
        self.done.append(" ".join(words[:2]))
        if words[:2] == ["assayd", "serve"]:
            self._serve(words[2:])
            return
        said = self._run(str(Path(sys.executable).with_name(words[0])), *words[1:])
        if words[:2] == ["assayd", "token"]:
            self._let_in(said)

    def _serve(self, words: list[str]) -> None:
        words = [str(DEMO_MODELS) if word == "models/" else word for word in words]
        log = self.folder / f"log {len(self.servers)}"
        self.servers.append(self.stack.enter_context(serving(log, *words)))

    def _let_in(self, lines: str) -> None:
        with self.access.open("a") as file:
            file.write(f"{lines}\n")

    def _address(self) -> str:
        return f"localhost:{self.servers[-1].port}"

    def _run(self, *command: str) -> str:
        address = {"ASSAYD_ADDRESS": self._address()} if self.servers else {}
        result = subprocess.run(
            command, env=os.environ | address, capture_output=True, text=True, check=False, timeout=60
        )
        assert (result.returncode, result.stderr) == (0, ""), command
        return result.stdout


def blocks() -> Iterator[tuple[str, str]]:
    """Language and text of each."""
    yield from re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
def test_the_page_can_be_followed_from_its_beginning_to_its_end(folder: Path) -> None:
    with ExitStack() as stack:
        reader = Reader(folder, stack)
        for language, text in blocks():
            reader.read(language, text)
    assert len(reader.servers) == 2
    assert reader.done.count("python") == reader.done.count("assayctl models") == 2


def test_the_table_of_roles_is_that_of_the_server() -> None:
    rows = re.findall(r"^\| `(\w+/\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)
    roles = (Role.SCORE, Role.LABEL, Role.MONITOR)
    shown = {
        f"/{'inference' if name.startswith('GRPC') else 'assayd.v1'}.{name}": {
            role for role, cell in zip(roles, cells, strict=True) if cell.strip() == "yes"
        }
        for name, *cells in rows
    }
    assert "| RPC | `score` | `label` | `monitor` |" in PAGE
    assert shown == ROLES


TLS = {"tls_certificate": "c", "tls_key": "k"}
EXPOSURE = {
    "nothing": {},
    "`access` alone": {"access": "a"},
    "`tls_certificate` and `tls_key` alone": TLS,
    "these, and `access` or `tls_client_ca` or both": TLS | {"access": "a"},
}


@pytest.mark.parametrize("given", EXPOSURE)
def test_the_table_of_addresses_is_that_of_the_settings(given: str) -> None:
    (elsewhere,) = re.findall(rf"^\| {re.escape(given)} \| starts \| (.*) \|$", PAGE, re.MULTILINE)
    settings = {"model": "m.onnx", "host": "10.1.2.3", **EXPOSURE[given]}
    assert isinstance(load(settings | {"insecure": True}, {}), Settings)
    if elsewhere == "starts":
        assert isinstance(load(settings, {}), Settings)
    else:
        with pytest.raises(StartError, match="pass --insecure if that is meant"):
            load(settings, {})
