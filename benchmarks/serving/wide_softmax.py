"""What probabilities and uncertainty cost where classes are many: 10 and 10,000 of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.serving import onnx_runtime, score_calls
from benchmarks.serving.exchanges import ENTROPY, PREDICTIONS, PROBABILITIES, only
from benchmarks.serving.field import CLASSES, Field
from benchmarks.serving.measured import Comparison, Measured
from benchmarks.serving.network import CLASSES_MANY, float_rows
from benchmarks.serving.onnx_runtime import NAME as ONNX_RUNTIME
from benchmarks.serving.score_loads import FOUR
from benchmarks.serving.turns import Alone, Called, in_turn

FULL, NARROW, LEAST = "probabilities and entropy", "entropy alone", "predictions alone"
WAYS: Mapping[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    FULL: ({}, (PROBABILITIES, ENTROPY)),
    NARROW: ({"outputs": [PREDICTIONS]}, (PREDICTIONS, ENTROPY)),
    LEAST: ({"outputs": [PREDICTIONS], "uncertainties": []}, (PREDICTIONS,)),
}
"""By what is asked for: how, and what of the answer is compared."""
ROWS = 32


def classes(field: Field) -> Iterator[Measured]:
    """32 rows a call, 4 in flight, asked for more or less of them."""
    rows, plan = float_rows(ROWS), field.plan
    for count in (CLASSES, CLASSES_MANY):
        few = count == CLASSES
        served, network = (field.assayd[0], field.network) if few else (field.wide_assayd, field.wide_network)
        answer = network.answer(rows)
        contenders = [
            Called(
                name, served.target, served.program, score_calls.exchange(rows, only(answer, *names), **how), FOUR
            )
            for name, (how, names) in WAYS.items()
        ]
        alone = Alone(ONNX_RUNTIME, onnx_runtime.network, (network.model, rows, answer[PROBABILITIES]))
        rounds = in_turn([*contenders, alone], rounds=plan.rounds_more, seconds=plan.seconds)
        comparisons = [Comparison(FULL, LEAST), *(Comparison(way, ONNX_RUNTIME) for way in WAYS)]
        yield Measured(f"{count:,} classes, {ROWS} rows, 4 in flight", rounds, comparisons, count)
