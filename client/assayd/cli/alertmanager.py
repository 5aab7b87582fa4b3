"""What Alertmanager is sent: an alert for each column, which lasts as long as the drift does."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import typer

from assayd import WatchReport
from assayd.cli.posting import Endpoint

ALERT_NAME = "AssaydStreamDrift"
PATH = "/api/v2/alerts"
_DIGEST_DIGITS = 12
_LABEL = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)=(.*)", re.DOTALL)
_OWN_LABELS = ("model", "version", "reference", "column")


def check_labels(values: list[str] | None) -> list[str] | None:
    """Check NAME=VALUE, a callback of typer."""
    for value in values or ():
        found = _LABEL.fullmatch(value)
        if found is None:
            raise typer.BadParameter(f"{value!r} is no label, allowed are NAME=VALUE, such as stream=orders")
        if found[1] in _OWN_LABELS:
            raise typer.BadParameter(f"{found[1]!r} is told by the watch itself, as are {', '.join(_OWN_LABELS)}")
    return values


def labels_of(values: Sequence[str]) -> dict[str, str]:
    """Labels by name."""
    return dict(value.split("=", 1) for value in values)


class Alertmanager:
    """Prometheus' Alertmanager, by version 2 of its API.

    An alert is of one column. It begins when the column drifts or changes, is sent again with each further
    finding, and ends after the first window without one; or some time after it was sent last, for nobody else
    would end it where the watch itself has ended.
    """

    kind = "--alertmanager"

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        labels: Mapping[str, str],
        link: str | None,
        hold_seconds: float,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is firing.

        Args:
            endpoint: of its API.
            labels: besides those of the watch.
            link: where people can look.
            hold_seconds: how long an alert fires after it was sent last.
            now: the time.
        """
        self.endpoint = endpoint
        self._labels = labels
        self._link = link
        self._hold = timedelta(seconds=hold_seconds)
        self._now = now
        self._firing: dict[str, dict[str, Any]] = {}
        self._changed: set[str] = set()
        """The columns that have changed in the window that is open."""

    def document(self, report: WatchReport) -> Any:
        """The alerts that begin, go on or end with a report."""
        now = self._now()
        found = dict(_findings(report))
        self._changed |= {change.column for change in report.changes}
        ended = [name for name in self._firing if name not in found and self._over(name, report)]
        if report.window is not None:
            self._changed.clear()
        alerts = [self._alert(column, sentence, report, now) for column, sentence in found.items()]
        return [*alerts, *(self._firing.pop(name) | {"endsAt": now.isoformat()} for name in ended)] or None

    def _over(self, column: str, report: WatchReport) -> bool:
        return report.window is not None and column not in self._changed

    def _alert(self, column: str, sentence: str, report: WatchReport, now: datetime) -> dict[str, Any]:
        began = self._firing.get(column, {}).get("startsAt", now.isoformat())
        self._firing[column] = {
            "labels": {
                "alertname": ALERT_NAME,
                "severity": "warning",
                "model": report.model.name,
                "version": str(report.model.version),
                "reference": report.reference_digest.removeprefix("sha256:")[:_DIGEST_DIGITS],
                "column": column,
                **self._labels,
            },
            "annotations": {"summary": sentence, "description": str(report)},
            "startsAt": began,
            "endsAt": (now + self._hold).isoformat(),
            **({} if self._link is None else {"generatorURL": self._link}),
        }
        return self._firing[column]


def _findings(report: WatchReport) -> Iterator[tuple[str, str]]:
    """Each column that has drifted or changed, and what is said of it; a window's word goes last."""
    for change in report.changes:
        yield change.column, str(change)
    if report.window is not None:
        for column in report.window.columns:
            if column.drifted:
                rows = f"{report.window.first_row:,} to {report.rows_seen - 1:,}"
                numbers = f"{column.test} {column.effect:.3g}, needed {column.effect_min:.3g}"
                yield column.name, f"{column.name} has drifted in rows {rows} ({numbers})"
