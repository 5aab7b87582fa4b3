"""`assayctl` itself, `inspect`, `models` and `health`: what they print, and how they end."""

import json
import re
import runpy
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

import assayd
import onnx_models
from assayd.cli.__main__ import main
from assayd.testing import Server
from client.cli.conftest import Assayctl

COMMANDS = ("score", "rank", "candidates", "drift", "pool", "reference", "inspect", "models", "health")


class Unimportable:
    """Makes the import of the command line fail."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name == "assayd.cli.app":
            raise self.error


def test_help_names_the_commands_and_the_exit_codes(assayctl: Assayctl) -> None:
    text = assayctl.done("--help")
    assert all(re.search(rf"^  {command} ", text, re.MULTILINE) for command in COMMANDS)
    assert all(f" {code} " in text for code in (0, 1, 2, 3, 4, 130))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_and_the_exit_codes(assayctl: Assayctl, command: str) -> None:
    text = assayctl.done(command, "--help")
    assert f"  assayctl {command}" in text
    assert "Exit codes:" in text
    assert all(flag in text for flag in ("--address", "--deadline-seconds", "--json", "ASSAYD_ADDRESS"))


def test_the_version_is_that_of_the_package(assayctl: Assayctl) -> None:
    assert assayctl.done("--version") == f"{assayd.__version__}\n"


def test_without_a_command_there_is_help_and_the_exit_code_of_wrong_usage(assayctl: Assayctl) -> None:
    result = assayctl()
    assert result.exit_code == 2
    assert "Usage: assayctl" in result.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["scores"], "No such command 'scores'. Did you mean 'score'?"),
        (["models", "--jsn"], "No such option: --jsn"),
        (["score", "--input", "x.npy"], "Missing option '--output'"),
        (["inspect", "--version", "-1"], "'--version'"),
        (["inspect", "--deadline-seconds", "0"], "is 0, allowed are above 0 and up to 604800"),
        (["inspect", "--deadline-seconds", "nan"], "is nan, allowed are above 0"),
        (["score", "--uncertainty", "entrop"], "'entrop' is unknown, allowed are least_confidence, margin"),
        (["score", "--wire-type", "int7"], "'int7' is unknown, allowed are uint8, int8"),
    ],
)
def test_wrong_flags_are_told_in_one_sentence(assayctl: Assayctl, words: list[str], sentence: str) -> None:
    result = assayctl(*words)
    (line,) = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in line
    assert "--help shows what there is" in line


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (
            ModuleNotFoundError("no", name="typer"),
            'assayctl: typer is missing: the command line needs more, pip install "assayd[cli]"',
        ),
        (KeyboardInterrupt(), 130),
    ],
)
def test_what_goes_wrong_while_it_starts(
    error: BaseException, code: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "assayd.cli.app")
    monkeypatch.setattr(sys, "meta_path", [Unimportable(error), *sys.meta_path])
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == code


def test_it_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules, "assayd.cli.__main__")
    monkeypatch.setattr(sys, "argv", ["assayctl", "--version"])
    with pytest.raises(SystemExit) as raised:
        runpy.run_module("assayd.cli", run_name="__main__")
    assert not raised.value.code
    assert capsys.readouterr().out == f"{assayd.__version__}\n"


def test_inspect_prints_the_contract(assayctl: Assayctl) -> None:
    lines = [re.split(r"  +", line) for line in assayctl.done("inspect").splitlines()]
    assert ["model", "m version 1"] in lines
    assert ["input", "x float32 (n, 4)"] in lines
    assert ["output", "logits float32 (n, 4), read as logits"] in lines
    assert ["output", "embedding float32 (n, 4), read as embedding"] in lines
    assert ["task", "multiclass, 4 classes"] in lines


def test_inspect_as_json_has_all_of_the_contract(assayctl: Assayctl) -> None:
    contract = assayctl.document("inspect")
    assert contract["inputs"] == [{"name": "x", "data_type": "float32", "shape": [None, 4]}]
    assert (contract["version"], contract["class_count"], contract["logits_output"]) == (1, 4, "logits")


def test_inspect_lists_the_first_ten_labels(serve: Callable[..., Server], tmp_path: Path) -> None:
    labels = [f"class {position}" for position in range(12)]
    onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(12), labels=labels)
    assayctl = Assayctl(serve(tmp_path / "models").address)
    assert assayctl.done("inspect").count("class ") == 10
    assert "class 9 and 2 more" in assayctl.done("inspect")


def test_inspect_takes_a_version(serve: Callable[..., Server], tmp_path: Path) -> None:
    for version, labels in ((1, list("abcd")), (2, list("efgh"))):
        onnx_models.write_bundle(tmp_path / "models", onnx_models.identity(), version=version, labels=labels)
    assayctl = Assayctl(serve(tmp_path / "models", contract_changes="allow").address)
    assert assayctl.document("inspect", "--model", "m", "--version", 1)["labels"] == ["a", "b", "c", "d"]
    assert assayctl.document("inspect", "--model", "m")["labels"] == ["e", "f", "g", "h"]


def test_an_unknown_model_is_named(assayctl: Assayctl) -> None:
    assert assayctl.refusal("inspect", "--model", "zzz") == (
        "NOT_FOUND: model.name: 'zzz' is not loaded, loaded are m"
    )


def test_an_error_as_json_says_what_a_program_needs(assayctl: Assayctl) -> None:
    result = assayctl("inspect", "--model", "zzz", "--json")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert json.loads(result.stdout)["error"]["status"] == "NOT_FOUND"
    assert json.loads(result.stdout)["error"]["reason"] == "UNKNOWN_MODEL"


def test_wrong_usage_as_json_has_the_sentence_too(assayctl: Assayctl) -> None:
    result = assayctl("score", "--input", "none.csv", "--output", "x.csv", "--json")
    assert json.loads(result.stdout) == {"error": {"message": "--input: none.csv is not there", "exit_code": 2}}


@pytest.mark.parametrize("words", [["score", "--input", "x.npy"], ["inspect", "--version", "-1"], ["scores"]])
def test_wrong_flags_as_json_have_the_sentence_too(assayctl: Assayctl, words: list[str]) -> None:
    result = assayctl(*words, "--json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["exit_code"]) == (2, 2)
    assert result.stderr.endswith(f": {error['message']}\n")


def test_models_lists_what_is_served_and_what_failed(serve: Callable[..., Server], tmp_path: Path) -> None:
    root = tmp_path / "models"
    onnx_models.write_bundle(root, onnx_models.identity(), name="bugs")
    onnx_models.write_bundle(root, onnx_models.regression(2), name="depths")
    broken = onnx_models.write_bundle(root, onnx_models.identity(), name="bugs", version=3)
    (broken / "model.onnx").write_bytes(b"other bytes")
    assayctl = Assayctl(serve(root).address)
    header, *lines = assayctl.done("models").splitlines()
    assert header.split() == ["model", "version", "state", "what"]
    assert any(re.match(r"bugs +1 +served +x float32 \(n, 4\) -> 4 classes", line) for line in lines)
    assert any(re.match(r"depths +1 +served +x float32 \(n, 4\) -> 2 values", line) for line in lines)
    assert any(re.match(r"bugs +3 +failed +\S", line) for line in lines)
    document = assayctl.document("models")
    assert [model["name"] for model in document["models"]] == ["bugs", "depths"]
    assert [model["version"] for model in document["failed"]] == [3]


def test_health_of_a_server_that_serves(assayctl: Assayctl) -> None:
    assert assayctl.done("health") == "SERVING\n"
    assert assayctl.document("health", "--model", "m") == {
        "address": assayctl.address,
        "model": "m",
        "status": "SERVING",
    }


def test_health_of_a_server_that_drains(bare_server: Callable[..., str]) -> None:
    drains = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)
    result = Assayctl(bare_server(lambda _request, _context: drains.SerializeToString()))("health")
    assert (result.exit_code, result.stdout, result.stderr) == (1, "NOT_SERVING\n", "")


def test_health_of_a_model_that_is_not_there(assayctl: Assayctl) -> None:
    assert assayctl.refusal("health", "--model", "zzz") == "NOT_FOUND: there is no model 'zzz'"


def test_health_of_a_server_that_does_not_know_health(failing_server: Callable[..., str]) -> None:
    address = failing_server(grpc.StatusCode.UNIMPLEMENTED, "no such method")
    assert Assayctl(address).refusal("health") == "UNIMPLEMENTED: no such method"


def test_a_server_that_is_not_there_is_named(refusing_address: str) -> None:
    sentence = Assayctl(refusing_address).refusal("health", code=3)
    assert sentence.startswith(f"UNAVAILABLE: no server answers at {refusing_address}: ")


@pytest.mark.parametrize("command", [["health"], ["inspect"]])
def test_a_server_that_says_nothing_is_waited_for_until_the_deadline(
    silent_listener: socket.socket, silent_address: str, command: list[str]
) -> None:
    sentence = Assayctl(silent_address).refusal(*command, "--deadline-seconds", 0.2, code=3)
    assert sentence.startswith(f"DEADLINE_EXCEEDED: no answer from {silent_address} within 0.2 s")


def test_a_flag_goes_before_the_variable(server: Server, refusing_address: str) -> None:
    assert Assayctl(refusing_address).done("health", "--address", server.address) == "SERVING\n"
