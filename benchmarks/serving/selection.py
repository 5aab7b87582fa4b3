"""Rank beside NumPy in process: the rows of a batch of logits with the largest entropies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from assayd.arrays import decode, encode
from assayd.v1 import scoring_pb2, selection_pb2
from benchmarks.serving.exchanges import ENTROPY, TOLERANCE, Exchange
from benchmarks.serving.field import CLASSES, Field
from benchmarks.serving.measured import Comparison, Measured
from benchmarks.serving.network import answered
from benchmarks.serving.score_loads import FOUR
from benchmarks.serving.turns import Alone, Called, in_turn

METHOD = "/assayd.v1.SelectionService/Rank"
COUNT = 100
RANK, NUMPY = "Rank", "NumPy"


def rank(field: Field) -> Iterator[Measured]:
    """The 100 rows with the largest entropies, of as many as one call takes; 4 in flight."""
    plan, served = field.plan, field.assayd[0]
    logits = 2 * np.random.default_rng(0).standard_normal((plan.ranked_rows, CLASSES), np.float32)
    entropies = np.asarray(answered(logits.astype(np.float64))[ENTROPY])
    matches = Ranked(entropies)
    contenders = [
        Called(RANK, served.target, served.program, Exchange(METHOD, _request(logits), matches), FOUR),
        Alone(NUMPY, by_numpy, (logits, matches)),
    ]
    rounds = in_turn(contenders, rounds=plan.rounds_more, seconds=plan.seconds)
    load = f"{plan.ranked_rows:,} rows of {CLASSES} logits, 4 in flight"
    yield Measured(load, rounds, [Comparison(RANK, NUMPY)])


def _request(logits: np.ndarray) -> bytes:
    request = selection_pb2.RankRequest(measure=scoring_pb2.UNCERTAINTY_MEASURE_ENTROPY, count=COUNT)
    request.rows.logits.CopyFrom(encode(logits))
    return request.SerializeToString()


def by_numpy(logits: np.ndarray, matches: "Ranked") -> tuple[Callable[[], Any], Callable[[Any], bool]]:
    """As fast as NumPy can: benchmarks/ranking_tools.py."""
    from benchmarks.ranking_tools import limit

    return lambda: limit(logits, "logits", ENTROPY, COUNT), matches.holds


@dataclass(frozen=True)
class Ranked:
    """Matches the rows with the largest entropies, best first; near-ties may swap."""

    entropies: np.ndarray

    def __call__(self, response: bytes) -> bool:
        """Whether a response has them."""
        return self.holds(decode(selection_pb2.RankResponse.FromString(response).positions))

    def holds(self, positions: np.ndarray) -> bool:
        """Whether these are they."""
        best = np.sort(self.entropies)[::-1][:COUNT]
        return len({*positions.tolist()}) == COUNT and np.allclose(
            self.entropies[positions], best, rtol=0, atol=TOLERANCE
        )
