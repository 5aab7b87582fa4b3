"""The pool, the reference and the models: what comes out beside what should."""

import numpy as np

from benchmarks.chaos.surface.expected import (
    CLASSES,
    HIDDEN,
    check_best,
    check_equal,
    cosines,
    cut,
    softmax,
    uncertainty,
)
from benchmarks.chaos.surface.world import POOL_ROWS, REFERENCE_ROWS, World

WINDOW_ROWS = 500


def search(world: World) -> None:
    """By vectors, by inputs and by ids, without some rows, and above a similarity."""
    k, x = int(world.rng.integers(1, 20)), world.rows(int(world.rng.integers(1, 60)))
    excluded = world.rng.choice(POOL_ROWS, int(world.rng.integers(0, 50)), replace=False)
    vectors = world.network.embeddings(x)
    similar = cosines(vectors, world.pool)
    similar[:, excluded] = -np.inf
    for found in (
        world.client.search(vectors, k=k, exclude_ids=excluded),
        world.client.search(x=x, k=k, exclude_ids=excluded),
    ):
        check_equal(found.similarities, -np.sort(-similar, axis=1)[:, :k], "the nearest rows")
        at = np.take_along_axis(similar, found.ids, axis=1)
        check_equal(at, found.similarities, "what is said of the nearest rows")
    least = float(world.rng.uniform(0.5, 0.9))
    above = world.client.search(vectors, k=k, exclude_ids=excluded, similarity_min=least)
    sure = ~np.isclose(similar, least, atol=1e-5).any(axis=1)
    np.testing.assert_array_equal(above.counts[sure], np.minimum((similar >= least).sum(axis=1), k)[sure])


def search_by_ids(world: World) -> None:
    """A row is not its own neighbour; and the vectors of rows are those that went in."""
    ids = world.rng.choice(POOL_ROWS, 10, replace=False)
    vectors = world.client.pool_vectors(ids)
    check_equal(vectors, world.pool[ids], "vectors")
    similar = cosines(world.pool[ids], world.pool)
    similar[np.arange(10), ids] = -np.inf
    found = world.client.search(ids=ids, k=5)
    check_equal(found.similarities, -np.sort(-similar, axis=1)[:, :5], "the nearest rows of rows")


def search_boundary(world: World) -> None:
    """Between two rows the class changes where it is said to, and the rows beside that place are the nearest."""
    first, second = world.rng.choice(POOL_ROWS, 20, replace=False).reshape(2, 10)
    found = world.client.search_boundary(first, second, k=5)
    logits = world.network.logits(world.pool)
    classes = logits.argmax(axis=1)
    has_none = [pair for pair in range(10) if classes[first[pair]] == classes[second[pair]]]
    assert np.flatnonzero(found.reasons == "same_class").tolist() == has_none, "pairs without a boundary"
    for pair in sorted({*range(10)} - {*has_none}):
        one, other, t = first[pair], second[pair], found.positions[pair]
        at = (1 - t) * world.pool[one] + t * world.pool[other]
        best = np.sort(world.network.logits(at[None].astype(np.float32))[0])
        assert best[-1] - best[-2] < 1e-3, "two classes are not level at the boundary"
        similar = cosines(at[None], world.pool)[0]
        similar[[*first, *second]] = -np.inf
        check_equal(found.neighbors.similarities[pair], -np.sort(-similar)[:5], "the nearest to a boundary")


def expand_candidates(world: World) -> None:
    """The union of the neighbours of new labels, without what is labelled."""
    labeled = world.rng.choice(POOL_ROWS, 30, replace=False)
    new, k = labeled[:10], int(world.rng.integers(1, 10))
    found = world.client.expand_candidates(new, labeled_ids=labeled, k=k)
    similar = cosines(world.pool[new], world.pool)
    similar[np.arange(len(new)), new] = -np.inf
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :k]
    last_two = -np.sort(-similar, axis=1)[:, k - 1 : k + 1]
    tied = np.isclose(*last_two.T, atol=1e-6).any()
    assert tied or set(found.ids.tolist()) == set(nearest.ravel().tolist()) - set(labeled.tolist()), "candidates"


