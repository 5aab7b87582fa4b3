"""Settings: where each one comes from, and which of them go together."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from assayd_server.config import Settings
from assayd_server.configuring import load
from assayd_server.contract import Choice
from assayd_server.errors import StartError
from assayd_server.repository_url import RepositoryUrl

MODEL = {"model": "m.onnx"}
WHOLE_NUMBER_MAX = 2**31 - 1
EVERYWHERE = "0.0.0.0"  # nothing is bound here


def in_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "assayd.toml"
    file.write_text(text)
    return file


def test_a_setting_that_nobody_gives_has_its_default() -> None:
    assert load(MODEL, {}).port == 50051


def test_one_request_may_have_as_many_rows_as_the_documentation_says() -> None:
    settings = load(MODEL, {})
    assert (settings.rows_max, settings.scores_elements_max) == (16_384, 16_777_216)


def test_a_setting_that_there_was_once_is_refused() -> None:
    with pytest.raises(StartError, match=r"^ASSAYD_CONTROL_THREADS: there is no such setting"):
        load(MODEL, {"ASSAYD_CONTROL_THREADS": "8"})


def test_a_line_of_the_file_beats_the_default(tmp_path: Path) -> None:
    assert load(MODEL, {}, in_file(tmp_path, "port = 1")).port == 1


def test_a_variable_beats_the_file(tmp_path: Path) -> None:
    assert load(MODEL, {"ASSAYD_PORT": "2"}, in_file(tmp_path, "port = 1")).port == 2


def test_a_flag_beats_the_variable_and_the_file(tmp_path: Path) -> None:
    assert load(MODEL | {"port": "3"}, {"ASSAYD_PORT": "2"}, in_file(tmp_path, "port = 1")).port == 3


def test_the_three_sources_are_merged_setting_by_setting(tmp_path: Path) -> None:
    settings = load(MODEL, {"ASSAYD_ROWS_MAX": "7"}, in_file(tmp_path, "call_threads = 5"))
    assert (settings.model, settings.rows_max, settings.call_threads) == (Path("m.onnx"), 7, 5)


def test_a_flag_that_was_not_given_hides_nothing() -> None:
    assert load(MODEL | {"port": None}, {"ASSAYD_PORT": "2"}).port == 2


def test_an_empty_variable_counts_as_absent(tmp_path: Path) -> None:
    assert load(MODEL, {"ASSAYD_PORT": ""}, in_file(tmp_path, "port = 1")).port == 1


def test_an_empty_variable_of_an_unknown_name_counts_as_absent() -> None:
    assert load(MODEL, {"ASSAYD_PROT": ""}).port == 50051


def test_variables_of_other_programs_are_left_alone() -> None:
    assert load(MODEL, {"PORT": "2", "HOST": EVERYWHERE, "XASSAYD_PORT": "3"}).port == 50051


def test_the_variable_of_the_command_line_of_the_client_is_left_alone() -> None:
    assert load(MODEL, {"ASSAYD_ADDRESS": "elsewhere:1"}).port == 50051


def test_a_variable_names_the_file(tmp_path: Path) -> None:
    assert load(MODEL, {"ASSAYD_CONFIG": str(in_file(tmp_path, "port = 1"))}).port == 1


def test_a_file_that_a_flag_names_beats_the_one_that_the_variable_names(tmp_path: Path) -> None:
    assert load(MODEL, {"ASSAYD_CONFIG": str(tmp_path / "none.toml")}, in_file(tmp_path, "port = 1")).port == 1


def test_an_empty_variable_for_the_file_counts_as_absent() -> None:
    assert load(MODEL, {"ASSAYD_CONFIG": ""}).port == 50051


@pytest.mark.parametrize(("text", "meant"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_text_of_a_switch_is_read_as_a_truth_value(text: str, meant: bool) -> None:
    assert load(MODEL, {"ASSAYD_LOG_CALLS": text}).log_calls is meant


def test_text_of_a_duration_may_have_a_fraction() -> None:
    assert load(MODEL, {"ASSAYD_DRAIN_DELAY_SECONDS": "0.25"}).drain_delay_seconds == 0.25


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = load(MODEL, {})
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_outputs_that_were_chosen_are_listed_by_role() -> None:
    settings = load(MODEL | {"logits_output": "a", "embedding_tensor": "b", "activation": "sigmoid"}, {})
    assert settings.choice == Choice({"logits": "a", "embedding": "b"}, "sigmoid")


def test_nothing_is_chosen_unless_a_flag_says_so() -> None:
    assert load(MODEL, {}).choice is None


def test_neither_a_model_nor_a_repository_is_refused() -> None:
    with pytest.raises(StartError, match=r"^give either model or repository, not neither$"):
        load({}, {})


def test_both_a_model_and_a_repository_are_refused() -> None:
    with pytest.raises(StartError, match=r"^give either model or repository, not both$"):
        load(MODEL, {"ASSAYD_REPOSITORY": "models"})


def test_a_repository_alone_is_enough() -> None:
    assert load({"repository": "models"}, {}).repository == Path("models")


def test_a_repository_may_be_in_a_bucket() -> None:
    settings = load({"repository": "s3://bucket/team/models/"}, {})
    assert settings.repository == RepositoryUrl("s3", "bucket", "team/models")


@pytest.mark.parametrize("source", [{"repository": "models"}, MODEL])
def test_a_cache_goes_with_a_repository_in_a_bucket(source: dict[str, str]) -> None:
    cache = {"repository_cache": "/var/cache/models"}
    assert load({"repository": "s3://bucket"} | cache, {}).repository_cache == Path("/var/cache/models")
    with pytest.raises(StartError, match=r"^--repository-cache: goes with a repository in a bucket; a folder is "):
        load(source | cache, {})


@pytest.mark.parametrize("place", ["s3://bucket/models", "/srv/models"])
def test_a_repository_is_handed_on_to_workers(place: str) -> None:
    settings = load({"repository": place}, {})
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("secret", ["s3://key:hunter2@bucket", "az://models?sig=hunter2"])
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(StartError) as caught:
        load({}, {"ASSAYD_REPOSITORY": secret})
    assert str(caught.value) == (
        "ASSAYD_REPOSITORY: has more in it than a bucket and a folder: credentials and options come from the "
        "environment"
    )


def test_a_repository_is_a_text(tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"repository: 7 is not allowed: .*is neither a folder nor an address$"):
        load({}, {}, in_file(tmp_path, "repository = 7"))


def test_a_chosen_output_does_not_go_with_a_repository() -> None:
    with pytest.raises(StartError, match=r"^--embedding-tensor: goes with model; a bundle says how it is read$"):
        load({"repository": "models", "embedding_tensor": "h"}, {})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
def test_an_address_of_this_machine_needs_no_permission(host: str) -> None:
    assert load(MODEL | {"host": host}, {}).host == host


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "10.1.2.3", "2001:db8::1", "example.org", "localhost.example"])
def test_an_address_that_others_can_reach_needs_permission(host: str) -> None:
    with pytest.raises(StartError, match=rf"{host} can be reached from other machines.*: pass --insecure"):
        load(MODEL, {"ASSAYD_HOST": host})


def test_an_address_that_others_can_reach_is_taken_with_permission() -> None:
    assert load(MODEL | {"host": EVERYWHERE, "insecure": True}, {}).host == EVERYWHERE


@pytest.mark.parametrize(
    ("setting", "allowed"),
    [
        ("port", (0, 65535)),
        ("metrics_port", (0, 65535)),
        ("call_threads", (1, 1024)),
        ("calls_waiting_max", (0, 65_536)),
        ("streams_per_connection_max", (1, WHOLE_NUMBER_MAX)),
        ("message_bytes_max", (64 * 1024, 1024**3)),
        ("rows_max", (1, WHOLE_NUMBER_MAX)),
        ("head_elements_max", (1, WHOLE_NUMBER_MAX)),
        ("scores_elements_max", (65_536, None)),
        ("rows_pending_max", (1, WHOLE_NUMBER_MAX)),
        ("inference_threads", (0, 1024)),
        ("repository_cache_bytes_max", (2**20, 2**50)),
        ("drain_delay_seconds", (0, 86_400)),
        ("drain_grace_seconds", (0, 86_400)),
    ],
)
def test_a_number_may_reach_its_bounds_and_not_pass_them(setting: str, allowed: tuple[int, int | None]) -> None:
    low, high = allowed
    assert taken(setting, low)
    assert not taken(setting, low - 1)
    if high is not None:
        assert taken(setting, high)
        assert not taken(setting, high + 1)


@pytest.mark.parametrize(
    ("setting", "high"),
    [
        ("message_wait_max_seconds", 3600),
        ("connection_age_max_seconds", 86_400),
        ("connection_grace_seconds", 86_400),
    ],
)
def test_a_duration_that_must_pass_is_above_zero(setting: str, high: float) -> None:
    assert [taken(setting, value) for value in (0, 0.001, high, high + 1)] == [False, True, True, False]


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_a_duration_is_a_finite_number(text: str) -> None:
    assert not taken("drain_delay_seconds", text)


def taken(setting: str, value: Any) -> bool:
    try:
        return getattr(load(MODEL, {f"ASSAYD_{setting.upper()}": str(value)}), setting) == value
    except StartError:
        return False


CERTIFIED = {"tls_certificate": "c", "tls_key": "k"}


@pytest.mark.parametrize(
    ("given", "setting", "why"),
    [
        ({"tls_key": "k"}, "tls-key", "goes with tls_certificate"),
        ({"tls_client_ca": "a"}, "tls-client-ca", "goes with tls_certificate"),
        ({"tls_certificate": "c"}, "tls-certificate", "goes with tls_key"),
    ],
)
def test_settings_of_tls_go_together(given: dict[str, str], setting: str, why: str) -> None:
    with pytest.raises(StartError, match=f"^--{setting}: {why}$"):
        load(MODEL | given, {})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "calls are neither encrypted nor authenticated: pass --insecure if that is meant"),
        (
            {"access": "a"},
            "tokens would travel in clear text: give tls_certificate, or pass --insecure if that is meant",
        ),
        (
            CERTIFIED,
            "nobody is asked who calls: give access or tls_client_ca, or pass --insecure if that is meant",
        ),
    ],
    ids=["nothing", "tokens in clear text", "encrypted for everybody"],
)
def test_an_address_that_others_can_reach_needs_encryption_and_callers_that_are_known(
    given: dict[str, str], why: str
) -> None:
    with pytest.raises(StartError) as caught:
        load(MODEL | given | {"host": EVERYWHERE}, {})
    assert str(caught.value) == f"--host: {EVERYWHERE} can be reached from other machines, and {why}"
    assert load(MODEL | given | {"host": EVERYWHERE, "insecure": True}, {}).host == EVERYWHERE
    assert load(MODEL | given | {"host": "127.0.0.1"}, {}).host == "127.0.0.1"


@pytest.mark.parametrize("known", [{"access": "a"}, {"tls_client_ca": "a"}, {"access": "a", "tls_client_ca": "b"}])
def test_an_address_with_encryption_and_callers_that_are_known_needs_no_permission(known: dict[str, str]) -> None:
    assert load(MODEL | CERTIFIED | known | {"host": EVERYWHERE}, {}).host == EVERYWHERE


def test_the_files_of_tls_are_those_that_are_given() -> None:
    assert load(MODEL, {}).tls == {}
    assert load(MODEL | CERTIFIED, {}).tls == {"tls_certificate": Path("c"), "tls_key": Path("k")}
