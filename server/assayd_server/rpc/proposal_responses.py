"""Labels that a model may give, as messages."""

import numpy as np

from assayd.arrays import encode
from assayd.v1 import labeling_pb2
from assayd_server.core.labels import REASONS, Reason
from assayd_server.proposing import Proposals
from assayd_server.rpc.labeling_responses import say_model

_NUMBERS = {
    Reason.ACCEPTED: labeling_pb2.PROPOSAL_REASON_ACCEPTED,
    Reason.QUOTA_FULL: labeling_pb2.PROPOSAL_REASON_QUOTA_FULL,
    Reason.BELOW_THRESHOLD: labeling_pb2.PROPOSAL_REASON_BELOW_THRESHOLD,
    Reason.NOVEL: labeling_pb2.PROPOSAL_REASON_NOVEL,
    Reason.INVALID: labeling_pb2.PROPOSAL_REASON_INVALID,
}
_REASON_NUMBERS = np.array([_NUMBERS[reason] for reason in REASONS], np.int32)
"""By position."""


def proposed(found: Proposals) -> labeling_pb2.ProposeLabelsResponse:
    """Which rows have a label, and why the others have none."""
    response = labeling_pb2.ProposeLabelsResponse(
        labels=encode(found.labels.astype(np.int32)),
        confidence=encode(found.confidences.astype(np.float32)),
        reasons=encode(_REASON_NUMBERS[found.reasons]),
        counts=encode(found.counts),
    )
    say_model(response, found.scores)
    if found.quotas is not None:
        response.quotas.CopyFrom(encode(found.quotas))
        response.shortfall.CopyFrom(encode(found.quotas - found.counts))
    if found.class_weights is not None:
        response.class_weights.CopyFrom(encode(found.class_weights))
    if found.scores.novelty is not None:
        response.reference_digest = found.scores.novelty.reference.digest
    return response
