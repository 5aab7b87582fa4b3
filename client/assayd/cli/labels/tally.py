"""What is known of labels, of all rows of a file that came by."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assayd import LabelAssessment
from assayd.cli.drift_document import number
from assayd.cli.labels.rows import Part, Rows
from assayd.label_results import noise_of

_SHOWN_MAX = 10


@dataclass(slots=True)
class Tally:
    """What is known of all rows that came by."""

    row_count: int = 0
    labeled: int = 0
    suspected: int = 0
    invalid: int = 0
    joint: Any = 0
    counts: Any = None
    """(1, c): how often each class was given."""
    worst: list[tuple[float, int, str, str]] = field(default_factory=list)
    """Quality, position, id and label of the worst that are suspected."""

    def add(self, part: Part, found: LabelAssessment, rows: Rows) -> None:
        """The next rows."""
        self.row_count += len(part)
        self.labeled += int((~np.isnan(found.quality)).sum())
        self.suspected += int(found.suspected.sum())
        self.invalid += len(found.invalid_rows)
        self.joint = self.joint + found.joint
        places = np.flatnonzero(found.suspected)
        for place in places[np.argsort(found.quality[places], kind="stable")][:_SHOWN_MAX].tolist():
            name = "" if part.ids is None else str(part.ids[place].as_py())
            label = rows.names.of(int(part.labels[place]))
            self.worst.append((float(found.quality[place]), part.start + place, name, label))
        self.worst = sorted(self.worst, key=lambda each: each[0])[:_SHOWN_MAX]

    @property
    def noise_share(self) -> float:
        """The share of wrong labels that is estimated."""
        return float(noise_of(self.joint[None], self.counts)[1][0])

    def confusions(self, rows: Rows) -> list[dict[str, Any]]:
        """The classes whose rows are most often given another label, the largest shares first."""
        noise = noise_of(self.joint[None], self.counts)[0][0]
        shares = np.where(np.eye(len(noise), dtype=bool) | np.isnan(noise) | (self.joint == 0), 0, noise)
        largest = np.argsort(-shares, axis=None, kind="stable")[:_SHOWN_MAX]
        found = [(*divmod(int(place), len(noise)), float(shares.flat[place])) for place in largest]
        return [
            {"label": rows.names.of(label), "truly": rows.names.of(truly), "share": share}
            for label, truly, share in found
            if share > 0
        ]

    def document(self, rows: Rows) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "rows": self.row_count,
            "labeled": self.labeled,
            "suspected": self.suspected,
            "invalid_rows": self.invalid,
            "noise_share": number(self.noise_share),
            "confusions": self.confusions(rows),
            "worst": [
                {"position": position, "id": name or None, "label": label, "quality": quality}
                for quality, position, name, label in self.worst
            ],
        }
