"""What is known of ways to ask: as much as saves work, and nothing of models that are gone."""

import gc
import weakref
from collections.abc import Callable

import onnx_models
from assayd_server.asks import Ask
from assayd_server.caller import Caller
from assayd_server.rows import inputs_of
from assayd_server.servable import Servable
from assayd_server.wanted import Wanted
from merging_bench import ROWS, Bench

Load = Callable[..., Servable]
Make = Callable[..., Bench]


def test_an_ask_is_checked_once_for_as_many_rows_or_fewer(make_bench: Make) -> None:
    bench = make_bench()
    for count in (3, 2, 3, 4, 1):
        bench.score(ROWS[:count])
    assert [plan.rows.count for plan in bench.checked] == [3, 4]


def test_the_more_ways_to_ask_the_fewer_forms_of_answers_each_of_them_keeps(make_bench: Make) -> None:
    bench = make_bench()
    known = []
    for number in range(200):
        ask = Ask(Wanted(temperature=1 + number / 100))
        bench.merging.offer(
            ask,
            inputs_of({"": ROWS[:1]}),
            Caller(),
            finish=lambda job, _: known.append(job.known.forms_max),
            watch=lambda _: None,
        )
        bench.merging.advance()
        bench.until(lambda number=number: len(known) > number)
    assert known[:16] == [256] * 16
    assert known == sorted(known, reverse=True)
    assert known[-1] >= 8
    assert sum(known) < 16_000


def test_a_model_that_is_gone_is_kept_by_nothing(make_bench: Make, load: Load) -> None:
    bench = make_bench()
    bench.score(ROWS[:1])
    gone = weakref.ref(bench.repository.find("m", 1))
    bench.checked.clear()
    bench.watched.clear()
    gc.collect()
    gc.disable()  # as of what is left in place: no circle of references may lead through a model
    try:
        bench.repository.publish("m", [load(onnx_models.identity())], [])
        bench.score(ROWS[:1])
        assert gone() is None
    finally:
        gc.enable()
