"""Does jobs in the calling thread, by grpc."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

from assayd.steps import END, Effect, Pending, Send, Steps, Take, resume


class Blocking:
    """Carries out the effects of one job, and waits for each."""

    def __init__(self, send: Callable[[Send], Pending], batches: Iterable[object] = ()) -> None:
        """Nothing is taken yet.

        Args:
            send: begins a call.
            batches: what the job may take.
        """
        self._send = send
        self._batches = iter(batches)

    def one(self, steps: Steps[None]) -> Any:
        """The only result of a job."""
        with closing(steps):
            return self._next(steps)

    def all(self, steps: Steps[None]) -> Iterator[Any]:
        """Each result of a job; what is under way is cancelled where the caller stops."""
        with closing(steps):
            while (result := self._next(steps)) is not None:
                yield result

    def _next(self, steps: Steps[None]) -> Any:
        step = resume(steps)
        while isinstance(step, Effect):
            try:
                outcome = self._carry_out(step)
            except BaseException as error:
                step = resume(steps, error=error)
            else:
                step = resume(steps, outcome)
        return step and step.result

    def _carry_out(self, effect: Effect) -> object:
        if isinstance(effect, Take):
            return next(self._batches, END)
        if isinstance(effect, Send):
            return self._send(effect)
        return effect.call.result()
