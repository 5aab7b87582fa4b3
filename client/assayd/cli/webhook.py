"""What a webhook is sent: each alert, as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assayd import WatchReport
from assayd.cli.posting import Endpoint
from assayd.cli.watch_document import document


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address of anybody's own."""

    endpoint: Endpoint
    labels: Mapping[str, str]
    """By which a receiver of several watches tells them apart."""
    link: str | None
    """Where people can look."""
    kind: str = "--webhook"

    def document(self, report: WatchReport) -> Any:
        """An alert with all that was found; nothing where there is none."""
        if not report.alert:
            return None
        return {**document(report), "labels": dict(self.labels), "link": self.link}
