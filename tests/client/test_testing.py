"""A server within the test's process, for the tests of those who use assayd."""

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

import onnx_models
from assayd import CallCancelledError, ChannelSettings, UnavailableError
from assayd.testing import Server, serving
from assayd_server.errors import StartError

pytest_plugins = ["assayd.testing.fixtures"]

Start = Callable[..., Server]
X = np.eye(4, dtype=np.float32)
ONE_ATTEMPT = ChannelSettings(attempts_max=1)

QUIETLY = """
import logging, structlog, warnings
import numpy as np
from assayd.testing import serving

def refuse(*_):
    raise AssertionError("this is the host's")

structlog.configure(processors=[refuse])
before = (list(logging.root.handlers), logging.root.level, warnings.showwarning)
with serving() as server:
    server.client().score(np.zeros((2, 64), np.uint8))
assert (list(logging.root.handlers), logging.root.level, warnings.showwarning) == before
"""

A_USERS_TEST = """
import numpy as np
import pytest

pytest_plugins = ["assayd.testing.fixtures"]


@pytest.mark.parametrize("row_count", range(6))
def test_rows(assayd_server, row_count):
    client = assayd_server().client()
    assert len(client.score(np.zeros((row_count, 64), np.uint8))) == row_count
"""


def test_without_a_model_it_is_the_demos() -> None:
    with serving() as server:
        model = server.client().model()
    assert (model.name, model.class_count, model.embedding_width) == ("digits", 10, 32)


def test_a_model_may_be_a_path_its_text_or_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx_models.identity())
    for model in (path, str(path), path.read_bytes()):
        with serving(model) as server:
            assert server.client().score(X).predictions.tolist() == [0, 1, 2, 3]


def test_a_model_may_be_a_folder_of_bundles(tmp_path: Path, assayd_server: Start) -> None:
    for version in (1, 2):
        onnx_models.write_bundle(tmp_path, onnx_models.identity(), version=version)
    listed = assayd_server(tmp_path).client().models()
    assert [model.version for model in listed.models] == [1, 2]


def test_a_setting_in_place_of_the_model_may_name_the_folder(tmp_path: Path, assayd_server: Start) -> None:
    onnx_models.write_bundle(tmp_path, onnx_models.identity(), name="other")
    assert assayd_server(repository=tmp_path).client().model().name == "other"


def test_settings_reach_the_server(assayd_server: Start) -> None:
    server = assayd_server(inference_threads=3)
    with urlopen(f"http://{server.metrics_address}/metrics", timeout=10) as response:
        assert 'assayd_threads{purpose="inference"} 3.0' in response.read().decode()


def test_variables_of_the_process_do_not_count(monkeypatch: pytest.MonkeyPatch, assayd_server: Start) -> None:
    monkeypatch.setenv("ASSAYD_ROWS_MAX", "nonsense")
    assert assayd_server().client().model().class_count == 10


def test_a_server_may_listen_on_an_address_of_the_newer_kind(assayd_server: Start) -> None:
    server = assayd_server(onnx_models.identity(), host="::1")
    assert server.address == f"[::1]:{server.port}"
    assert len(server.client().score(X)) == 4


def test_several_servers_run_at_once(assayd_server: Start) -> None:
    servers = [assayd_server(onnx_models.identity(count)) for count in (2, 3, 4)]
    assert [server.client().model().class_count for server in servers] == [2, 3, 4]
    assert len({server.address for server in servers} | {server.metrics_address for server in servers}) == 6


def test_a_client_takes_the_arguments_of_client(assayd_server: Start) -> None:
    client = assayd_server(onnx_models.identity()).client(settings=ChannelSettings(rows_max=1))
    assert client.score(X).predictions.tolist() == [0, 1, 2, 3]


def test_its_clients_are_closed_with_it() -> None:
    with serving(onnx_models.identity()) as server:
        client = server.client()
    with pytest.raises(CallCancelledError, match="the client was closed"):
        client.score(X)


def test_after_a_drain_it_answers_no_more(assayd_server: Start) -> None:
    server = assayd_server(onnx_models.identity())
    client = server.client(settings=ONE_ATTEMPT)
    assert len(client.score(X)) == 4
    server.drain()
    with pytest.raises(UnavailableError):
        client.score(X)


def test_no_thread_outlives_it() -> None:
    before = set(threading.enumerate())
    with serving(onnx_models.identity()) as server:
        server.client().score(X)
    left = set(threading.enumerate()) - before
    for thread in left:  # gRPC's own end by themselves
        thread.join(10)
    assert [thread.name for thread in left if thread.is_alive()] == []


@pytest.mark.parametrize("setting", ["port", "metrics_port"])
def test_a_port_that_is_taken_leaves_no_thread_behind(setting: str) -> None:
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {setting: taken.getsockname()[1]}
        with pytest.raises(StartError, match=f"^{setting}: cannot listen"), serving(**settings):
            pass
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(10)
    assert [thread.name for thread in left if thread.is_alive()] == []


def test_it_ends_when_the_test_fails() -> None:
    context = serving(onnx_models.identity())
    client = context.__enter__().client()
    assert not context.__exit__(KeyError, KeyError(), None)
    with pytest.raises(CallCancelledError):
        client.score(X)


def test_it_can_be_started_in_a_thread() -> None:
    seen: list[int] = []

    def start_and_score() -> None:
        with serving(onnx_models.identity()) as server:
            seen.append(len(server.client().score(X)))

    thread = threading.Thread(target=start_and_score)
    thread.start()
    thread.join(30)
    assert seen == [4]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"row_max": 1}, "row_max: there is no such setting, did you mean rows_max?"),
        ({"rows_max": 0}, "rows_max: 0 is not allowed: Input should be greater than or equal to 1"),
        ({"model": Path("m.onnx"), "repository": "x"}, "give either model or repository, not both"),
        ({"log_level": "info"}, 'log_level: set the level of logging.getLogger("assayd_server") instead'),
        ({"model": "nowhere.onnx"}, "nowhere.onnx: cannot be read: No such file or directory"),
    ],
)
def test_what_it_cannot_do_is_said_in_one_sentence(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(StartError) as raised, serving(**settings):  # type: ignore[arg-type]
        pass
    assert str(raised.value) == sentence


def test_without_the_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "assayd_server.app", None)
    with pytest.raises(ImportError, match=r'^assayd.testing starts a server: pip install "assayd\[server\]"$'):
        serving().__enter__()


def test_what_the_server_logs_are_records_of_the_program(
    assayd_server: Start, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "assayd_server"):
        server = assayd_server(log_calls=True)
        server.client(metadata={"x-request-id": "order-17"}).model()
        server.drain()
    assert f"serving host='127.0.0.1' port={server.port} metrics_port={server.metrics_port}" in caplog.messages
    assert any("request_id='order-17' code='OK'" in message for message in caplog.messages)


def test_it_prints_nothing_and_leaves_the_programs_logging_alone() -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", QUIETLY], capture_output=True, text=True, check=False, timeout=120
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_fixture_works_in_a_project_of_its_own_in_parallel(tmp_path: Path) -> None:
    (tmp_path / "test_users.py").write_text(A_USERS_TEST)
    command = [sys.executable, "-m", "pytest", "-W", "error", "-n", "2", "-p", "no:cacheprovider", str(tmp_path)]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stdout
    assert "6 passed" in result.stdout
