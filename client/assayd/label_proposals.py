"""Labels that a model gives itself, and why some rows have none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import Array, decode
from assayd.identity import ModelIdentity, identity_of
from assayd.v1 import labeling_pb2

_ACCEPTED, _QUOTA_FULL = labeling_pb2.PROPOSAL_REASON_ACCEPTED, labeling_pb2.PROPOSAL_REASON_QUOTA_FULL
_REASONS = {
    _ACCEPTED: "accepted",
    _QUOTA_FULL: "quota_full",
    labeling_pb2.PROPOSAL_REASON_BELOW_THRESHOLD: "below_threshold",
    labeling_pb2.PROPOSAL_REASON_NOVEL: "novel",
    labeling_pb2.PROPOSAL_REASON_INVALID: "invalid",
}


@dataclass(frozen=True, slots=True, eq=False)
class LabelProposals:
    """Which rows have a label that the model gives."""

    model: ModelIdentity | None
    """The model that gives them; None where none was needed."""
    labels: NDArray[np.int32]
    """(n,): the proposed label of each row, -1 for none."""
    confidence: NDArray[np.float32]
    """(n,): the probability of the most probable class; NaN for a row that cannot be scored."""
    reasons: Array
    """(n,) text: "accepted", "quota_full", "below_threshold", "novel" or "invalid"; empty where a newer server
    has another."""
    counts: NDArray[np.int64]
    """(c,): the proposals for each class."""
    quotas: NDArray[np.int64] | None
    """(c,): how many there might be; None where thresholds decide."""
    class_weights: NDArray[np.float64] | None
    """(c,): what a row of each class should weigh in training; None where no class_counts were given."""
    reference_digest: str
    """Of the reference by which novel rows were left out; empty where they were not."""

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """(n,): which rows have a label."""
        return self.labels >= 0

    @property
    def shortfall(self) -> NDArray[np.int64] | None:
        """(c,), 0 or more: how many proposals each quota lacks; None where thresholds decide."""
        return None if self.quotas is None else self.quotas - self.counts

    @property
    def expected_accuracy(self) -> float:
        """The share of the proposed labels that is right if the model is calibrated: their mean confidence.

        NaN without any.
        """
        of_accepted = self.confidence[self.accepted].astype(np.float64)
        return float(of_accepted.mean()) if of_accepted.size else np.nan

    def __str__(self) -> str:
        """In a sentence or two."""
        found = int(self.counts.sum())
        names, counts = np.unique(self.reasons[~self.accepted].astype(str), return_counts=True)
        others = [f"{count:,} {name.replace('_', ' ')}" for name, count in zip(names, counts, strict=True)]
        expected = f", {self.expected_accuracy:.1%} of them right if the model is calibrated" if found else ""
        without = f"; {', '.join(others)}" if others else ""
        return f"{found:,} of {len(self.labels):,} rows have a label{expected}{without}"


@dataclass(frozen=True, slots=True, eq=False)
class ProposedPart:
    """What one call says of rows."""

    model: ModelIdentity | None
    labels: Array
    confidence: Array
    reasons: Array
    """(n,), of ProposalReason."""
    counts: Array
    quotas: Array | None
    class_weights: Array | None
    reference_digest: str


def proposed_part(response: labeling_pb2.ProposeLabelsResponse) -> ProposedPart:
    """From an answer."""
    return ProposedPart(
        model=identity_of(response.model) if response.HasField("model") else None,
        labels=decode(response.labels),
        confidence=decode(response.confidence),
        reasons=decode(response.reasons),
        counts=decode(response.counts),
        quotas=decode(response.quotas) if response.HasField("quotas") else None,
        class_weights=decode(response.class_weights) if response.HasField("class_weights") else None,
        reference_digest=response.reference_digest,
    )


def proposals(parts: Sequence[ProposedPart]) -> LabelProposals:
    """Those of all rows, as one call would give them.

    Args:
        parts: one or more, of consecutive rows; each with quotas of all rows, where there are any.
    """
    first = parts[0]
    labels, confidence, reasons = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("labels", "confidence", "reasons")
    )
    if first.quotas is not None:
        beyond = _beyond(labels, confidence, first.quotas)
        labels[beyond], reasons[beyond] = -1, _QUOTA_FULL
    return LabelProposals(
        model=first.model,
        labels=labels,
        confidence=confidence,
        reasons=_named(reasons),
        counts=np.bincount(labels[labels >= 0], minlength=len(first.counts)),
        quotas=first.quotas,
        class_weights=first.class_weights,
        reference_digest=first.reference_digest,
    )


def joined_proposals(parts: Sequence[LabelProposals]) -> LabelProposals:
    """Those of all rows of a data set, of which each part, at least one, was asked about by itself.

    Args:
        parts: of consecutive rows, each with quotas of all rows, where there are any.
    """
    first = parts[0]
    labels, confidence, reasons = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("labels", "confidence", "reasons")
    )
    if first.quotas is not None:
        beyond = _beyond(labels, confidence, first.quotas)
        labels[beyond], reasons[beyond] = -1, _REASONS[_QUOTA_FULL]
    counts = np.bincount(labels[labels >= 0], minlength=len(first.counts))
    return replace(first, labels=labels, confidence=confidence, reasons=reasons, counts=counts)


def _beyond(labels: Array, confidence: Array, quotas: Array) -> NDArray[np.int64]:
    """Positions of labels that are not among the most confident of their class; of equals the later ones."""
    rows = np.flatnonzero(labels >= 0)
    order = rows[np.lexsort((-confidence[rows], labels[rows]))]  # stable
    grouped = labels[order]
    ranks = np.arange(len(order)) - np.searchsorted(grouped, grouped)
    return order[ranks >= quotas[grouped]]


def _named(reasons: Array) -> Array:
    names = np.empty(len(reasons), object)
    names.fill("")  # of a server that is newer, too
    for number, name in _REASONS.items():
        names[reasons == number] = name
    return names
