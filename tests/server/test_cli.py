"""The command line: its commands, its flags, and how a start that fails looks to a person."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assayd_server.cli import app
from assayd_server.config import Settings

COMMANDS = ("serve", "inspect", "bundle", "calibrate", "demo")
WIDE = {"COLUMNS": "200", "TERM": "xterm"}


def invoke(*arguments: str | Path, **variables: str) -> Result:
    """Run the command in this process; for what stops before anything is served."""
    return CliRunner().invoke(app, [*map(str, arguments)], env=WIDE | variables)


def refusal(*arguments: str | Path, **variables: str) -> str:
    """The one line that stops a start."""
    result = invoke(*arguments, **variables)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    return line


@pytest.fixture(scope="module")
def serve_help() -> str:
    result = invoke("serve", "--help")
    assert result.exit_code == 0
    return plain(result.stdout)


def plain(text: str) -> str:
    """Without the colours that some environments ask for."""
    return re.sub("\x1b\\[[0-9;]*m", "", text)


def test_help_names_every_command() -> None:
    result = invoke("--help")
    assert result.exit_code == 0
    assert all(re.search(rf"\b{command}\b", plain(result.stdout)) for command in COMMANDS)


def test_the_version_is_that_of_the_package() -> None:
    result = invoke("--version")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{metadata.version('assayd')}\n", "")


def test_without_a_command_there_is_help() -> None:
    assert "Usage: " in plain(invoke().output)


@pytest.mark.parametrize("setting", Settings.model_fields)
def test_every_setting_has_a_flag(serve_help: str, setting: str) -> None:
    assert re.search(rf"--{setting.replace('_', '-')}\s", serve_help)


def test_there_is_no_flag_without_a_setting(serve_help: str) -> None:
    flags = {name.replace("-", "_") for name in re.findall(r"^\W*--([a-z-]+)", serve_help, re.MULTILINE)}
    assert flags == {*Settings.model_fields, "config", "help"}


def test_help_says_which_variable_a_flag_stands_for(serve_help: str) -> None:
    assert re.search(r"--rows-max\s+ASSAYD_ROWS_MAX\s", serve_help)


def test_help_says_what_a_flag_is_when_it_is_not_given(serve_help: str) -> None:
    assert "Default: 50051." in serve_help


def test_an_unknown_flag_is_a_mistake_in_the_usage() -> None:
    result = invoke("serve", "--prot", "1")
    assert result.exit_code == 2
    assert "--prot" in plain(result.stderr)


def test_a_wrong_flag_is_refused_in_one_line() -> None:
    assert refusal("serve", "--model", "m.onnx", "--port", "x").startswith("assayd: --port: 'x' is not allowed: ")


def test_a_wrong_variable_is_refused_in_one_line() -> None:
    line = refusal("serve", "--model", "m.onnx", ASSAYD_ROWS_MAX="many")
    assert line.startswith("assayd: ASSAYD_ROWS_MAX: 'many' is not allowed: ")


def test_a_flag_with_dashes_reaches_its_setting() -> None:
    line = refusal("serve", "--model", "m.onnx", "--rows-pending-max", "0")
    assert line.startswith("assayd: --rows-pending-max: '0' is not allowed: ")


def test_no_model_at_all_is_refused_in_one_line() -> None:
    assert refusal("serve") == "assayd: give either model or repository, not neither"


def test_the_file_that_a_flag_names_is_read(tmp_path: Path) -> None:
    file = tmp_path / "assayd.toml"
    file.write_text("prot = 1")
    assert refusal("serve", "--config", file) == (
        f"assayd: {file}: prot: there is no such setting, did you mean port?"
    )


def test_the_file_that_a_flag_names_must_be_there(tmp_path: Path) -> None:
    file = tmp_path / "none.toml"
    assert refusal("serve", "--config", file) == f"assayd: {file}: cannot be read: No such file or directory"


def test_an_address_that_others_can_reach_is_refused_in_one_line() -> None:
    assert "pass --insecure if that is meant" in refusal("serve", "--model", "m.onnx", "--host", "10.1.2.3")


def test_the_switch_that_permits_such_an_address_takes_no_value() -> None:
    line = refusal("serve", "--model", "m.onnx", "--host", "10.1.2.3", "--insecure", "--port", "x")
    assert line.startswith("assayd: --port: ")
