"""Where a watch has come to, kept in a file from which another run goes on."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assayd import WatchReport
from assayd.cli.exits import UsageError
from assayd.durable import write_whole

KEEP_SECONDS = 1.0
"""Between two writes: a run that is killed loses its memory of no more."""
_FORMAT = "assayctl watch 1"
_FILE_BYTES_MAX = 64 * 1024 * 1024
_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The beginning of a file, by which it is known again though more was appended to it."""

    size: int
    """In bytes."""
    digest: str

    @classmethod
    def of(cls, path: Path, size: int = _HEAD_BYTES) -> "Head":
        """Of a file that is there; all of it where it is shorter."""
        with path.open("rb") as file:
            head = file.read(size)
        return cls(size=len(head), digest=hashlib.sha256(head).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Where a stream has come to."""

    state: bytes
    rows_seen: int
    reference_digest: str
    model: str
    version: int
    head: Head | None
    """Of the file that was read last; None of standard input."""
    file_rows: int
    """How many rows of it were seen."""

    def rows_of(self, path: Path) -> int:
        """How many rows of a file were seen: none where it is another one."""
        return self.file_rows if self.head and self.head == Head.of(path, self.head.size) else 0


def load(path: Path) -> Kept | None:
    """What another run has kept; None where there was none.

    Raises:
        UsageError: the file is something else.
    """
    try:
        with path.open("rb") as file:
            return _kept(json.loads(file.read(_FILE_BYTES_MAX)))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UsageError(
            f"--state: {path} is not what a watch has written; name another file to begin anew"
        ) from None


class Keeper:
    """Writes where a stream has come to, now and then, and at the end."""

    def __init__(
        self, path: Path, *, head: Head | None, rows_before: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing is written yet.

        Args:
            path: of the file.
            head: of the file that is read; None of standard input.
            rows_before: how many rows of the stream came before the first one of that file.
            clock: seconds.
        """
        self._path = path
        self._head = head
        self._rows_before = rows_before
        self._clock = clock
        self._written = clock()
        self._report: WatchReport | None = None

    def keep(self, report: WatchReport) -> None:
        """The stream has come to this."""
        self._report = report
        if self._clock() - self._written >= KEEP_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was not written yet."""
        if self._report is not None:
            text = json.dumps(_document(self._kept_now(self._report)), indent=2)
            write_whole(self._path, lambda file: _written(file.write(text.encode())))
            self._report = None
        self._written = self._clock()

    def _kept_now(self, report: WatchReport) -> Kept:
        return Kept(
            state=report.state,
            rows_seen=report.rows_seen,
            reference_digest=report.reference_digest,
            model=report.model.name,
            version=report.model.version,
            head=self._head,
            file_rows=report.rows_seen - self._rows_before,
        )


def _written(_count: int) -> None:
    """Forget how many bytes there were."""


def _document(kept: Kept) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "rows_seen": kept.rows_seen,
        "model": kept.model,
        "version": kept.version,
        "reference_digest": kept.reference_digest,
        "file": {
            "rows": kept.file_rows,
            "head": kept.head and {"size": kept.head.size, "digest": kept.head.digest},
        },
        "state": base64.b64encode(kept.state).decode(),
    }


def _kept(document: Any) -> Kept:
    if document["format"] != _FORMAT:
        raise ValueError("of another format")
    head = document["file"]["head"]
    return Kept(
        state=base64.b64decode(document["state"], validate=True),
        rows_seen=_whole(document["rows_seen"]),
        reference_digest=_text(document["reference_digest"]),
        model=_text(document["model"]),
        version=_whole(document["version"]),
        head=None if head is None else Head(size=_whole(head["size"]), digest=_text(head["digest"])),
        file_rows=_whole(document["file"]["rows"]),
    )


def _whole(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError("no number of rows")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
