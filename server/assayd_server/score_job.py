"""One call that waits to be scored together with others."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from assayd_server import logs
from assayd_server.asks import Ask, Known
from assayd_server.caller import Caller
from assayd_server.rows import Inputs
from assayd_server.scoring import Scores
from assayd_server.servable import Servable


class Part(NamedTuple):
    """Some rows of what was scored together."""

    scores: Scores
    rows: slice


Finish: TypeAlias = Callable[["ScoreJob", Part | Exception], None]
"""Is called once, by whichever thread has the answer."""
Watch: TypeAlias = Callable[["ScoreJob"], None]
"""Is called before the job has waited for long, to drop it when its caller goes away; twice at most."""


_NO_ROWS = Inputs((), 0)
_log = logs.get_logger()


@dataclass(slots=True, eq=False, repr=False)
class ScoreJob:
    """The rows of one call, checked."""

    model: Servable
    ask: Ask
    known: Known
    rows: Inputs
    arrays: Mapping[str, NDArray[Any]]
    """What the model's match gave."""
    row_count: int
    """n"""
    form: tuple[tuple[str, tuple[int, ...]], ...]
    """The shape of a row of each array."""
    caller: Caller
    finish: Finish
    watch: Watch
    is_watched: bool = False
    began: float = field(default_factory=time.perf_counter)

    def wait(self) -> None:
        """It may take longer."""
        if not self.is_watched:
            self.is_watched = True
            self.watch(self)

    def end(self, result: Part | Exception) -> None:
        """Hand the result over, and keep nothing of the call, which may be open for as long as nobody reads."""
        finish, self.finish = self.finish, _ended
        self.rows, self.arrays = _NO_ROWS, {}
        try:
            finish(self, result)
        except Exception:  # the others have their results all the same
            _log.exception("bug")

    def fits(self, other: "ScoreJob") -> bool:
        """Whether both can go through the model together."""
        return self.model is other.model and self.form == other.form


def _ended(_job: ScoreJob, _result: Part | Exception) -> None:
    """What has ended has no second end."""
