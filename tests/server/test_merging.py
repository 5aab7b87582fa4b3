"""Calls without a thread that are scored together: each has its own rows' answers."""

from collections.abc import Callable

import numpy as np
import pytest

import onnx_models
from assayd_server.asks import Ask
from assayd_server.core.scores import scores_of_logits
from assayd_server.core.uncertainty import Measure
from assayd_server.score_job import Part
from assayd_server.wanted import Output, Wanted
from merging_bench import ENTROPY, ROWS, WAIT, Bench, own

Make = Callable[..., Bench]


def entropies(part: Part) -> np.ndarray:
    return part.scores.rows.uncertainties[Measure.ENTROPY][part.rows]


@pytest.mark.parametrize("content", [onnx_models.network, onnx_models.forest, onnx_models.fixed_batch])
def test_calls_that_wait_share_a_pass_and_each_has_the_answers_that_it_has_alone(
    make_bench: Make, content: Callable[[], bytes]
) -> None:
    bench = make_bench(content())
    rows = np.random.default_rng(0).uniform(0, 16, (100, 64)).astype(np.float32)
    parts = np.split(rows, [1, 30, 33, 90])
    alone = [bench.score(part) for part in parts]
    assert bench.value("assayd_executions_total") == len(parts)
    found = [bench.offer(part) for part in parts]
    bench.advance(*found)
    assert bench.value("assayd_executions_total") == len(parts) + 1
    for one, other in zip(found, alone, strict=True):
        np.testing.assert_allclose(own(one.result()), own(other), atol=1e-5)
        np.testing.assert_allclose(entropies(one.result()), entropies(other), atol=1e-5)
    assert bench.value("assayd_rows_total") == 2 * len(rows)
    assert bench.is_at_rest()


def test_calls_that_ask_for_different_things_share_a_pass_too(make_bench: Make) -> None:
    bench = make_bench()
    asks = [
        ENTROPY,
        Ask(Wanted(top_k=2)),
        Ask(Wanted(outputs=frozenset({Output.LOGITS}), temperature=2.0)),
        ENTROPY,
    ]
    bench.score(ROWS[:1])
    found = [bench.offer(ROWS[place : place + 2], ask) for place, ask in enumerate(asks)]
    bench.advance(*found)
    assert bench.value("assayd_executions_total") == 2
    for place, (ask, one) in enumerate(zip(asks, found, strict=True)):
        rows, part = ROWS[place : place + 2], one.result()
        temperature = ask.wanted.temperature or 1.0
        scores = scores_of_logits(rows, temperature=temperature, top_k=ask.wanted.top_k)
        np.testing.assert_allclose(own(part), scores.probabilities, atol=1e-6)
        np.testing.assert_array_equal(part.scores.rows.top_classes[part.rows], scores.top_classes)
        np.testing.assert_array_equal(part.scores.forward.logits[part.rows], rows)


def test_a_pass_takes_no_more_rows_than_it_may(make_bench: Make) -> None:
    bench = make_bench(rows_max=10)
    bench.score(ROWS[:1])
    found = [bench.offer(ROWS[:count]) for count in (4, 7, 5, 1)]
    bench.advance(*found)
    assert [len(own(one.result())) for one in found] == [4, 7, 5, 1]
    assert bench.value("assayd_executions_total") == 3  # 1, 4 + 5 + 1, and 7


def test_more_rows_than_a_pass_takes_are_not_for_here(make_bench: Make) -> None:
    bench = make_bench(rows_max=10)
    assert [bench.merging.takes(ENTROPY, count) for count in (0, 1, 10, 11)] == [False, True, True, False]


def test_a_delay_lets_more_calls_come(make_bench: Make) -> None:
    bench = make_bench(rows_enough=10, delay_seconds_max=WAIT)
    first = bench.offer(ROWS[:4])
    bench.merging.advance()
    second = bench.offer(ROWS[:6])  # which is enough
    bench.advance(first, second)
    assert bench.value("assayd_executions_total") == 1
