"""Fixtures for the parts of the server, below its gRPC side."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assayd_server import servable
from assayd_server.bundle import Bundle, Identity, Manifest
from assayd_server.contract import Choice
from assayd_server.servable import Servable

Load = Callable[..., Servable]
Assayd = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def load() -> Load:
    """Load an .onnx file's bytes: load(content, chosen=..., **entries of the manifest)."""

    def load_content(content: bytes, *, chosen: dict[str, str] | None = None, **manifest: Any) -> Servable:
        bundle = Bundle(
            Identity("m", 1, "sha256:0"),
            Manifest.model_validate_json(json.dumps({"format": 1, "files": {}} | manifest)),
            content,
        )
        return servable.load(bundle, threads=1, chosen=Choice(chosen) if chosen else None)

    return load_content


@pytest.fixture
def assayd(tmp_path: Path) -> Assayd:
    """Run the command as a process of its own, on free ports: assayd("serve", flags..., VARIABLE=...)."""

    def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ASSAYD_")}
        return subprocess.run(
            [sys.executable, "-m", "assayd_server", *map(str, arguments)],
            env=clean | {"ASSAYD_METRICS_PORT": "0", "ASSAYD_PORT": "0"} | variables,
            cwd=tmp_path,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run
