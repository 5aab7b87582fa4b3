"""What a job has finished, kept beside its output until all is done, so that it can go on after any end."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from assayd.cli.exits import UsageError
from assayd.durable import sync_folder, write_whole

PART_BYTES = 8 * 1024 * 1024
PART_SECONDS = 5.0
"""A part is written when it has so many bytes, or after so long: the most that a killed job does again."""

_NAME = re.compile(r"(\d{15})-(\d{9})\.arrow")
_JOB = "job.json"
_AGAIN = "--restart begins anew"


class Parts:
    """The folder OUTPUT.parts: what the job is (job.json), and tables of consecutive rows."""

    def __init__(self, folder: Path, *, restart: bool) -> None:
        """Read what is there, or forget it where the job is to begin anew; files of others stay.

        Raises:
            UsageError: parts are missing.
        """
        self.folder = folder
        self.rows_done = 0
        self._waiting: list[pa.RecordBatch] = []
        self._waiting_bytes = 0
        self._flushed = time.monotonic()
        for leftover in (*self._half_written(), *(self._found() if restart else ())):
            leftover.unlink()
        self._files: list[Path] = []
        for path in self._found():
            self._take(path)

    @property
    def empty(self) -> bool:
        """Whether nothing is finished yet."""
        return not self._files

    def job(self) -> dict[str, Any] | None:
        """What the job was when it began; None where nothing of it is finished."""
        if self.empty:
            return None
        try:
            return dict(json.loads((self.folder / _JOB).read_text(encoding="utf-8")))
        except (OSError, ValueError):
            raise UsageError(f"{self.folder}: its job.json cannot be read, {_AGAIN}") from None

    def begin(self, job: dict[str, Any]) -> None:
        """Note what the job is."""
        text = json.dumps(job, indent=2, ensure_ascii=False).encode()
        write_whole(self.folder / _JOB, lambda file: _write(file, text))

    def add(self, batch: pa.RecordBatch) -> None:
        """The next rows are finished. They are kept for sure once they were flushed."""
        self._waiting.append(batch)
        self._waiting_bytes += (
            batch.nbytes
        )  # to ask them all each time would cost more than to score small batches
        if self._waiting_bytes >= PART_BYTES or time.monotonic() - self._flushed >= PART_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is finished and not yet written."""
        rows = sum(batch.num_rows for batch in self._waiting)
        if self._waiting:
            path = self.folder / f"{self.rows_done:015d}-{rows:09d}.arrow"
            write_whole(path, self._write_waiting)
            self._files.append(path)
            self.rows_done, self._waiting, self._waiting_bytes = self.rows_done + rows, [], 0
        self._flushed = time.monotonic()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All that was flushed, in order.

        Raises:
            UsageError: a part is damaged.
        """
        for path in self._files:
            try:
                with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
                    yield from map(reader.get_batch, range(reader.num_record_batches))
            except pa.ArrowInvalid:
                raise UsageError(f"{path}: is damaged, {_AGAIN}") from None

    def remove(self) -> None:
        """Remove all that was written here, and the folder where nothing else is in it."""
        for path in (self.folder / _JOB, *self._found(), *self._half_written(), self.folder / "lock"):
            path.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()
        sync_folder(self.folder.parent)

    def _found(self) -> list[Path]:
        """The parts that are there, in order."""
        return sorted(path for path in self.folder.glob("*.arrow") if _NAME.fullmatch(path.name))

    def _half_written(self) -> list[Path]:
        """What was being written when a run was killed: a part, the job or the output."""
        ours = {f"{_JOB}.tmp", f"{self.folder.stem}.tmp"}
        return [path for path in self.folder.glob("*.tmp") if path.name in ours or _NAME.fullmatch(path.stem)]

    def _take(self, path: Path) -> None:
        name = _NAME.fullmatch(path.name)
        assert name is not None  # as it was found
        if int(name[1]) != self.rows_done:
            raise UsageError(f"{self.folder}: the part that begins at row {self.rows_done} is missing, {_AGAIN}")
        self._files.append(path)
        self.rows_done += int(name[2])

    def _write_waiting(self, file: BinaryIO) -> None:
        with pa.ipc.new_file(file, self._waiting[0].schema) as writer:
            for batch in self._waiting:
                writer.write_batch(batch)


def _write(file: BinaryIO, content: bytes) -> None:
    file.write(content)
