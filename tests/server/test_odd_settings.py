"""Settings that somebody really gets wrong: each is named as it was spelled, in one line."""

import threading
from pathlib import Path
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, make_wsgi_app

from assayd_server.caller import Caller, after
from assayd_server.configuring import load
from assayd_server.errors import StartError
from assayd_server.gate import Gate
from assayd_server.probes import Probes
from assayd_server.row_counts import CLASSES_MAX, RowCounts


def refusal(flags: dict[str, str], environ: dict[str, str], file: Path | None = None) -> str:
    with pytest.raises(StartError) as raised:
        load(flags, environ, file)
    (line,) = str(raised.value).splitlines()
    return line


def test_a_variable_in_lower_case_is_no_setting() -> None:
    line = refusal({"model": "m"}, {"ASSAYD_port": "x"})
    assert line == "ASSAYD_port: there is no such setting, did you mean ASSAYD_PORT?"


def test_a_setting_that_does_not_go_with_another_is_named_as_it_was_spelled() -> None:
    line = refusal({"repository": "r"}, {"ASSAYD_LOGITS_OUTPUT": "y"})
    assert line == "ASSAYD_LOGITS_OUTPUT: goes with model; a bundle says how it is read"


def test_an_open_host_is_named_as_it_was_spelled() -> None:
    assert refusal({"model": "r"}, {"ASSAYD_HOST": "0.0.0.0"}).startswith("ASSAYD_HOST: 0.0.0.0 can be reached")
    assert refusal({"model": "r", "host": "0.0.0.0"}, {}).startswith("--host: 0.0.0.0 can be reached")


def test_true_in_the_file_is_not_the_port_1(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("port = true")
    assert refusal({"model": "m"}, {}, file).startswith(f"{file}: port: True is not allowed")


def test_a_key_of_the_file_with_a_line_end_is_still_one_line(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('"a\\nb" = 1')
    assert refusal({"model": "m"}, {}, file) == f"{file}: a b: there is no such setting"


def test_a_key_of_the_file_in_upper_case_is_recognised(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("PORT = 1")
    assert refusal({"model": "m"}, {}, file).endswith("did you mean port?")


def test_probes_listen_on_ipv6_too() -> None:
    probes = Probes(host="::1", port=0, metrics=make_wsgi_app(CollectorRegistry()))
    with urlopen(f"http://[::1]:{probes.port}/healthz", timeout=10) as response:
        assert response.read() == b"alive\n"
    probes.stop()


def test_a_deadline_beyond_what_a_lock_can_wait_is_taken() -> None:
    gate = Gate(5)
    with gate.enter(1, Caller(after(2 * threading.TIMEOUT_MAX))):
        assert gate.rows_pending == 1
    assert gate.rows_pending == 0


def test_the_other_classes_are_counted_under_a_name_that_no_class_has() -> None:
    labels = ["other", *map(str, range(CLASSES_MAX))]
    assert RowCounts(labels, []).classes[-1] == "_other"
