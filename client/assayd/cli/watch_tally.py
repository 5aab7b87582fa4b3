"""What a watch has found by now."""

from assayd import WatchReport
from assayd.cli.progress import Pace


class Tally:
    """Counts of one run."""

    def __init__(self, pace: Pace, *, rows_seen: int) -> None:
        """Nothing was found.

        Args:
            pace: is told of rows.
            rows_seen: how many rows of the stream came before.
        """
        self.windows = self.alerts = 0
        self.rows_seen = rows_seen
        self._pace = pace
        self._last: WatchReport | None = None

    def add(self, report: WatchReport) -> None:
        """The next report."""
        self._pace.advance(report.rows_seen - self.rows_seen)
        self.rows_seen = report.rows_seen
        self.windows += report.window is not None
        self.alerts += report.alert
        self._last = report

    @property
    def line(self) -> str:
        """Such as "12,300 rows, 812 rows/s, 12 windows, 1 alert; the next window has 300 of 1,000 rows"."""
        counted = f"{self._pace.rows}, {_counted(self.windows, 'window')}, {_counted(self.alerts, 'alert')}"
        size = self._last.window_rows if self._last else 1
        begun = self.rows_seen % size
        return f"{counted}; the next window has {begun:,} of {size:,} rows" if begun else counted


def _counted(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"
