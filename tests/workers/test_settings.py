"""Settings with several workers: what goes together, and that workers get them as they are."""

from multiprocessing import Pipe
from pathlib import Path

import pytest

from assayd.testing import serving
from assayd_server.config import Settings
from assayd_server.configuring import load
from assayd_server.errors import StartError
from assayd_server.workers.messages import receive, send


@pytest.mark.parametrize(
    "source", [{"model": Path("m.onnx"), "activation": "sigmoid"}, {"repository": "s3://b/models"}]
)
def test_a_worker_gets_the_settings_that_its_parent_has(source: dict[str, object]) -> None:
    settings = Settings.model_validate({**source, "recall_check_share": 1 / 3, "log_calls": True, "workers": 7})
    parents, workers = Pipe()
    with parents, workers:
        send(parents, settings)
        assert receive(workers) == settings


def test_a_socket_is_not_shared_by_workers() -> None:
    said = "^--uds: one socket cannot be shared by several workers: leave it out, or have one worker$"
    with pytest.raises(StartError, match=said):
        load({"model": "m.onnx", "uds": "s.sock", "workers": "2"}, {})
    assert load({"model": "m.onnx", "uds": "s.sock", "workers": "1"}, {}).workers == 1


@pytest.mark.parametrize("count", ["0", "257", "two", "1.5"])
def test_there_are_1_to_256_workers(count: str) -> None:
    with pytest.raises(StartError, match=f"^--workers: '{count}' is not allowed: "):
        load({"model": "m.onnx", "workers": count}, {})


def test_a_server_within_a_program_is_one_process() -> None:
    with pytest.raises(StartError, match=r"^workers: a server within a program is one"), serving(workers=2):
        pass
