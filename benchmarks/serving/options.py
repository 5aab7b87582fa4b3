"""What counting drift and measures of novelty cost: the same server, asked with and without them in turn."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.serving import score_calls
from benchmarks.serving.exchanges import ENTROPY, PROBABILITIES, only
from benchmarks.serving.field import Field
from benchmarks.serving.h2load import Load
from benchmarks.serving.measured import Comparison, Measured
from benchmarks.serving.network import float_rows
from benchmarks.serving.score_loads import FOUR, MANY
from benchmarks.serving.turns import Called, in_turn

COUNTED, NOT_COUNTED = "drift counted", "drift not counted"
PLAIN = "no novelty"
NOVELTY = ("combined", "energy", "gen", "knn")
ASKED = {"combined": 0.90}
"""Of the calls a second without novelty, by measure."""


def drift_counting(field: Field) -> Iterator[Measured]:
    """Rows that count as production traffic beside rows that do not."""
    ways: dict[str, dict[str, Any]] = {COUNTED: {}, NOT_COUNTED: {"record": False}}
    for row_count, load, name in ((1, MANY, "1 row, 64 in flight"), (256, FOUR, "256 rows float32, 4 in flight")):
        contenders = _ways(field, row_count, load, ways)
        rounds = in_turn(contenders, rounds=field.plan.pairs, seconds=field.plan.short_seconds)
        yield Measured(name, rounds, [Comparison(COUNTED, NOT_COUNTED, asked=0.95, stretch=0.98)])


def novelty(field: Field) -> Iterator[Measured]:
    """Measures of novelty beside none."""
    ways: dict[str, dict[str, Any]] = {PLAIN: {}} | {measure: {"novelty": [measure]} for measure in NOVELTY}
    contenders = _ways(field, 256, FOUR, ways)
    rounds = in_turn(contenders, rounds=field.plan.rounds_more, seconds=field.plan.seconds)
    comparisons = [Comparison(measure, PLAIN, asked=ASKED.get(measure)) for measure in NOVELTY]
    yield Measured("256 rows float32, 4 in flight", rounds, comparisons)


def _ways(field: Field, row_count: int, load: Load, ways: Mapping[str, dict[str, Any]]) -> list[Called]:
    rows, served = float_rows(row_count), field.assayd[0]
    expected = only(field.network.answer(rows), PROBABILITIES, ENTROPY)
    return [
        Called(name, served.target, served.program, score_calls.exchange(rows, expected, **options), load)
        for name, options in ways.items()
    ]
