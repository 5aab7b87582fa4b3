"""Rankings as messages."""

import numpy as np

from assayd.arrays import encode
from assayd.v1 import selection_pb2, tensor_pb2
from assayd_server.ranking import Ranking
from assayd_server.rpc.responses import identity
from assayd_server.sampling import Sample


def ranked(ranking: Ranking) -> selection_pb2.RankResponse:
    """The rows that were chosen."""
    chosen, plan = ranking.chosen, ranking.plan
    offset = plan.wanted.offset
    response = selection_pb2.RankResponse(
        positions=encode((chosen.positions + offset).astype(np.int64, copy=False)),
        ids=_ids(ranking),
        scores=encode(chosen.scores),
        keys=None if chosen.keys is None else encode(chosen.keys),
        row_count=plan.plan.rows.count,
        invalid_rows=(chosen.invalid + offset).tolist(),
        mean_cosine=chosen.repetition.mean_cosine,
        effective_size=chosen.repetition.effective_size,
        warnings=ranking.warnings,
    )
    if plan.plan.model is not None:
        response.model.CopyFrom(identity(plan.plan.model.identity))
    return response


def sampled(sample: Sample) -> selection_pb2.SelectStreamResponse:
    """What was decided on the rows of one message."""
    decisions = sample.decisions
    return selection_pb2.SelectStreamResponse(
        model=None if sample.model is None else identity(sample.model.identity),
        selected=encode(decisions.selected),
        scores=encode(sample.scores.astype(np.float32, copy=False)),
        thresholds=encode(decisions.thresholds),
        inclusion_probabilities=encode(decisions.inclusion_probabilities),
        invalid_rows=np.flatnonzero(np.isnan(sample.scores)).tolist(),
        state=sample.state,
    )


def _ids(ranking: Ranking) -> tensor_pb2.Tensor | None:
    ids = ranking.plan.wanted.ids
    return None if ids is None else encode(ids.values[ranking.chosen.positions])
