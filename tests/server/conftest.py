"""Fixtures for the parts of the server, below its gRPC side."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import onnx_models
from assayd_server import servable
from assayd_server.bundle import Bundle, Identity, Manifest
from assayd_server.contract import Choice
from assayd_server.mirror import Mirror
from assayd_server.repository_url import RepositoryUrl
from assayd_server.servable import Servable
from merging_bench import Bench

if TYPE_CHECKING:
    from buckets import Bucket

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
def make_bench(load: Load) -> Iterator[Callable[..., Bench]]:
    """A bench for calls that are scored together: make_bench(the model's content, **limits of batches)."""
    made: list[Bench] = []

    def make_one(content: bytes = b"", **limits: Any) -> Bench:
        made.append(Bench(load(content or onnx_models.identity()), **limits))
        return made[-1]

    yield make_one
    for bench in made:
        bench.merging.close()


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


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator["Bucket"]:
    """An empty bucket, whose address and credentials are in the environment."""
    from buckets import bucket  # brings a server for S3, which few tests need

    with bucket() as found:
        for name, value in found.environ.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def put(bucket: "Bucket", tmp_path: Path) -> Callable[..., Path]:
    """Upload a bundle: put(version, content, name=..., **entries of the manifest); what was uploaded."""
    uploads = count()

    def upload(version: int = 1, content: bytes | None = None, *, name: str = "m", **manifest: Any) -> Path:
        root = tmp_path / f"upload-{next(uploads)}"
        content = onnx_models.identity() if content is None else content
        folder = onnx_models.write_bundle(root, content, name=name, version=version, **manifest)
        bucket.put_folder(root)
        return folder

    return upload


@pytest.fixture
def mirrored(bucket: "Bucket", tmp_path: Path) -> Callable[..., Mirror]:
    """A mirror of the bucket, as a server that starts has it: mirrored(**arguments of Mirror)."""
    url = RepositoryUrl("s3", bucket.name, "models")
    return lambda **options: Mirror(url, tmp_path / "cache", **{"bytes_max": 2**30} | options)
