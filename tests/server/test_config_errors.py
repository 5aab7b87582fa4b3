"""What is said of a wrong setting: one sentence, which names the setting as it was spelled and where."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assayd_server.config import Settings
from assayd_server.configuring import load
from assayd_server.errors import StartError

MODEL = {"model": "m.onnx"}
TEXTS = (str, str | None, Path | None, Settings.model_fields["repository"].annotation)
NOT_TEXTS = [name for name, field in Settings.model_fields.items() if field.annotation not in TEXTS]
SERVICE_LINKS = {
    "ASSAYD_SERVICE_HOST": "10.0.0.7",
    "ASSAYD_SERVICE_PORT_GRPC": "50051",
    "ASSAYD_PORT_50051_TCP": "tcp://10.0.0.7:50051",
    "ASSAYD_PORT_50051_TCP_PROTO": "tcp",
    "ASSAYD_PORT_50051_TCP_ADDR": "10.0.0.7",
}


def sentence(
    flags: Mapping[str, Any], environ: Mapping[str, str] | None = None, config_file: Path | None = None
) -> str:
    """What stops the start; there is exactly one line of it."""
    with pytest.raises(StartError) as caught:
        load(MODEL | flags, environ or {}, config_file)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "assayd.toml"


def test_there_are_settings_that_cannot_be_any_text() -> None:
    assert len(NOT_TEXTS) >= 15


@pytest.mark.parametrize("setting", NOT_TEXTS)
def test_a_wrong_flag_is_named_as_a_flag(setting: str) -> None:
    assert sentence({setting: "x"}).startswith(f"--{setting.replace('_', '-')}: 'x' is not allowed: ")


@pytest.mark.parametrize("setting", NOT_TEXTS)
def test_a_wrong_variable_is_named_as_a_variable(setting: str) -> None:
    variable = f"ASSAYD_{setting.upper()}"
    assert sentence({}, {variable: "x"}).startswith(f"{variable}: 'x' is not allowed: ")


@pytest.mark.parametrize("setting", NOT_TEXTS)
def test_a_wrong_line_of_the_file_is_named_with_the_file(setting: str, file: Path) -> None:
    file.write_text(f'{setting} = "x"')
    assert sentence({}, {}, file).startswith(f"{file}: {setting}: 'x' is not allowed: ")


def test_of_a_setting_that_is_given_twice_the_source_that_counts_is_named() -> None:
    assert sentence({"port": "x"}, {"ASSAYD_PORT": "1"}).startswith("--port: ")


def test_the_file_that_a_variable_names_is_named(file: Path) -> None:
    file.write_text("port = -1")
    assert sentence({}, {"ASSAYD_CONFIG": str(file)}).startswith(f"{file}: port: -1 is not allowed")


def test_a_wrong_choice_is_told_what_there_is() -> None:
    assert sentence({"log_level": "loud"}).endswith("Input should be 'debug', 'info', 'warning' or 'error'")


def test_an_unknown_variable_is_named_with_the_one_that_was_meant() -> None:
    assert sentence({}, {"ASSAYD_PROT": "1"}) == (
        "ASSAYD_PROT: there is no such setting, did you mean ASSAYD_PORT?"
    )


def test_an_unknown_line_of_the_file_is_named_with_the_one_that_was_meant(file: Path) -> None:
    file.write_text("prot = 1")
    assert sentence({}, {}, file) == f"{file}: prot: there is no such setting, did you mean port?"


def test_an_unknown_name_that_is_like_no_other_gets_no_suggestion() -> None:
    assert sentence({}, {"ASSAYD_ZZZ": "1"}) == "ASSAYD_ZZZ: there is no such setting"


def test_a_table_in_the_file_is_no_setting(file: Path) -> None:
    file.write_text("[server]\nport = 1")
    assert sentence({}, {}, file) == f"{file}: server: there is no such setting"


def test_the_file_cannot_name_a_further_file(file: Path) -> None:
    file.write_text('config = "other.toml"')
    assert sentence({}, {}, file).startswith(f"{file}: config: there is no such setting")


@pytest.mark.parametrize("variable", SERVICE_LINKS)
def test_a_variable_of_a_kubernetes_service_gets_a_hint(variable: str) -> None:
    said = sentence({}, {variable: SERVICE_LINKS[variable]})
    assert said.startswith(f"{variable}: there is no such setting")
    assert said.endswith(
        "(Kubernetes sets it for a Service called assayd: set enableServiceLinks to false in the pod)"
    )


def test_a_port_that_a_kubernetes_service_sets_gets_the_hint_too() -> None:
    said = sentence({}, SERVICE_LINKS | {"ASSAYD_PORT": "tcp://10.0.0.7:50051"})
    assert said.startswith("ASSAYD_PORT: 'tcp://10.0.0.7:50051' is not allowed: ")
    assert "set enableServiceLinks to false in the pod" in said


def test_a_port_that_a_person_mistyped_gets_no_hint() -> None:
    assert "Kubernetes" not in sentence({}, {"ASSAYD_PORT": "5005l"})


def test_other_unknown_variables_get_no_hint_about_kubernetes() -> None:
    assert "Kubernetes" not in sentence({}, {"ASSAYD_SERVER": "1"})


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    assert sentence({}, {}, file) == f"{file}: cannot be read: No such file or directory"


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    assert sentence({}, {}, tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


@pytest.mark.parametrize("text", ["port = ", "port: 1", "port = 1\nport = 2", '{"port": 1}'])
def test_a_file_that_is_not_toml_is_named(text: str, file: Path) -> None:
    file.write_text(text)
    assert sentence({}, {}, file).startswith(f"{file}: is not TOML: ")


def test_a_file_that_is_no_text_is_named(file: Path) -> None:
    file.write_bytes(b"port = 1\xff\xfe")
    assert sentence({}, {}, file).startswith(f"{file}: is not TOML: ")


def test_no_sentence_shows_how_the_settings_are_implemented() -> None:
    said = sentence({"port": "x"})
    assert "pydantic" not in said.lower()
    assert Settings.__name__ not in said
