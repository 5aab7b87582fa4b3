"""Bounds how many calls of an AsyncClient are open, so that a thousand tasks do not overrun a server."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from assayd.errors import DeadlineExceededError


class Turns:
    """Lets calls begin in the order in which they came, each once fewer than calls_open_max are open."""

    def __init__(self, calls_open_max: int) -> None:
        """None is open yet."""
        self._calls_open_max = calls_open_max
        self._free = asyncio.Semaphore(calls_open_max)

    async def begin(self, call: Callable[[float], Any], seconds: float) -> Any:
        """Begin a call when its turn comes, with the seconds that are left of those it was given.

        Raises:
            DeadlineExceededError: none are left.
        """
        deadline = time.monotonic() + seconds
        await self._wait(seconds)
        try:
            begun = call(max(0.0, deadline - time.monotonic()))
        except BaseException:
            self._free.release()
            raise
        begun.add_done_callback(lambda _: self._free.release())
        return begun

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
        except TimeoutError:
            raise DeadlineExceededError(
                f"the call's turn did not come in time: the client has {self._calls_open_max} others open"
            ) from None
