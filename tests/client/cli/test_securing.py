"""The flags by which connections of assayctl are secured: in every command, and what becomes of wrong ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

import onnx_models
from assayd.cli.app import app
from assayd.testing import Server, serving
from certificates import HERE, Authority
from client.cli.conftest import Assayctl
from entries import certificate_entry, entries, token_for, write_access

FLAGS = {"--tls-ca", "--tls-certificate", "--tls-key", "--token-file", "--insecure"}
SERVERS, CLIENTS = Authority("servers"), Authority("clients")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of both sides, and tokens in files of their own."""
    folder = tmp_path_factory.mktemp("security")
    SERVERS.write(folder / "ca.crt")
    CLIENTS.write(folder / "clients.crt")
    CLIENTS.issue("operator").write(folder, "client")
    for role in ("score", "monitor"):
        (folder / role).write_text(f"{token_for(role)}\n")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """A server that asks for certificates, and lets tokens and the operator's certificate in."""
    model = folder / "m.onnx"
    model.write_bytes(onnx_models.identity())
    pair = SERVERS.issue("server", *HERE).write(folder, "server")
    text = entries("score", "monitor") + certificate_entry("operator", "monitor")
    settings: dict[str, Any] = {
        "access": write_access(folder / "access.toml", text),
        "tls_certificate": pair["certificate"],
        "tls_key": pair["key"],
        "tls_client_ca": folder / "clients.crt",
    }
    with serving(model, **settings) as server:
        yield server.address


def run(address: str, *words: object, **variables: object) -> Result:
    environment = {"ASSAYD_ADDRESS": address, "COLUMNS": "200", "TERM": "dumb"}
    environment |= {f"ASSAYCTL_{name.upper()}": str(value) for name, value in variables.items()}
    return CliRunner().invoke(app, [*map(str, words)], env=environment)


def tls_of(folder: Path) -> list[object]:
    paths = {"ca": "ca.crt", "certificate": "client.crt", "key": "client.key"}
    return [word for name, path in paths.items() for word in (f"--tls-{name}", folder / path)]


def commands(group: Any, name: str = "") -> Iterator[Any]:
    """All that do something: those of groups too."""
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name}{word} ")
        else:
            yield pytest.param(command, id=f"{name}{word}")


@pytest.mark.parametrize("known", [*commands(typer.main.get_group(app))])
def test_every_command_has_the_flags(known: Any) -> None:
    assert {flag for parameter in known.params for flag in parameter.opts} >= FLAGS


def test_a_command_calls_with_the_certificate_that_the_flags_name(address: str, folder: Path) -> None:
    result = run(address, "models", *tls_of(folder))
    assert (result.exit_code, result.stderr) == (0, "")


def test_variables_name_the_files_where_flags_do_not(address: str, folder: Path) -> None:
    files = {"tls_ca": "ca.crt", "tls_certificate": "client.crt", "tls_key": "client.key", "token_file": "monitor"}
    variables = {name: folder / path for name, path in files.items()}
    result = run(address, "models", **variables)
    assert (result.exit_code, result.stderr) == (0, "")


def test_a_token_goes_before_the_certificate(address: str, folder: Path) -> None:
    result = run(address, "models", *tls_of(folder), "--token-file", folder / "score")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "assayctl: PERMISSION_DENIED: this call needs the role monitor, which the token it came with does not "
        "have\n"
    )


@pytest.mark.parametrize("words", [[], ["--token-file", "monitor"]])
def test_health_needs_no_token_and_keeps_to_tls(address: str, folder: Path, words: list[str]) -> None:
    token = [word if word.startswith("--") else folder / word for word in words]
    result = run(address, "health", *tls_of(folder), *token)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "SERVING\n", "")


def test_a_server_that_is_not_believed_does_not_answer(address: str, folder: Path) -> None:
    result = run(address, "models", "--tls-ca", folder / "clients.crt", "--deadline-seconds", 5)
    assert result.exit_code == 3
    assert result.stderr.startswith(("assayctl: UNAVAILABLE: no server", "assayctl: DEADLINE_EXCEEDED: no answer"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("models --tls-key client.key", "tls: certificate and key go together"),
        ("models --tls-ca none", "tls: ca: none cannot be read: No such file or directory"),
        ("health --tls-ca score", "tls: ca: score holds no certificates in PEM"),
    ],
)
def test_flags_that_no_connection_can_be_made_by_are_wrong_usage(
    address: str, folder: Path, monkeypatch: pytest.MonkeyPatch, words: str, sentence: str
) -> None:
    monkeypatch.chdir(folder)
    result = run(address, *words.split())
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"assayctl: {sentence}\n")


def test_a_token_goes_to_another_machine_in_clear_text_only_where_that_is_meant(folder: Path) -> None:
    words = ["models", "--deadline-seconds", 0.2, "--token-file", folder / "score"]
    elsewhere = "assayd.invalid:50051"
    refused = run(elsewhere, *words)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"assayctl: token: would travel to {elsewhere} in clear text: give tls, or insecure if that is meant\n"
    )
    assert run(elsewhere, *words, "--insecure").exit_code == 3  # there is no such machine


def test_rows_are_scored_over_tls(address: str, folder: Path, tmp_path: Path, server: Server) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b,c,d\n1,2,3,4\n")
    words = ["score", "--input", rows, "--quiet", "--output"]
    secured = run(address, *words, tmp_path / "secured.csv", *tls_of(folder), "--token-file", folder / "score")
    assert (secured.exit_code, secured.stderr) == (0, "")
    Assayctl(server.address).done(*words, tmp_path / "clear.csv")
    assert (tmp_path / "secured.csv").read_text() == (tmp_path / "clear.csv").read_text()
