"""Builds the image of the Dockerfile with buildah: on the base that it names, or on a Debian made by debootstrap.

All that is made lies in .make/image, so that a second build finds the base there.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".make" / "image"
STORE = ["--root", str(FOLDER / "store"), "--runroot", str(FOLDER / "run"), "--storage-driver", "vfs"]
POLICY = ["--signature-policy", str(FOLDER / "policy.json")]
BASE, IMAGE = "localhost/assayd-base", "localhost/assayd"
SUITE, PACKAGES = "bookworm", "python3,python3-venv"
MIRROR = "http://deb.debian.org/debian"
OF_THE_MACHINE = ("/etc/pip.conf", "/etc/ssl/certs")
"""Mounted while the image is built, and no part of it: how pip gets its packages here."""


def buildah(*arguments: str) -> str:
    """Run it and give what it prints; its log goes where ours does."""
    command = ["buildah", *STORE, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def build() -> None:
    """Make the image; the base is BASE of the environment, or a Debian with Python and nothing else."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    # no image is fetched from a registry that signs
    (FOLDER / "policy.json").write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    base = os.environ.get("BASE") or _debian()
    mounts = [word for path in OF_THE_MACHINE if Path(path).exists() for word in ("--volume", f"{path}:{path}:ro")]
    isolated = ("--isolation", "chroot", "--network", "host")
    buildah("bud", *POLICY, *isolated, *mounts, "--build-arg", f"BASE={base}", "--tag", IMAGE, str(ROOT))


def settings() -> dict[str, Any]:
    """What the image says of how it is run: Entrypoint, Cmd, Env, User."""
    return dict(json.loads(buildah("inspect", "--type", "image", IMAGE))["OCIv1"]["config"])


def size_bytes(name: str) -> int:
    """Of the files of an image."""
    container = buildah("from", *POLICY, name)
    try:
        return _files_bytes(Path(buildah("mount", container)))
    finally:
        buildah("rm", container)


def unpacked() -> Path:
    """The files of the image, as a folder to run."""
    return Path(buildah("mount", buildah("from", *POLICY, IMAGE)))


def _debian() -> str:
    if BASE not in buildah("images", "--format", "{{.Name}}").splitlines():
        system = FOLDER / "debian"
        options = ["--variant=minbase", f"--include={PACKAGES}"]
        if not system.exists():
            command = ["debootstrap", *options, SUITE, str(system), MIRROR]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        container = buildah("from", *POLICY, "scratch")
        buildah("add", container, str(system), "/")
        buildah("commit", *POLICY, "--rm", container, BASE)
    return BASE


def _files_bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
