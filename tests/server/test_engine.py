"""The order of things in a scoring call: what is refused before it waits, and what is counted of what ran."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

import onnx_models
from assayd_server.caller import Caller, after
from assayd_server.checks import ScoreLimits
from assayd_server.engine import Engine
from assayd_server.errors import (
    CallCancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    ResourceExhaustedError,
)
from assayd_server.gate import Gate
from assayd_server.metrics import Metrics
from assayd_server.recall_watch import RecallWatch
from assayd_server.repository import Repository
from assayd_server.rows import Inputs, Logits, NamedArray
from assayd_server.search_checks import SearchLimits
from assayd_server.servable import Servable
from assayd_server.wanted import Wanted

Load = Callable[..., Servable]
ROWS = np.random.default_rng(0).normal(0, 1, (3, 4)).astype(np.float32)
PATIENT = Caller()
PENDING_MAX = 10


class Bench:
    """An engine with one model, and what can be seen of it from outside."""

    def __init__(self, model: Servable) -> None:
        self.registry = CollectorRegistry()
        self.gate = Gate(PENDING_MAX)
        limits = ScoreLimits(
            response_bytes_max=1024**2, scores_elements_max=65_536, diversity_operations_max=2**34
        )
        repository = Repository([model])
        self.engine = Engine(
            repository,
            gate=self.gate,
            metrics=Metrics(self.registry),
            limits=limits,
            search_limits=SearchLimits(neighbors_max=10, search_operations_max=2**30, response_bytes_max=1024**2),
            recall=RecallWatch(0),
        )

    def score(self, values: np.ndarray, caller: Caller = PATIENT) -> np.ndarray:
        rows = Inputs((NamedArray("", values),), len(values))
        return self.engine.score(rows, Wanted(), caller).rows.predictions

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, {"model": "m", "version": "1"} | labels)

    @property
    def counted(self) -> tuple[float | None, ...]:
        """Forward passes, rows, and calls that are in the times of the three stages."""
        stages = [
            self.value("assayd_stage_seconds_count", stage=stage) for stage in ("queue", "inference", "total")
        ]
        return (self.value("assayd_executions_total"), self.value("assayd_rows_total"), *stages)


NOTHING = (0, 0, 0, 0, 0)


@pytest.fixture
def bench(load: Load) -> Bench:
    return Bench(load(onnx_models.identity()))


def test_a_call_is_one_pass_and_all_its_rows(bench: Bench) -> None:
    assert bench.score(ROWS).tolist() == ROWS.argmax(axis=1).tolist()
    assert bench.counted == (1, 3, 1, 1, 1)


def test_a_call_without_rows_is_no_pass(bench: Bench) -> None:
    assert bench.score(ROWS[:0]).tolist() == []
    assert (bench.value("assayd_executions_total"), bench.value("assayd_rows_total")) == (0, 0)


def test_rows_that_need_no_model_are_counted_for_none(bench: Bench) -> None:
    bench.engine.score(Logits(ROWS), Wanted())
    assert bench.counted == NOTHING


def test_rows_that_do_not_fit_are_refused_without_a_wait(bench: Bench) -> None:
    with bench.gate.enter(1, PATIENT), pytest.raises(InvalidArgumentError, match=r"tensors\[0\]\.shape"):
        bench.score(np.zeros((3, 5), np.float32), Caller(after(30)))


@pytest.mark.parametrize("rows", [ROWS, ROWS[:0]], ids=["rows", "no rows"])
def test_a_deadline_that_passed_runs_nothing(bench: Bench, rows: np.ndarray) -> None:
    with pytest.raises(DeadlineExceededError):
        bench.score(rows, Caller(after(0)))
    assert bench.counted == NOTHING


def test_a_caller_that_went_away_runs_nothing(bench: Bench) -> None:
    with pytest.raises(CallCancelledError):
        bench.score(ROWS, Caller(gone=lambda: True))
    assert bench.counted == NOTHING


def test_rows_that_need_no_model_are_not_scored_for_a_caller_that_went_away(bench: Bench) -> None:
    with pytest.raises(CallCancelledError):
        bench.engine.score(Logits(ROWS), Wanted(), Caller(gone=lambda: True))


def test_a_full_gate_runs_nothing(bench: Bench) -> None:
    with bench.gate.enter(PENDING_MAX, PATIENT), pytest.raises(ResourceExhaustedError):
        bench.score(ROWS)
    assert bench.counted == NOTHING


def test_rows_that_need_no_model_wait_like_others(bench: Bench) -> None:
    with bench.gate.enter(PENDING_MAX, PATIENT), pytest.raises(ResourceExhaustedError):
        bench.engine.score(Logits(ROWS), Wanted())


def test_after_rows_that_the_graph_refused_nothing_is_pending(load: Load) -> None:
    bench = Bench(load(onnx_models.look_up()))
    with pytest.raises(InvalidArgumentError):
        bench.score(np.array([99]))
    assert (bench.gate.rows_pending, bench.value("assayd_pending_rows")) == (0, 0)


def test_after_rows_that_the_graph_dropped_nothing_is_counted(load: Load) -> None:
    bench = Bench(load(onnx_models.rows_with_a_positive_value()))
    with pytest.raises(FailedPreconditionError):
        bench.score(-np.ones((2, 4), np.float32))
    assert bench.value("assayd_rows_total") == 0


def test_calls_from_many_threads_are_all_counted(bench: Bench) -> None:
    def call(_: int) -> list[int]:
        return bench.score(ROWS[:1]).tolist()

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(call, range(100)))
    assert answers == [[int(ROWS[0].argmax())]] * 100
    executions, *others = bench.counted
    assert 25 <= executions <= 100  # what waits goes together
    assert others == [100] * 4
