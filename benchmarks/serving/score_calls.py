"""Calls of Score, as assayd's client makes them."""

from functools import partial
from typing import Any

import numpy as np

from assayd import results
from assayd.arrays import encode
from assayd.requests import score_request
from assayd.v1 import scoring_pb2
from benchmarks.serving.exchanges import ENTROPY, PREDICTIONS, PROBABILITIES, Answer, Exchange, Scored

METHOD = "/assayd.v1.ScoringService/Score"
BOTH = {"outputs": [PROBABILITIES], "uncertainties": [ENTROPY]}
"""What is asked for where nothing else is said, as of the peers."""


def exchange(rows: np.ndarray, expected: Answer, **options: Any) -> Exchange:
    """Asks for probabilities and entropies.

    Args:
        rows: (n, ...), sent in the type that they have.
        expected: what of the answer is compared.
        **options: keywords of Client.score.
    """
    request = score_request(**BOTH | options)
    request.rows.inputs.tensors.append(encode(rows))
    read_these = partial(read, names=tuple(expected))
    return Exchange(METHOD, request.SerializeToString(), Scored(read_these, expected))


def read(response: bytes, *, names: tuple[str, ...] = (PROBABILITIES, ENTROPY)) -> Answer:
    """What a response says, of what is compared."""
    scores = results.scores(scoring_pb2.ScoreResponse.FromString(response))
    found = {PROBABILITIES: scores.probabilities, PREDICTIONS: scores.predictions, **scores.uncertainty}
    return {name: values for name, values in found.items() if name in names and values is not None}
