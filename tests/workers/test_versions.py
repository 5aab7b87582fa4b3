"""Several workers and a repository: each of them finds new versions for itself."""

import shutil
import time
from pathlib import Path

import pytest

import onnx_models
from processes import serving

pytestmark = pytest.mark.xdist_group("workers")

WAIT_SECONDS_MAX = 60.0


def test_every_worker_serves_a_new_version(tmp_path: Path) -> None:
    first = onnx_models.write_bundle(tmp_path / "models", onnx_models.identity())
    arguments = ("--repository", str(tmp_path / "models"), "--repository-poll-seconds", "0.1", "--workers", "2")
    with serving(tmp_path / "log", *arguments, "--drain-delay-seconds", "0") as server:
        assert server.metric("assayd_model_info", version="1") == 2
        shutil.copytree(first, tmp_path / "2")
        (tmp_path / "2").rename(first.with_name("2"))
        end = time.monotonic() + WAIT_SECONDS_MAX
        while server.metric("assayd_model_info", version="2") < 2:
            assert time.monotonic() < end, server.log.read_text()
            time.sleep(0.02)
        assert {event["worker"] for event in server.events("model loaded") if event["version"] == 2} == {"0", "1"}
