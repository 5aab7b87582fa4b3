"""Bundles that go into buckets, and mirrors of these."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np

import onnx_models
import pools
from assayd_server.mirror import Mirror
from buckets import Bucket

GOOD = onnx_models.identity()
OTHER = onnx_models.identity(3)

Put = Callable[..., Path]
Mirrored = Callable[..., Mirror]


def put_with_pool(bucket: Bucket, tmp_path: Path) -> Path:
    """Upload version 1 of a model with a pool of 500 rows; the pool that was uploaded."""
    folder = onnx_models.write_bundle(tmp_path / "upload", GOOD)
    pool = pools.write_pool(folder / "pool", np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32))
    manifest = json.loads((folder / "bundle.json").read_text())
    manifest["files"]["pool/pool.json"] = digest((pool / "pool.json").read_bytes())
    (folder / "bundle.json").write_text(json.dumps(manifest))
    bucket.put_folder(tmp_path / "upload")
    return pool


def manifest(**files: bytes) -> bytes:
    """A manifest of a model, and of further files, by name with an underscore for the dot."""
    digests = {name.replace("_", "."): digest(content) for name, content in files.items()}
    return json.dumps({"format": 1, "files": {"model.onnx": digest(GOOD)} | digests}).encode()


def digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def sync(mirror: Mirror, versions_max: int = 4) -> tuple[list[str], list[str], list[str]]:
    """What was downloaded, what was removed, and why something failed."""
    report = mirror.sync(versions_max=versions_max)
    came, went = ([f"{name}/{version}" for name, version in keys] for keys in (report.downloaded, report.removed))
    return came, went, [f"{failure.name}/{failure.version}: {failure.reason}" for failure in report.failures]


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def hidden(mirror: Mirror) -> list[str]:
    """What is on its way in or out."""
    return [path.name for path in mirror.root.parent.iterdir() if path.name.startswith(".")]
