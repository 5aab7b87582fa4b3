"""Does jobs in an event loop, by grpc.aio."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import closing
from typing import Any

import grpc

from assayd.steps import END, Effect, Pending, Send, Steps, Take, resume


class Awaiting:
    """Carries out the effects of one job, and awaits each."""

    def __init__(
        self,
        send: Callable[[Send], Awaitable[Pending]],
        batches: Iterable[object] | AsyncIterable[object] = (),
    ) -> None:
        """Nothing is taken yet.

        Args:
            send: begins a call.
            batches: what the job may take.
        """
        self._send = send
        self._batches = aiter(batches) if isinstance(batches, AsyncIterable) else iter(batches)

    async def one(self, steps: Steps[None]) -> Any:
        """The only result of a job; its calls are cancelled with the task that awaits it."""
        with closing(steps):
            return await self._next(steps)

    async def all(self, steps: Steps[None]) -> AsyncGenerator[Any]:
        """Each result of a job; what is under way is cancelled where the caller stops."""
        with closing(steps):
            while (result := await self._next(steps)) is not None:
                yield result

    async def _next(self, steps: Steps[None]) -> Any:
        step = resume(steps)
        while isinstance(step, Effect):
            try:
                outcome = await self._carry_out(step)
            except BaseException as error:
                step = resume(steps, error=error)
            else:
                step = resume(steps, outcome)
        return step and step.result

    async def _carry_out(self, effect: Effect) -> object:
        if isinstance(effect, Take):
            return await self._take()
        if isinstance(effect, Send):
            return await self._send(effect)
        return await _response(effect.call)

    async def _take(self) -> object:
        if isinstance(self._batches, AsyncIterator):
            return await anext(self._batches, END)
        await asyncio.sleep(0)  # let calls set out and answers in, before a plain iterable holds the loop
        return next(self._batches, END)


async def _response(call: Any) -> Any:
    try:
        return await call
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
        raise grpc.FutureCancelledError from None  # not this task was cancelled, but the call
