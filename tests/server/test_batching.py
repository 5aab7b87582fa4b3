"""Calls that are merged into one pass: each has its own rows' answers, errors and deadline."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from sklearn.datasets import load_digits

import onnx_models
from assayd_server.batching import Batching, BatchLimits
from assayd_server.caller import Caller, Lane, after
from assayd_server.errors import DeadlineExceededError, InvalidArgumentError, ResourceExhaustedError
from assayd_server.forward import Forward
from assayd_server.gate import ONLINE_RUN_MAX, Gate
from assayd_server.metrics import Metrics
from assayd_server.rows import inputs_of
from assayd_server.servable import Servable
from waiting import wait_until

Load = Callable[..., Servable]
WAIT = 30
ROWS = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
BULK = Caller(lane=Lane.BULK)


class Bench:
    """A model behind a gate that can be held, so that calls line up."""

    def __init__(self, *models: Servable, pending_max: int = 10_000, **limits: Any) -> None:
        self.registry = CollectorRegistry()
        self.gate = Gate(pending_max)
        metrics = Metrics(self.registry)
        self._metrics = {model: metrics.model(model.identity, model.labels) for model in models}
        self._batching = Batching(self.gate, BatchLimits(**limits), self._metrics)
        self._model = models[0]

    def forward(self, rows: np.ndarray, caller: Caller | None = None, *, model: Servable | None = None) -> Forward:
        model = model or self._model
        arrays = model.match(inputs_of({"": rows}))
        roles = [model.contract.scores_role]
        return self._batching.forward(model, arrays, row_count=len(rows), roles=roles, caller=caller or Caller())

    def lined_up(self, pool: ThreadPoolExecutor, calls: list[tuple[Any, ...]]) -> list[Future[Forward]]:
        """Calls that wait, in this order."""
        futures = []
        for arguments in calls:
            waiting = self.gate.waiting
            futures.append(pool.submit(self.forward, *arguments))
            wait_until(lambda waiting=waiting: self.gate.waiting == waiting + 1)
        return futures

    def value(self, name: str) -> float:
        return sum(
            sample.value for family in self.registry.collect() for sample in family.samples if sample.name == name
        )


@pytest.fixture
def bench(load: Load) -> Bench:
    return Bench(load(onnx_models.identity()))


def test_a_call_that_finds_the_model_idle_runs_alone(bench: Bench) -> None:
    np.testing.assert_array_equal(bench.forward(ROWS[:7]).logits, ROWS[:7])
    assert (bench.value("assayd_executions_total"), bench.value("assayd_batch_rows_sum")) == (1, 7)


def test_what_waits_goes_together_and_everyone_has_the_answers_to_their_rows(bench: Bench) -> None:
    parts = np.split(ROWS, [1, 3, 3, 20])
    with ThreadPoolExecutor(8) as pool:
        with bench.gate.enter(1, Caller()):
            futures = bench.lined_up(pool, [(part,) for part in parts])
        for part, future in zip(parts, futures, strict=True):
            np.testing.assert_array_equal(future.result(WAIT).logits, part)
    assert bench.value("assayd_executions_total") == 1
    assert bench.value("assayd_batch_rows_sum") == 60
    assert bench.value("assayd_pending_rows") == bench.gate.rows_pending == bench.gate.waiting == 0


def test_a_pass_takes_no_more_rows_than_it_may(load: Load) -> None:
    bench = Bench(load(onnx_models.identity()), rows_max=10)
    with ThreadPoolExecutor(8) as pool:
        with bench.gate.enter(1, Caller()):
            futures = bench.lined_up(pool, [(ROWS[:4],), (ROWS[:7],), (ROWS[:5],), (ROWS[:1],)])
        assert [len(future.result(WAIT).logits) for future in futures] == [4, 7, 5, 1]
    assert bench.value("assayd_executions_total") == 2  # 4 + 5 + 1, and 7


def test_a_pass_with_enough_rows_takes_no_more_along(load: Load) -> None:
    bench = Bench(load(onnx_models.identity()), rows_enough=10)
    with ThreadPoolExecutor(8) as pool:
        with bench.gate.enter(1, Caller()):
            futures = bench.lined_up(pool, [(ROWS[:4],), (ROWS[:9],), (ROWS[:1],), (ROWS[:30],), (ROWS[:2],)])
        assert [len(future.result(WAIT).logits) for future in futures] == [4, 9, 1, 30, 2]
    assert bench.value("assayd_executions_total") == 3  # 4 + 9, 1 + 30, and 2


def test_a_call_with_more_rows_goes_in_several_passes(load: Load) -> None:
    bench = Bench(load(onnx_models.identity()), rows_max=25)
    np.testing.assert_array_equal(bench.forward(ROWS).logits, ROWS)
    assert bench.value("assayd_executions_total") == 3


def test_no_rows_need_no_pass(bench: Bench) -> None:
    assert bench.forward(ROWS[:0]).logits.shape == (0, 4)
    assert bench.value("assayd_executions_total") == 0


def test_rows_of_another_model_or_of_another_type_wait_for_their_own_pass_or_share_it(load: Load) -> None:
    first, second = load(onnx_models.identity()), load(onnx_models.identity())
    bench = Bench(first, second)
    with ThreadPoolExecutor(8) as pool:
        with bench.gate.enter(1, Caller()):
            futures = bench.lined_up(pool, [(ROWS[:4],), (ROWS[4:9].astype(np.float16),)])
            other = pool.submit(lambda: bench.forward(ROWS[:2], model=second))
            wait_until(lambda: bench.gate.waiting == 3)
        np.testing.assert_array_equal(futures[0].result(WAIT).logits, ROWS[:4])
        np.testing.assert_array_equal(
            futures[1].result(WAIT).logits, ROWS[4:9].astype(np.float16).astype(np.float32)
        )
        np.testing.assert_array_equal(other.result(WAIT).logits, ROWS[:2])
    assert bench.value("assayd_executions_total") == 2


def test_a_bad_request_fails_alone(load: Load) -> None:
    bench = Bench(load(onnx_models.look_up()))
    with ThreadPoolExecutor(8) as pool:
        with bench.gate.enter(1, Caller()):
            futures = bench.lined_up(
                pool, [(np.array([1, 2]), None), (np.array([99]), None), (np.array([3]), None)]
            )
        alone = bench.forward(np.array([3]))
        np.testing.assert_array_equal(futures[2].result(WAIT).logits, alone.logits)
        assert len(futures[0].result(WAIT).logits) == 2
        with pytest.raises(InvalidArgumentError):
            futures[1].result(WAIT)


def test_who_stops_waiting_is_not_computed_and_is_counted(bench: Bench) -> None:
    gone = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        with bench.gate.enter(1, Caller()):
            futures = bench.lined_up(pool, [(ROWS[:4],), (ROWS[:5], Caller(gone=gone.is_set)), (ROWS[:6],)])
            gone.set()
        assert len(futures[0].result(WAIT).logits) == 4
        assert len(futures[2].result(WAIT).logits) == 6
        assert futures[1].exception(WAIT) is not None
    assert bench.value("assayd_batch_rows_sum") == 10
    assert bench.value("assayd_abandoned_calls_total") == 1


def test_a_deadline_that_passes_in_the_line_is_noticed_there(bench: Bench) -> None:
    with bench.gate.enter(1, Caller()), pytest.raises(DeadlineExceededError):
        bench.forward(ROWS[:4], Caller(after(0.05)))
    assert bench.value("assayd_abandoned_calls_total") == 1
    assert bench.value("assayd_executions_total") == bench.gate.waiting == bench.gate.rows_pending == 0


def test_rows_over_the_bound_are_refused_at_once(load: Load) -> None:
    bench = Bench(load(onnx_models.identity()), pending_max=10)
    with bench.gate.enter(8, Caller()), pytest.raises(ResourceExhaustedError):
        bench.forward(ROWS[:4])


def test_the_online_lane_goes_first_and_takes_no_bulk_along(bench: Bench) -> None:
    with ThreadPoolExecutor(8) as pool:
        with bench.gate.enter(1, Caller()):
            bulk, online = bench.lined_up(pool, [(ROWS[:2], BULK), (ROWS[2:3],)])
        np.testing.assert_array_equal(bulk.result(WAIT).logits, ROWS[:2])
        np.testing.assert_array_equal(online.result(WAIT).logits, ROWS[2:3])
    assert bench.value("assayd_executions_total") == 2


def test_bulk_takes_online_along(bench: Bench) -> None:
    gate = bench.gate
    jobs = [gate.line_up(Lane.ONLINE) for _ in range(1 + ONLINE_RUN_MAX)]
    with ThreadPoolExecutor(8) as pool:
        bulk, online = bench.lined_up(pool, [(ROWS[:2], BULK), (ROWS[2:3],)])
        for _ in jobs:
            gate.pass_on()  # the last one passes on to the bulk lane, whose turn it is
        assert len(bulk.result(WAIT).logits) == 2
        assert len(online.result(WAIT).logits) == 1
    assert bench.value("assayd_executions_total") == 1


def test_a_pass_that_is_not_full_may_wait_for_more(load: Load) -> None:
    bench = Bench(load(onnx_models.identity()), rows_max=8, delay_seconds_max=WAIT)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(bench.forward, ROWS[:4])
        wait_until(lambda: bench.gate.rows_pending == 4)
        second = pool.submit(bench.forward, ROWS[4:8])
        np.testing.assert_array_equal(first.result(WAIT).logits, ROWS[:4])
        np.testing.assert_array_equal(second.result(WAIT).logits, ROWS[4:8])
    assert bench.value("assayd_executions_total") == 1


@pytest.mark.parametrize("content", [onnx_models.network, onnx_models.forest, onnx_models.fixed_batch])
def test_merged_answers_are_those_of_single_calls(load: Load, content: Callable[[], bytes]) -> None:
    bench = Bench(load(content()))
    rows = load_digits().data[500:600].astype(np.float32)
    parts = np.split(rows, [1, 30, 33, 90])
    with ThreadPoolExecutor(8) as pool:
        with bench.gate.enter(1, Caller()):
            futures = [pool.submit(lambda part=part: bench.forward(part)) for part in parts]
            wait_until(lambda: bench.gate.waiting == len(parts))
        merged = [future.result(WAIT) for future in futures]
    assert bench.value("assayd_executions_total") == 1
    for part, answer in zip(parts, merged, strict=True):
        alone = bench.forward(part)
        for role in ("logits", "probabilities"):
            if getattr(alone, role) is not None:
                np.testing.assert_allclose(getattr(answer, role), getattr(alone, role), atol=1e-5)
