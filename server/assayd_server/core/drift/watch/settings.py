"""How a stream is watched: how many rows a window has, and how often it may raise a false alarm."""

from dataclasses import dataclass

from assayd_server.core.stream.settings import SettingError

RUN_WINDOWS_MIN = 10
"""Of fewer windows between false alarms, their level would be beyond what the tests are for."""

RUN_ROWS_MAX = 10**12
"""Beyond, the level of a window would be lower than the tests' laws were tried at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchSettings:
    """What a stream is watched by.

    Raises:
        SettingError: a value is out of its range.
    """

    window_rows: int = 1000
    """W, how many rows a window has: from 50 to 1,000,000."""

    expected_run_rows: int = 1_000_000
    """One false alarm in so many rows on average, over all that is watched, from 10 windows to 10^12."""

    delta: float = 0.1
    """The PSI or Cramér's V from which on a column of a window has drifted: above 0, up to 100."""

    columns: tuple[str, ...] = ()
    """The names of those that are watched; empty for all."""

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        _check_whole("window_rows", self.window_rows, 50, 1_000_000)
        _check_whole("expected_run_rows", self.expected_run_rows, RUN_WINDOWS_MIN * self.window_rows, RUN_ROWS_MAX)
        if isinstance(self.delta, bool) or not isinstance(self.delta, int | float) or not 0 < self.delta <= 100:
            raise SettingError("delta", f"is {self.delta!r}, allowed are numbers above 0 and up to 100")


def _check_whole(field: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        windows = f", {RUN_WINDOWS_MIN} windows at least" if field == "expected_run_rows" else ""
        raise SettingError(field, f"is {value!r}, allowed are whole numbers from {low} to {high}{windows}")
