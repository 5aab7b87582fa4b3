"""The live table of a watch."""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from assayd import ColumnDrift, WatchReport
from assayd.cli.watch_tally import Tally

HISTORY_WINDOWS = 30
ALERTS_SHOWN = 5
_BLOCKS = "▁▂▃▄▅▆▇█"
_DRIFTED = "bold red"
_HEAD = ("column", "test", "effect", "needed", "p (Holm)", f"last {HISTORY_WINDOWS} windows", "changes")


@dataclass
class _Row:
    """What was found in a column."""

    windows: deque[ColumnDrift] = field(default_factory=lambda: deque(maxlen=HISTORY_WINDOWS))
    changes: int = 0


class LiveTable:
    """A row for each column of the reference: its last window, those before as blocks, and the last alerts."""

    def __init__(self, columns: Sequence[str], tally: Tally) -> None:
        """Nothing was found.

        Args:
            columns: names in the order in which rows are shown, once there is something to show.
            tally: of the same reports.
        """
        self._rows = {name: _Row() for name in columns}
        self._tally = tally
        self._alerts: deque[str] = deque(maxlen=ALERTS_SHOWN)
        self._model = ""
        self._warnings: tuple[str, ...] = ()

    def add(self, report: WatchReport) -> None:
        """The next report."""
        for column in report.window.columns if report.window else ():
            self._row(column.name).windows.append(column)
        for change in report.changes:
            self._row(change.column).changes += 1
        if report.alert:
            self._alerts.append(str(report))
        self._warnings = report.warnings
        self._model = f"{report.model.name} version {report.model.version}, "

    def drawn(self) -> RenderableType:
        """As it is now."""
        table = Table(*_HEAD, box=None, pad_edge=False, header_style="bold")
        for name, row in self._rows.items():
            if row.windows or row.changes:
                table.add_row(name, *_cells(row))
        alerts = [Text(line, style=_DRIFTED, no_wrap=True, overflow="ellipsis") for line in self._alerts]
        warnings = [Text(f"warning: {warning}") for warning in self._warnings]
        return Group(Text(f"{self._model}{self._tally.line}"), Text(), table, Text(), *alerts, *warnings)

    def _row(self, name: str) -> _Row:
        return self._rows.setdefault(name, _Row())


def _cells(row: _Row) -> tuple[str | Text, ...]:
    changes = Text(str(row.changes), style=_DRIFTED) if row.changes else Text("-")
    if not row.windows:
        return ("", "", "", "", "", changes)
    last = row.windows[-1]
    style = _DRIFTED if last.drifted else ""
    numbers = (f"{last.effect:.3g}", f"{last.effect_min:.3g}", f"{last.p_adjusted:.2g}")
    return (last.test, *(Text(number, style=style) for number in numbers), _history(row.windows), changes)


def _history(windows: Sequence[ColumnDrift]) -> Text:
    """A block for each window: half as high as can be where the effect is as large as is needed."""
    text = Text()
    for column in windows:
        text.append(_block(column), style=_DRIFTED if column.drifted else "green")
    return text


def _block(column: ColumnDrift) -> str:
    if math.isnan(column.effect) or not column.effect_min > 0:  # of a server that is newer
        return "?"
    return _BLOCKS[round(min(1.0, column.effect / (2 * column.effect_min)) * (len(_BLOCKS) - 1))]
