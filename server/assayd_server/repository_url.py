"""Where a repository lies that is no folder of this machine: a bucket, and perhaps a folder in it."""

import re
from dataclasses import dataclass
from pathlib import Path

SCHEMES = ("s3", "gs", "az")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")


@dataclass(frozen=True, slots=True)
class RepositoryUrl:
    """The address of a bucket; it holds no secret, so it may be shown."""

    scheme: str
    """One of SCHEMES."""
    bucket: str
    """With az its container; the account is in the environment."""
    prefix: str = ""
    """The folder in the bucket that holds <name>/<version>, without slashes at its ends; empty for all of it."""

    def __str__(self) -> str:
        """As it is written: s3://bucket/prefix."""
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def repository_place(value: str | Path) -> Path | RepositoryUrl:
    """The folder or the address that a text means.

    Raises:
        ValueError: it is no address of a bucket; the message does not repeat what may be a secret.
    """
    if isinstance(value, Path) or "://" not in value:
        return Path(value)
    scheme, _, rest = value.partition("://")
    bucket, _, path = rest.partition("/")
    if scheme not in SCHEMES:
        raise ValueError(
            f"is an address that begins with {scheme!r}, allowed are a folder and {_or(SCHEMES)}".replace("'", "")
        )
    if "@" in bucket or "?" in rest or "#" in rest:
        raise ValueError(
            "has more in it than a bucket and a folder: credentials and options come from the environment"
        )
    if not _BUCKET.fullmatch(bucket):
        raise ValueError(f"names no bucket, expected is {scheme}://bucket or {scheme}://bucket/folder")
    prefix = path.strip("/")
    if any(part in ("", ".", "..") for part in prefix.split("/")[prefix == "" :]) or not prefix.isprintable():
        raise ValueError("has a folder with an empty part, a dot for a part, or a character that is not printable")
    return RepositoryUrl(scheme, bucket, prefix)


def _or(schemes: tuple[str, ...]) -> str:
    *others, last = (f"{scheme}://" for scheme in schemes)
    return f"{', '.join(others)} or {last}"
