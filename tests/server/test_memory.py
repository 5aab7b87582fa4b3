"""What memory is limited, held and given back."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from assayd_server.memory import anonymous_bytes, memory_limit_bytes
from assayd_server.metrics import Metrics

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")


def in_a_new_process(script: str) -> None:
    """Run a script whose memory is its own."""
    own = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    result = subprocess.run(command, env=own, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0, result.stderr[-2000:]


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [
        ("memory.max", "1073741824\n", 2.0**30),
        ("memory.max", "max\n", float("inf")),
        ("memory/memory.limit_in_bytes", "536870912\n", 2.0**29),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n", float("inf")),
        ("another", "1", float("inf")),
    ],
)
def test_the_containers_limit_is_read(tmp_path: Path, file: str, text: str, limit: float) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert memory_limit_bytes(tmp_path) == limit


def test_memory_that_no_file_backs_is_read(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("VmRSS:\t  900 kB\nRssAnon:\t     700 kB\nRssFile:\t 200 kB\n")
    assert anonymous_bytes(status) == 700 * 1024
    assert anonymous_bytes(tmp_path / "none") is None


@LINUX
def test_a_scrape_shows_the_memory_that_no_file_backs() -> None:
    registry = CollectorRegistry()
    Metrics(registry)

    def shown() -> float:
        return registry.get_sample_value("assayd_anonymous_memory_bytes") or 0.0

    before = shown()
    held = np.ones(8 * 2**20)
    assert shown() - before > held.nbytes / 2
    del held
    assert shown() - before < 2**25


GIVING_BACK = """
    import threading, time
    import numpy as np
    import onnx_models
    from assayd.testing import serving
    from assayd_server import heap, memory_return
    from assayd_server.memory import anonymous_bytes

    MIB = 2**20
    heap.share_heaps()
    memory_return.LOOK_SECONDS = memory_return.PAUSE_SECONDS = 0.02
    wide = onnx_models.network(width=64, hidden=50_000)
    with serving(wide) as server:
        client = server.client()
        client.score(np.zeros((1, 64), np.float32))
        before, most = anonymous_bytes(), 0
        ended = threading.Event()

        def watch():
            global most
            while not ended.is_set():
                most = max(most, anonymous_bytes())

        watcher = threading.Thread(target=watch)
        watcher.start()
        client.score(np.zeros((1000, 64), np.float32))
        ended.set()
        watcher.join()
        assert most > before + 150 * MIB, (before, most)  # the activations of one pass
        deadline = time.monotonic() + 60
        while anonymous_bytes() > before + 40 * MIB:
            assert time.monotonic() < deadline, (before, most, anonymous_bytes())
            time.sleep(0.02)
        assert len(client.score(np.zeros((1000, 64), np.float32))) == 1000
"""


@LINUX
def test_what_a_large_pass_took_is_given_back_when_nothing_is_computed() -> None:
    in_a_new_process(GIVING_BACK)


LOADING = """
    import numpy as np
    import onnx_models
    from assayd_server import heap, logs, servable
    from assayd_server.bundle import Bundle, Identity, Manifest
    from assayd_server.memory import anonymous_bytes

    logs.configure("error")
    heap.share_heaps()
    content = onnx_models.network(width=1000, hidden=1000)  # 4 MB
    manifest = Manifest.model_validate_json('{"format": 1, "files": {}}')

    def load_and_drop():
        model = servable.load(Bundle(Identity("m", 1, "sha256:0"), manifest, content), threads=2)
        rows = {spec.name: np.zeros((500, 1000), np.float32) for spec in model.contract.inputs}
        model.forward(rows, row_count=500, roles=[model.contract.scores_role])

    for _ in range(10):
        load_and_drop()
    heap.return_free_pages()
    before = anonymous_bytes()
    for _ in range(50):
        load_and_drop()
    heap.return_free_pages()
    assert anonymous_bytes() < before + 10 * 2**20, (before, anonymous_bytes())
"""


@LINUX
def test_fifty_models_that_come_and_go_leave_no_memory_behind() -> None:
    in_a_new_process(LOADING)
