"""What became of calls, and of the server, under one fault."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.chaos.calling import Tally


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that went wrong on purpose, and the calls of others meanwhile."""

    name: str
    what: str
    tally: Tally
    worst_seconds_max: float
    """What is asked of the longest wait; a short run does not judge it."""
    holds: dict[str, bool] = field(default_factory=dict)
    """What else is asked, by its sentence."""
    seen: dict[str, Any] = field(default_factory=dict)
    """Figures that nothing is asked of."""

    def met(self, *, short: bool) -> bool:
        """Whether nothing that was judged fell short."""
        in_time = short or self.tally.worst_seconds <= self.worst_seconds_max
        answered = self.tally.calls > 0 and not self.tally.failed and not self.tally.wrong
        return in_time and answered and all(self.holds.values())

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            **asdict(self),
            "tally": {**asdict(self.tally), "failed": dict(self.tally.failed)},
        }

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Fault":
        """What a document says."""
        tally = {**document["tally"], "failed": Counter(document["tally"]["failed"])}
        return cls(**{**document, "tally": Tally(**tally)})


def table(faults: Sequence[Fault], *, short: bool) -> str:
    """For people, in Markdown."""
    rows = ["| fault | calls | failed | worst wait | besides | verdict |", "|---|---|---|---|---|---|"]
    for fault in faults:
        failed = sum(fault.tally.failed.values()) + fault.tally.wrong
        names = ", ".join(f"{count} {name}" for name, count in sorted(fault.tally.failed.items()))
        besides = "; ".join(what if held else f"NOT: {what}" for what, held in fault.holds.items())
        verdict = "met" if fault.met(short=short) else "NOT met"
        rows.append(
            f"| {fault.what} | {fault.tally.calls} | {failed}{f' ({names})' if names else ''} "
            f"| {fault.tally.worst_seconds:.2f} s | {besides} | {verdict} |"
        )
    return "\n".join(rows)