def select_candidates(world: World) -> None:
    """The most uncertain ones of all candidates."""
    labeled = world.rng.choice(POOL_ROWS, 20, replace=False)
    count = int(world.rng.integers(1, 8))
    found = world.client.select_candidates(labeled, labeled_ids=labeled, count=count, measure="margin", k=10)
    candidates = world.client.expand_candidates(labeled, labeled_ids=labeled, k=10)
    assert set(found.added.ids.tolist()) == set(candidates.ids.tolist()), (
        "a round expands as expand_candidates does"
    )
    logits = world.network.logits(world.pool)
    values = uncertainty("margin", softmax(logits, world.temperature(found.model.version)))
    place = {int(row): at for at, row in enumerate(candidates.ids)}
    check_best(values[candidates.ids], [place[int(row)] for row in found.ids], count)


def describe(world: World) -> None:
    """The models, and what is beside them."""
    listed = world.client.models()
    assert not listed.failed
    versions = {model.version for model in listed.models}
    assert versions, "no model is listed"
    assert versions <= set(range(1, world.newest + 1))
    model = world.client.model()
    assert (model.class_count, model.embedding_width) == (CLASSES, HIDDEN)
    pool, reference = world.client.pool(), world.client.reference()
    assert (pool.row_count, pool.dimension, pool.index_kind) == (POOL_ROWS, HIDDEN, "flat")
    assert reference.row_count == REFERENCE_ROWS


def test_drift(world: World) -> None:
    """Counts are those of NumPy, the order of rows is none of its business, and what is far off is found."""
    shift = float(world.rng.choice([0.0, 3.0]))
    x = world.rows(int(world.rng.integers(300, 800)), shift=shift)
    report = world.client.test_drift(x)
    assert report.row_count == len(x)
    (predicted,) = [column for column in report.columns if column.kind == "categorical"]
    classes = world.network.logits(world.network.embeddings(x)).argmax(axis=1)
    assert _near(predicted.window_counts[:CLASSES], np.bincount(classes, minlength=CLASSES)), predicted
    for column in report.columns:
        assert sum(column.window_counts) in (0, len(x)), column.name
    assert report.drifted or not shift, "a shift by three standard deviations is not found"
    again = world.client.test_drift(world.rng.permutation(x))
    if again.model == report.model:  # versions differ in how sure they are
        effects = [{column.name: column.effect for column in each.columns} for each in (report, again)]
        check_equal(list(effects[0].values()), [effects[1][name] for name in effects[0]], "the order of rows")


def watch_drift(world: World) -> None:
    """Each window has its own rows, however the stream is cut."""
    x = world.rows(int(world.rng.integers(WINDOW_ROWS, 3 * WINDOW_ROWS)))
    reports = list(
        world.client.watch_drift(
            cut(x, world.rng), window_rows=WINDOW_ROWS, every_batch=True, version=world.newest
        )
    )
    assert reports[-1].rows_seen == len(x)
    windows = [report.window for report in reports if report.window is not None]
    assert [window.first_row for window in windows] == list(range(0, len(x) - WINDOW_ROWS + 1, WINDOW_ROWS))
    classes = world.network.logits(world.network.embeddings(x)).argmax(axis=1)
    for window in windows:
        (predicted,) = [column for column in window.columns if column.kind == "categorical"]
        rows = classes[window.first_row : window.first_row + WINDOW_ROWS]
        assert _near(predicted.window_counts[:CLASSES], np.bincount(rows, minlength=CLASSES)), predicted


def _near(counts: tuple[int, ...], wanted: np.ndarray) -> bool:
    """Up to a row on the border of two classes."""
    return int(np.abs(np.array(counts) - wanted).sum()) <= 2
