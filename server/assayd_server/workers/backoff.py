"""How long to wait before a process that died is started again."""

PAUSE_SECONDS_MIN = 0.5
PAUSE_SECONDS_MAX = 30.0
FORGIVEN_AFTER_SECONDS = 60.0


class Backoff:
    """Twice as long each time, within bounds, until a process has lived for a while."""

    def __init__(self) -> None:
        self._next_seconds = PAUSE_SECONDS_MIN

    def pause_seconds(self, lived_seconds: float) -> float:
        """The pause after a process that lived so long."""
        if lived_seconds >= FORGIVEN_AFTER_SECONDS:
            self._next_seconds = PAUSE_SECONDS_MIN
        pause = self._next_seconds
        self._next_seconds = min(2 * pause, PAUSE_SECONDS_MAX)
        return pause
