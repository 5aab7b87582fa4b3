"""`assayd token`: a token that is told once, and what lets it in."""

import re
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assayd_server.access import Role, parsed
from assayd_server.cli import app
from assayd_server.tokens import PREFIX, new_token

WIDE = {"COLUMNS": "200", "TERM": "xterm"}


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["token", *map(str, words)], env=WIDE)


def test_what_is_printed_lets_the_token_in() -> None:
    result = run("--name", "pipeline", "--role", "score", "--role", "label", "--role", "score")
    assert (result.exit_code, result.stderr) == (0, "")
    token, _, lines = result.stdout.partition("\n\n")
    assert parsed(lines.encode(), with_certificates=False).of_token(token) == {Role.SCORE, Role.LABEL}
    assert token not in lines


def test_a_token_that_goes_to_a_file_is_not_printed_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "token"
    result = run("--name", "pipeline", "--role", "monitor", "--token-file", path)
    token = path.read_text().strip()
    assert token not in result.output
    assert parsed(result.stdout.encode(), with_certificates=False).of_token(token) == {Role.MONITOR}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_token_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("mine")
    result = run("--name", "pipeline", "--role", "score", "--token-file", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"assayd: --token-file: {path} is there already\n"
    assert path.read_text() == "mine"


def test_a_token_file_in_no_folder_is_an_error_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "none" / "token"
    result = run("--name", "pipeline", "--role", "score", "--token-file", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"assayd: --token-file: {path} cannot be written: No such file or directory\n"


@pytest.mark.parametrize("name", ["", 'a"b', "a\nb", "a\\b", "x" * 129])
def test_a_name_that_toml_would_misread_is_refused(name: str) -> None:
    result = run("--name", name, "--role", "score")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("assayd: --name: may have letters, digits")


def test_a_role_that_there_is_not_is_a_mistake_in_the_usage() -> None:
    result = run("--name", "a", "--role", "admin")
    assert result.exit_code == 2
    assert "admin" in result.stderr


def test_tokens_are_long_differ_and_can_be_told_from_other_text() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", token) for token in tokens)
