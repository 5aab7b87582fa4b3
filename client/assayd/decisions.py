"""Which rows of a stream are to be labelled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assayd.arrays import decode
from assayd.identity import ModelIdentity, identity_of
from assayd.v1 import selection_pb2


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """A decision on each of n rows, in the order in which they came."""

    selected: NDArray[np.bool_]
    """(n,): whether to label the row."""
    scores: NDArray[np.float32]
    """(n,): its uncertainty; NaN in an invalid row, which is never selected and costs no budget."""
    thresholds: NDArray[np.float64]
    """(n,): what the uncertainty was compared with; NaN in an invalid row."""
    inclusion_probabilities: NDArray[np.float64]
    """(n,): the probability with which the row was to be selected; 0 or 1 where nothing is random."""
    state: bytes
    """What the stream has come to: select_stream(..., state=state) goes on from here, on any replica."""
    model: ModelIdentity | None = None
    """The model that answered; None where the rows needed none."""

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.selected)


def decisions_of(response: selection_pb2.SelectStreamResponse) -> Decisions:
    """What a response holds. Arrays are read-only views of its bytes."""
    return Decisions(
        selected=decode(response.selected),
        scores=decode(response.scores),
        thresholds=decode(response.thresholds),
        inclusion_probabilities=decode(response.inclusion_probabilities),
        state=response.state,
        model=identity_of(response.model) if response.HasField("model") else None,
    )


def joined_decisions(parts: list[Decisions]) -> Decisions:
    """The decisions on consecutive pieces as one."""
    last = parts[-1]
    if len(parts) == 1:
        return last
    return Decisions(
        selected=np.concatenate([part.selected for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        thresholds=np.concatenate([part.thresholds for part in parts]),
        inclusion_probabilities=np.concatenate([part.inclusion_probabilities for part in parts]),
        state=last.state,
        model=last.model,
    )
