"""Lines from a descriptor, as they come."""

import os
import select
import threading
from collections import deque
from types import TracebackType
from typing import Self

from assayd.cli.exits import CommandError

LINE_BYTES_MAX = 2 * 1024 * 1024
_READ_BYTES = 256 * 1024


class Lines:
    """Reads what is there, and waits only where that is nothing; may be told to stop while it waits.

    No thread reads ahead, and nothing is buffered behind the back of the interpreter, which could not end while a
    thread waits for a line.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        """Nothing is read yet.

        Args:
            descriptor: of a pipe, a terminal or a file; stays open.
            name: what it is called in errors.
        """
        self.name = name
        self.taken = 0
        """How many lines were given, blank ones too."""
        self._descriptor = descriptor
        self._whole: deque[bytes] = deque()
        self._rest = b""
        self._ended = False
        self._lock = threading.Lock()
        self._stop_read, self._stop_write = os.pipe()

    def take(self, count_max: int) -> list[bytes]:
        """The lines that have come by now, without their ends, and at least one; none after the last.

        Raises:
            KeyboardInterrupt: it was told to stop.
            CommandError: a line is too long.
        """
        while len(self._whole) < count_max and not self._ended and self._is_more():
            self._read()
        lines = [self._whole.popleft() for _ in range(min(count_max, len(self._whole)))]
        self.taken += len(lines)
        return lines

    def stop(self) -> None:
        """Have the one who waits, or comes next, raise KeyboardInterrupt; from any thread."""
        with self._lock:
            if self._stop_write >= 0:
                os.write(self._stop_write, b"!")

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what it opened."""
        with self._lock:
            os.close(self._stop_read)
            os.close(self._stop_write)
            self._stop_write = -1

    def _is_more(self) -> bool:
        """Whether there is something to read; waits for it where no line is there yet."""
        if len(self._rest) > LINE_BYTES_MAX:
            if self._whole:  # which come first
                return False
            raise CommandError(f"{self.name}: line {self.taken + 1} is longer than {LINE_BYTES_MAX} bytes")
        seconds = 0 if self._whole else None
        readable, _, _ = select.select([self._descriptor, self._stop_read], [], [], seconds)
        if self._stop_read in readable:
            raise KeyboardInterrupt
        return bool(readable)

    def _read(self) -> None:
        chunk = os.read(self._descriptor, _READ_BYTES)
        self._ended = not chunk
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        if self._ended and self._rest:
            whole, self._rest = [*whole, self._rest], b""
        self._whole.extend(whole)
