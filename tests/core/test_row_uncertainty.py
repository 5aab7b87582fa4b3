"""One measure of every row, in blocks: worked values, SciPy's answers, and what must not matter to a row."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import special, stats

from assayd_server.core.row_uncertainty import BLOCK_BYTES, uncertainty_of_logits, uncertainty_of_probabilities
from assayd_server.core.scores import MEASURES, scores_of_logits, scores_of_probabilities
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure

INF, NAN = np.inf, np.nan
CLASSES, LABELS = Task.MULTICLASS, Task.MULTILABEL
FIRST, SECOND = (0.9, 0.09, 0.01), (0.2, 0.5, 0.3)
"""The two distributions by which active-learning texts compare the measures."""
SCALED = [measure for measure in MEASURES[CLASSES] if measure is not Measure.MAX_ENTROPY]
modest = settings(derandomize=True, deadline=None, max_examples=80)
every_measure = pytest.mark.parametrize(
    ("task", "measure"),
    [(task, measure) for task in (CLASSES, LABELS) for measure in MEASURES[task]],
    ids=lambda value: value.value,
)
every_class_measure = pytest.mark.parametrize("measure", MEASURES[CLASSES], ids=lambda value: value.value)
every_scaled_measure = pytest.mark.parametrize("measure", SCALED, ids=lambda value: value.value)
either = pytest.mark.parametrize("kind", ["logits", "probabilities"])
either_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def values_of(
    kind: str, rows: np.ndarray, measure: Measure, *, task: Task = CLASSES, temperature: float = 1
) -> np.ndarray:
    score = uncertainty_of_logits if kind == "logits" else uncertainty_of_probabilities
    return score(rows, task=task, temperature=temperature, measure=measure)


def of_probabilities(kind: str, rows: object) -> np.ndarray:
    """These probabilities, or logits of them."""
    with np.errstate(divide="ignore"):
        return np.log(rows) if kind == "logits" else np.array(rows)


def logits_of(shape: tuple[int, int], *, seed: int = 0, dtype: type[np.floating] = np.float64) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 3, shape).astype(dtype)


def as_kind(kind: str, logits: np.ndarray, task: Task = CLASSES) -> np.ndarray:
    """The logits, or their probabilities."""
    if kind == "logits":
        return logits
    return special.softmax(logits, axis=1) if task is CLASSES else special.expit(logits)


def by_scipy(kind: str, rows: np.ndarray, task: Task, measure: Measure, temperature: float) -> np.ndarray:
    """The definitions, in double precision."""
    logits = rows.astype(np.float64)
    if kind == "probabilities":
        logits = np.log(logits) if task is CLASSES else special.logit(logits)
    p = special.softmax(logits / temperature, axis=1)
    ordered, class_count = np.sort(p, axis=1), p.shape[1]
    doubts = 1 - np.abs(2 * special.expit(logits / temperature) - 1)
    return {
        Measure.LEAST_CONFIDENCE: (1 - ordered[:, -1]) * class_count / (class_count - 1),
        Measure.MARGIN: 1 - (ordered[:, -1] - ordered[:, -2]),
        Measure.RATIO: ordered[:, -2] / ordered[:, -1],
        Measure.ENTROPY: stats.entropy(p, base=class_count, axis=1),
        Measure.MAX_ENTROPY: stats.entropy(p, axis=1),
        Measure.MULTILABEL_MAX: doubts.max(axis=1),
        Measure.MULTILABEL_MEAN: doubts.mean(axis=1),
    }[measure]


@either
@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (Measure.LEAST_CONFIDENCE, [0.15, 0.75]),
        (Measure.MARGIN, [0.19, 0.8]),
        (Measure.RATIO, [0.1, 0.6]),
        (Measure.ENTROPY, [0.155300 / math.log10(3), 0.447173 / math.log10(3)]),
        (Measure.MAX_ENTROPY, [0.155300 * math.log(10), 0.447173 * math.log(10)]),
    ],
    ids=lambda value: value.value if isinstance(value, Measure) else "",
)
def test_the_published_rows_have_their_published_values(
    kind: str, measure: Measure, expected: list[float]
) -> None:
    values = values_of(kind, of_probabilities(kind, [FIRST, SECOND]), measure)
    np.testing.assert_allclose(values, expected, rtol=4e-6)
    assert values.argmax() == 1


@either
@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (Measure.LEAST_CONFIDENCE, np.multiply(1.5, [0.5, 0.1, 0.6, 0.02, 2 / 3, 0.3])),
        (Measure.MARGIN, np.subtract(1, [0.2, 0.81, 0.0, 0.97, 0.0, 0.45])),
        (
            Measure.MAX_ENTROPY,
            [
                1.0296530140645737,
                0.35759127073,
                1.0549201679861442,
                0.11190205689,
                1.0986122886681096,
                0.7460326647,
            ],
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Measure) else "",
)
def test_values_are_those_of_modal_and_small_text_scaled(kind: str, measure: Measure, expected: object) -> None:
    """As modAL 0.4.2.1 and small-text 1.4.1 give them; theirs are 1 - p1, p1 - p2 and the entropy in nats."""
    rows = [SECOND, FIRST, (0.4, 0.4, 0.2), (0.98, 0.01, 0.01), (1 / 3, 1 / 3, 1 / 3), (0.05, 0.25, 0.7)]
    np.testing.assert_allclose(values_of(kind, of_probabilities(kind, rows), measure), expected, rtol=1e-9)


@either
def test_labels_have_the_values_worked_by_hand(kind: str) -> None:
    p = np.array([[0.5, 0.9, 1.0], [0.75, 0.25, 0.0]])
    with np.errstate(divide="ignore"):
        rows = special.logit(p) if kind == "logits" else p
    rows[0, 2] = 0.0 if kind == "logits" else 0.5  # +inf is no logit
    largest = values_of(kind, rows, Measure.MULTILABEL_MAX, task=LABELS)
    mean = values_of(kind, rows, Measure.MULTILABEL_MEAN, task=LABELS)
    np.testing.assert_allclose(largest, [1, 0.5], rtol=1e-14)
    np.testing.assert_allclose(mean, [2.2 / 3, 1 / 3], rtol=1e-14)


@every_measure
@either
@either_dtype
@pytest.mark.parametrize("class_count", [2, 50, 51, 5000])
def test_values_agree_with_scipy(task: Task, measure: Measure, kind: str, dtype, class_count: int) -> None:
    tolerance = 1e-6 if dtype == np.float32 else 1e-13
    shape = (600 if class_count < 100 else 20, class_count)
    rows = as_kind(kind, logits_of(shape, seed=class_count, dtype=dtype), task)
    for temperature in (0.7, 1.0, 3.0):
        values = values_of(kind, rows, measure, task=task, temperature=temperature)
        expected = by_scipy(kind, rows, task, measure, temperature)
        assert values.dtype == dtype
        np.testing.assert_allclose(values, expected, rtol=tolerance, atol=tolerance)


@every_measure
@either
@pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0])
def test_rows_are_invalid_where_scores_has_them_invalid(
    task: Task, measure: Measure, kind: str, temperature: float
) -> None:
    odd = [-INF, -0.2, -0.0, 0.0, 0.25, 0.5, 1.0, 3e38, INF, NAN]
    rows = np.array(np.meshgrid(odd, odd, odd)).reshape(3, -1).T
    score = scores_of_logits if kind == "logits" else scores_of_probabilities
    scores = score(rows, task=task, temperature=temperature, measures=[measure])
    values = values_of(kind, rows, measure, task=task, temperature=temperature)
    assert 10 < scores.valid.sum() < len(rows)
    np.testing.assert_allclose(values, scores.uncertainties[measure], rtol=1e-12, atol=1e-15)


@every_class_measure
def test_rows_that_do_not_add_up_are_invalid_among_others_without_a_sign(measure: Measure) -> None:
    rows = np.array([[0.5, 0.5], [0.5, 0.52], [0.0, 0.0], [INF, 0.0], [0.0, 1.0]])
    assert np.isnan(values_of("probabilities", rows, measure)).tolist() == [False, True, True, True, False]


@every_class_measure
@either
@given(data=st.data())
@modest
def test_values_lie_between_zero_and_their_largest(measure: Measure, kind: str, data: st.DataObject) -> None:
    elements = st.sampled_from([-INF, -1e30, -50.0, -1.0, 0.0, 0.0, 1e-9, 1.0, 80.0, 3e38])
    shape = data.draw(st.tuples(st.integers(0, 5), st.integers(2, 60)))
    logits = data.draw(npst.arrays(np.float64, shape, elements=elements)).astype(np.float32)
    if len(logits):
        logits[:, data.draw(st.integers(0, shape[1] - 1))] = 1
    temperature = data.draw(st.sampled_from([0.001, 0.3, 1.0, 1000.0]))
    values = values_of(kind, as_kind(kind, logits), measure, temperature=temperature)
    largest = np.float32(math.log(shape[1]) if measure is Measure.MAX_ENTROPY else 1)
    assert ((values >= 0) & (values <= largest)).all()


@every_scaled_measure
@either
@pytest.mark.parametrize("class_count", [2, 3, 10, 51, 1000, 5000])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_a_certain_row_gives_zero_and_a_uniform_one_gives_one(
    measure: Measure, kind: str, class_count: int, temperature: float
) -> None:
    rows = np.concatenate([np.eye(2, class_count), np.full((2, class_count), 1 / class_count)])
    values = values_of(kind, of_probabilities(kind, rows), measure, temperature=temperature)
    np.testing.assert_allclose(values, [0, 0, 1, 1], rtol=0, atol=1e-12)
    assert values.max() <= 1


@either
@pytest.mark.parametrize("temperature", [1.0, 1.9])
def test_least_confidence_equals_margin_for_two_classes(kind: str, temperature: float) -> None:
    rows = as_kind(kind, logits_of((300, 2)))
    least = values_of(kind, rows, Measure.LEAST_CONFIDENCE, temperature=temperature)
    np.testing.assert_allclose(least, values_of(kind, rows, Measure.MARGIN, temperature=temperature), atol=1e-15)


@either
def test_entropy_is_max_entropy_over_the_logarithm_of_the_number_of_classes(kind: str) -> None:
    rows = as_kind(kind, logits_of((50, 7)))
    nats = values_of(kind, rows, Measure.MAX_ENTROPY)
    np.testing.assert_allclose(values_of(kind, rows, Measure.ENTROPY), nats / math.log(7), rtol=1e-14)


@either
def test_the_ranking_by_ratio_does_not_depend_on_the_temperature(kind: str) -> None:
    rows = as_kind(kind, logits_of((2000, 5)))
    orders = [values_of(kind, rows, Measure.RATIO, temperature=t).argsort() for t in (0.5, 1, 2, 5)]
    assert all((order == orders[0]).all() for order in orders)


@every_class_measure
@pytest.mark.parametrize("constant", [-1000.0, 0.5, 4096.0])
def test_a_constant_added_to_the_logits_changes_nothing(measure: Measure, constant: float) -> None:
    logits = logits_of((40, 6)).round(6)
    moved = values_of("logits", logits + constant, measure)
    np.testing.assert_allclose(moved, values_of("logits", logits, measure), rtol=1e-9, atol=1e-12)


@every_measure
@either
@pytest.mark.parametrize("class_count", [4, 60])
def test_the_order_of_classes_does_not_matter(task: Task, measure: Measure, kind: str, class_count: int) -> None:
    rows = as_kind(kind, logits_of((30, class_count)), task)
    order = np.random.default_rng(1).permutation(class_count)
    permuted = values_of(kind, rows[:, order], measure, task=task)
    np.testing.assert_allclose(permuted, values_of(kind, rows, measure, task=task), rtol=1e-12, atol=1e-15)


@every_measure
@either
@either_dtype
@pytest.mark.parametrize("class_count", [2, 10, 50, 51, 1000])
def test_a_row_has_the_same_value_bit_for_bit_in_every_batch(
    task: Task, measure: Measure, kind: str, dtype, class_count: int
) -> None:
    rows = as_kind(kind, logits_of((700, class_count), dtype=dtype), task)
    for temperature in (1.0, 1.7):
        whole = values_of(kind, rows, measure, task=task, temperature=temperature)
        for size in (1, 2, 3, 17, 499, 501):
            part = values_of(kind, rows[150 : 150 + size], measure, task=task, temperature=temperature)
            np.testing.assert_array_equal(part, whole[150 : 150 + size])


@every_measure
@either
@pytest.mark.parametrize("class_count", [2, 700])
def test_the_boundaries_of_blocks_do_not_matter(task: Task, measure: Measure, kind: str, class_count: int) -> None:
    block_rows = BLOCK_BYTES // (class_count * 4)
    rows = as_kind(kind, logits_of((2 * block_rows + 1, class_count), dtype=np.float32), task)
    rows[block_rows] = NAN
    values = values_of(kind, rows, measure, task=task)
    around = slice(block_rows - 3, block_rows + 3)
    np.testing.assert_array_equal(values[around], values_of(kind, rows[around], measure, task=task))
    np.testing.assert_array_equal(values[-2:], values_of(kind, rows[-2:], measure, task=task))
    assert np.flatnonzero(np.isnan(values)).tolist() == [block_rows]


@every_measure
@either
@either_dtype
@pytest.mark.parametrize("class_count", [3, 80])
def test_permuted_rows_of_any_layout_give_permuted_values(
    task: Task, measure: Measure, kind: str, dtype, class_count: int
) -> None:
    rows = as_kind(kind, logits_of((40, class_count), dtype=dtype), task)
    values = values_of(kind, rows, measure, task=task)
    for laid_out in (np.asfortranarray(rows), np.repeat(rows, 2, axis=0)[::2], rows[::-1][::-1]):
        np.testing.assert_array_equal(values_of(kind, laid_out, measure, task=task), values)
    np.testing.assert_array_equal(values_of(kind, rows[::-1], measure, task=task), values[::-1])


@every_measure
@either
@pytest.mark.parametrize("shape", [(1, 3), (6, 3), (1, 80), (6, 80)])
def test_the_rows_are_left_as_they_were_and_may_be_read_only(
    task: Task, measure: Measure, kind: str, shape: tuple[int, int]
) -> None:
    rows = as_kind(kind, logits_of(shape), task)
    rows[0, 0] = NAN
    before = rows.copy()
    rows.flags.writeable = False
    for temperature in (1.0, 2.0):
        values_of(kind, rows, measure, task=task, temperature=temperature)
        np.testing.assert_array_equal(rows, before)


@every_measure
@either
def test_no_rows_give_no_values_of_the_same_dtype(task: Task, measure: Measure, kind: str) -> None:
    values = values_of(kind, np.empty((0, 4), np.float32), measure, task=task)
    assert (values.shape, values.dtype) == ((0,), np.float32)


@every_measure
@either
def test_memory_does_not_grow_with_the_rows(task: Task, measure: Measure, kind: str) -> None:
    rows = as_kind(kind, logits_of((60_000, 100), dtype=np.float32), task)
    tracemalloc.start()
    values_of(kind, rows, measure, task=task)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * BLOCK_BYTES < rows.nbytes / 4


def test_values_of_very_certain_rows_are_still_told_apart_by_ratio() -> None:
    logits = np.array([[0.0, -60.0], [0.0, -61.0]], np.float32)
    values = values_of("logits", logits, Measure.RATIO)
    np.testing.assert_allclose(values, np.exp([-60.0, -61.0]), rtol=1e-5)
