"""How strange rows are to a model, beside a reference of healthy data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import Array, decode
from assayd.false_discoveries import discoveries
from assayd.requests import NOVELTY_MEASURES
from assayd.v1 import novelty_pb2

_MEASURE_NAMES = {number: name for name, number in NOVELTY_MEASURES.items()}
_VERDICTS = {
    novelty_pb2.VERDICT_KNOWN: "known",
    novelty_pb2.VERDICT_NOVEL: "novel",
    novelty_pb2.VERDICT_ANOMALY: "anomaly",
}

_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """How strange each of n rows is, next to the rows that the reference was made from.

    What a verdict is made of is there where `combined` was asked for, and None where it was not.
    """

    scores: dict[str, NDArray[np.float32]]
    """(n,) for each measure asked for; larger is stranger, NaN for a row that cannot be scored."""
    p_values: dict[str, NDArray[np.float64]]
    """(n,) for each measure: the share of healthy rows that are as strange, in (0, 1]; NaN as above."""
    reference_digest: str
    """Of the reference: "sha256:" and 64 hexadecimal digits."""
    verdicts: Array | None = None
    """(n,) text: "known"; "novel" (of the same domain, but like no class); "anomaly" (of another domain); or empty
    for a row that cannot be judged."""
    p_class: NDArray[np.float64] | None = None
    """(n,): decides between known and not; at most alpha for a share of at most alpha of healthy rows."""
    p_domain: NDArray[np.float64] | None = None
    """(n,): decides between novel and anomaly; NaN for known rows, unless the measure domain was asked for too,
    and without an embedding, where nothing is an anomaly."""
    discoveries: NDArray[np.bool_] | None = None
    """(n,): strange even as one of a batch of n: of these, at most a share alpha is healthy, on average."""
    alpha: float | None = None
    """The level of the verdicts and of the discoveries."""

    def __len__(self) -> int:
        """The number of rows."""
        return len(next(iter(self.scores.values())))

    def __str__(self) -> str:
        """How many rows have which verdict, where there are any, and the strangest ones by the first measure."""
        name, values = next(iter(self.scores.items()))
        lines = list(self._judged())
        strangest = np.argsort(-values, kind="stable")[:_SHOWN_MAX]  # NaN comes last
        lines.append(f"{'row':>8}  {name:>20}  p-value")
        lines += [f"{row:>8,}  {values[row]:>20.4g}  {self.p_values[name][row]:.2g}" for row in strangest.tolist()]
        return "\n".join(lines)

    def _judged(self) -> Iterator[str]:
        if self.verdicts is not None and self.discoveries is not None:  # they come together
            counts = ", ".join(f"{int((self.verdicts == name).sum()):,} {name}" for name in _VERDICTS.values())
            found = int(self.discoveries.sum())
            yield f"{counts} of {len(self):,} rows, {found:,} of them discoveries (alpha {self.alpha})"

    def columns(self) -> dict[str, Array]:
        """(n,) arrays by name: novelty_energy, novelty_energy_p_value and so on for each measure.

        Where there are verdicts, verdict, p_class, p_domain and discovery follow.
        """
        return dict(self._columns())

    def _columns(self) -> Iterator[tuple[str, Array]]:
        for name, values in self.scores.items():
            yield f"novelty_{name}", values
            yield f"novelty_{name}_p_value", self.p_values[name]
        judged = {
            "verdict": self.verdicts,
            "p_class": self.p_class,
            "p_domain": self.p_domain,
            "discovery": self.discoveries,
        }
        yield from ((name, values) for name, values in judged.items() if values is not None)


def novelty_of(message: novelty_pb2.Novelty) -> Novelty:
    """What a message holds. Arrays are read-only views of its bytes, but for the verdicts."""
    found = Novelty(
        scores={_MEASURE_NAMES[part.measure]: decode(part.values) for part in message.scores},
        p_values={_MEASURE_NAMES[part.measure]: decode(part.p_values) for part in message.scores},
        reference_digest=message.reference_digest,
    )
    if not message.HasField("verdicts"):
        return found
    return replace(
        found,
        verdicts=_named(decode(message.verdicts)),
        p_class=decode(message.p_class),
        p_domain=decode(message.p_domain),
        discoveries=decode(message.discoveries),
        alpha=message.alpha,
    )


def joined_novelty(parts: Sequence[Novelty]) -> Novelty | None:
    """The novelty of consecutive pieces as one, None of no pieces; what is discovered is told of all of it.

    Args:
        parts: by the same reference, of the same measures and with the same alpha.
    """
    if len(parts) < 2:
        return parts[0] if parts else None
    first = parts[0]
    whole = Novelty(
        scores={name: np.concatenate([part.scores[name] for part in parts]) for name in first.scores},
        p_values={name: np.concatenate([part.p_values[name] for part in parts]) for name in first.p_values},
        reference_digest=first.reference_digest,
    )
    if first.alpha is None:
        return whole
    names = ("verdicts", "p_class", "p_domain")
    judged: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    found = discoveries(judged["p_class"], first.alpha)
    return replace(whole, **judged, discoveries=found, alpha=first.alpha)


def _named(verdicts: Array) -> Array:
    names = np.empty(len(verdicts), object)
    names.fill("")  # of a server that is newer, too
    for number, name in _VERDICTS.items():
        names[verdicts == number] = name
    return names
