"""Secrets stay where they are: not in a log, a metric, an error, a representation, nor in what is printed."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest

import onnx_models
from assayd import AssaydError, Client, InvalidArgumentError, Tls
from assayd_server.app import App
from assayd_server.config import Settings
from certificates import HERE, Authority, encrypted, replace
from entries import entries, token_for, write_access
from processes import ServerProcess, serving
from waiting import wait_until

ROWS = np.eye(4, dtype=np.float32)
TOKENS = [token_for(name) for name in ("score", "monitor", "unknown", "mistaken")]
AUTHORITY = Authority("authority")
SERVER = AUTHORITY.issue("server", *HERE)
LOCKED = encrypted(SERVER.key)


def secrets() -> list[str]:
    """All that must not be seen: tokens, their hashes, and lines of keys."""
    keys = [line for key in (SERVER.key, LOCKED) for line in key.decode().splitlines()]
    hashes = [sha256(token.encode()).hexdigest() for token in TOKENS]
    return [*TOKENS, *hashes, *(line for line in keys if not line.startswith("-----"))]


def assert_clean(text: str) -> None:
    assert text
    assert [secret for secret in secrets() if secret in text] == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """It logs all that it ever logs."""
    (tmp_path / "m.onnx").write_bytes(onnx_models.identity())
    paths = SERVER.write(tmp_path, "server")
    access = write_access(tmp_path / "access.toml", entries("score", "monitor"))
    words = ["--log-level", "debug", "--log-calls", "--model", str(tmp_path / "m.onnx"), "--access", str(access)]
    words += ["--tls-certificate", str(paths["certificate"]), "--tls-key", str(paths["key"])]
    with serving(tmp_path / "log", *words) as process:
        yield process


def test_a_server_shows_no_secret_in_its_log_its_metrics_and_its_answers(
    server: ServerProcess, tmp_path: Path
) -> None:
    tls = Tls(ca=AUTHORITY.write(tmp_path / "ca.crt"))
    said = []
    for token in TOKENS:
        with Client(f"127.0.0.1:{server.port}", tls=tls, token=token) as client:
            for call in (lambda: client.score(ROWS), client.models, lambda: next(client.watch_drift([ROWS]))):
                try:
                    call()
                except AssaydError as error:
                    said.append(f"{error!r} {error} {error.details} {error.__cause__!r} {error.__context__!r}")
    assert len(said) >= 6
    # mistakes of those who write the files
    write_access(tmp_path / "access.toml", f'[[token]]\nname = "a"\nsha256 = "{token_for("mistaken")}"\n')
    replace(tmp_path / "server.key", LOCKED)
    wait_until(lambda: server.metric("assayd_credentials_outdated") == 2)
    port = server.wait_for("serving")["metrics_port"]
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        said.append(response.read().decode())
    server.terminate()
    assert server.exit_code() == 0
    assert len(server.events("call")) >= 9
    assert len(server.events("files cannot be used: those before stay in force")) == 2
    said.append(server.log.read_text())
    assert_clean("\n".join(said))


def test_what_a_server_is_made_of_shows_no_secret(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_models.identity())
    paths = SERVER.write(tmp_path, "server")
    access = write_access(tmp_path / "access.toml", entries("score", "monitor"))
    settings = Settings(
        model=tmp_path / "m.onnx",
        port=0,
        metrics_port=0,
        access=access,
        tls_certificate=paths["certificate"],
        tls_key=paths["key"],
    )
    app = App(settings)
    try:
        listed, pair = app._rpc._authorization._files, next(iter(app._files._files))
        assert listed.current.of_token(token_for("score"))
        assert_clean(f"{settings!r} {settings.model_dump_json()} {listed!r} {listed.current!r} {pair.current!r}")
    finally:
        app.stop()


@pytest.mark.parametrize("metadata", [{}, {"authorization": f"Bearer {token_for('score')}\n"}])
def test_a_client_shows_no_secret(metadata: dict[str, str]) -> None:
    said = []
    with Client("localhost:1", token=token_for("score")) as client:
        said.append(f"{client!r} {client._connection!r}")
        with pytest.raises(InvalidArgumentError) as caught:
            client.score(ROWS, metadata=metadata, deadline_seconds=None if metadata else -1)
        said.append(f"{caught.value!r} {caught.value}")
    for wrong in (f"{token_for('score')}\n", f"Bearer {token_for('score')}"):
        with pytest.raises(InvalidArgumentError, match="token: is empty, or has other than") as caught:
            Client("localhost:1", token=wrong)
        said.append(f"{caught.value!r} {caught.value}")
    assert_clean("\n".join(said))
