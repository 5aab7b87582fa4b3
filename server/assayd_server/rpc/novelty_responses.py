"""The novelty of rows as a message."""

import numpy as np

from assayd.arrays import encode
from assayd.v1 import novelty_pb2
from assayd_server.core.arrays import Integers
from assayd_server.core.novelty import VERDICTS, Verdict
from assayd_server.novelty_scoring import Judged, RowNovelty
from assayd_server.rpc.enums import NOVELTY_MEASURES

MEASURE_NUMBERS = {measure: number for number, measure in NOVELTY_MEASURES.items()}
_VERDICT_NUMBERS = {
    Verdict.KNOWN: novelty_pb2.VERDICT_KNOWN,
    Verdict.NOVEL: novelty_pb2.VERDICT_NOVEL,
    Verdict.ANOMALY: novelty_pb2.VERDICT_ANOMALY,
}
_NUMBERS = np.array(
    [*(_VERDICT_NUMBERS[verdict] for verdict in VERDICTS), novelty_pb2.VERDICT_UNSPECIFIED], np.int32
)
"""By position; the last one, which -1 means, is that of a row that cannot be judged."""


def novelty(found: RowNovelty) -> novelty_pb2.Novelty:
    """Scores and p-values, and verdicts where there are any."""
    message = novelty_pb2.Novelty(
        reference_digest=found.reference.digest,
        scores=[
            novelty_pb2.NoveltyScores(
                measure=MEASURE_NUMBERS[measure], values=encode(one.scores), p_values=encode(one.p_values)
            )
            for measure, one in found.measures.items()
        ],
        alpha=found.alpha,
    )
    if found.judged is not None:
        _add_verdicts(message, found.judged)
    return message


def _add_verdicts(message: novelty_pb2.Novelty, judged: Judged) -> None:
    message.verdicts.CopyFrom(encode(verdict_numbers(judged.verdicts)))
    message.p_class.CopyFrom(encode(judged.p_class))
    message.p_domain.CopyFrom(encode(judged.p_domain))
    message.discoveries.CopyFrom(encode(judged.discoveries))


def verdict_numbers(verdicts: Integers) -> Integers:
    """(n,) int32, as the enumeration has them."""
    return _NUMBERS[verdicts]
