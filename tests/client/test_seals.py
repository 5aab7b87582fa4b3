"""A labelling loop against a real server: its rounds by brute force, restarts, and labels that come in parts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy

import brute_force
import onnx_models
import pools
from assayd import Client, FailedPreconditionError, InvalidArgumentError, NotFoundError
from assayd.seals import Loop
from assayd.testing import Server

Serve = Callable[..., Server]

RNG = np.random.default_rng(6)
CENTRES = RNG.normal(0, 2, (12, 4))
CLASSES = RNG.integers(0, 12, 400)
VECTORS = (CENTRES[CLASSES] + RNG.normal(size=(400, 4))).astype(np.float32)
CLASSES %= 3
NUMBERS = RNG.permutation(400) + 50
TEXTS = np.array([f"bild-{number}-é" for number in NUMBERS], object)
K, COUNT = 9, 6


@pytest.fixture(params=["numbers", "texts"])
def names(request: pytest.FixtureRequest) -> np.ndarray:
    return NUMBERS if request.param == "numbers" else TEXTS


@pytest.fixture
def server(serve: Serve, tmp_path: Path, names: np.ndarray) -> Server:
    ids = names if names is NUMBERS else names.astype(str)
    return serve(onnx_models.identity(), pool=pools.write_pool(tmp_path / "pool", VECTORS, ids=ids))


@pytest.fixture
def client(server: Server) -> Client:
    return server.client()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "loop.json"


def truth(names: np.ndarray) -> dict[Any, int]:
    return dict(zip(names.tolist(), CLASSES.tolist(), strict=True))


def centroids(vectors: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A head that knows nothing but the means of the classes, as a user's own might."""
    means = np.array([vectors[labels == each].mean(axis=0) for each in range(3)])
    return means.astype(np.float32), (-(means**2).sum(axis=1) / 2).astype(np.float32)


def two_means(vectors: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, None]:
    return np.array([vectors[labels == each].mean(axis=0) for each in (1, 2)]), None


@pytest.fixture
def make(client: Client, names: np.ndarray, path: Path) -> Callable[..., Loop]:
    """Begin a loop, or go on with it: make(**arguments of Loop)."""
    known = truth(names)
    seeds = {names[row]: CLASSES[row] for each in range(3) for row in np.flatnonzero(each == CLASSES)[:2]}

    def made(**given: Any) -> Loop:
        wanted = {
            "label": lambda ids: [known[each] for each in ids],
            "train": centroids,
            "path": path,
            "seed_labels": seeds,
            "count": COUNT,
            "k": K,
        }
        return Loop(client, **{**wanted, **given})

    return made


def brute_rounds(seeds: list[int], rounds: int) -> list[set[int]]:
    """The rows of each batch, by a union of nearest neighbours and a full sort."""
    labeled, batches = list(seeds), []
    nearest = brute_force.nearest(VECTORS, VECTORS, K, own=np.arange(len(VECTORS)))
    for _ in range(rounds):
        candidates = sorted(set(nearest[labeled].ravel().tolist()) - set(labeled))
        weights, bias = centroids(VECTORS[labeled], CLASSES[labeled])
        scores = entropy(softmax(VECTORS[candidates].astype(np.float64) @ weights.T + bias, axis=1), axis=1)
        chosen = [candidates[place] for place in np.argsort(-scores, kind="stable")[:COUNT]]
        labeled += chosen
        batches.append(set(chosen))
    return batches


def test_rounds_are_those_of_brute_force(make: Callable[..., Loop], names: np.ndarray) -> None:
    loop = make()
    row_of = {name: row for row, name in enumerate(names.tolist())}
    expected = brute_rounds([row_of[each] for each in loop.labels], 20)
    for batch in expected:
        assert {row_of[each] for each in loop.next_batch().tolist()} == batch
        assert loop.round() == COUNT
    assert loop.round_count == 20
    assert loop.labels.items() <= truth(names).items()


def test_a_loop_that_starts_anew_before_each_step_goes_as_one_that_runs_through(
    make: Callable[..., Loop], names: np.ndarray
) -> None:
    through = make(path=None, diversity="stochastic", random_share=0.3, seed=3)
    assert through.run(5) == 5 * COUNT
    for _ in range(5):
        batch = make(diversity="stochastic", random_share=0.3, seed=3).next_batch()
        half = {each: truth(names)[each] for each in batch[: COUNT // 2].tolist()}
        assert make().add_labels(half) == COUNT // 2
        again = make()
        assert again.next_batch().tolist() == batch[COUNT // 2 :].tolist()
        assert again.selection is None
        again.add_labels({each: truth(names)[each] for each in again.next_batch().tolist()})
    resumed = make()
    assert list(resumed.labels.items()) == list(through.labels.items())
    assert resumed.round_count == through.round_count == 5
    for mine, others in zip(
        resumed.candidates.columns().values(), through.candidates.columns().values(), strict=True
    ):
        np.testing.assert_array_equal(mine, others)


def test_a_batch_stands_until_it_is_labelled_and_costs_no_call(make: Callable[..., Loop], server: Server) -> None:
    loop = make()
    batch = loop.next_batch().tolist()
    server.drain()
    assert loop.next_batch().tolist() == batch
    assert loop.add_labels(dict.fromkeys(batch[1:], 0)) == COUNT - 1
    assert loop.next_batch().tolist() == batch[:1]
    assert make().next_batch().tolist() == batch[:1]


def test_what_is_released_is_a_candidate_again(make: Callable[..., Loop], path: Path) -> None:
    loop = make()
    batch = loop.next_batch().tolist()
    loop.release()
    assert make().next_batch().tolist() == batch
    assert set(batch) <= set(loop.candidates.ids.tolist())


def test_what_the_label_function_leaves_out_is_released(make: Callable[..., Loop]) -> None:
    loop = make(label=lambda ids: {ids[0]: 1})
    assert loop.round() == 1
    assert len(loop.next_batch()) == COUNT
    loop = make(label=lambda ids: [None, *[2] * (len(ids) - 1)])
    assert loop.round() == COUNT - 1


def test_a_round_without_a_label_ends_the_run(make: Callable[..., Loop]) -> None:
    calls = []
    loop = make(label=lambda ids: calls.append(ids) or {})
    assert loop.run(5) == 0
    assert len(calls) == 1


def test_a_run_ends_where_no_candidate_is_left(make: Callable[..., Loop]) -> None:
    loop = make(count=1000, k=399)
    assert loop.run(10) == 394
    assert len(loop.next_batch()) == 0
    assert len(loop.candidates) == 0
    assert loop.round_count == 2  # the second one found nothing


def test_many_labels_to_begin_with_are_searched_in_pieces(
    make: Callable[..., Loop], client: Client, names: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = {names[row]: CLASSES[row] for row in range(30)}
    whole = make(seed_labels=seeds, path=None)
    expected = whole.next_batch().tolist()
    monkeypatch.setattr("assayd.seals._EXPANDED_MAX", 10)
    cut = make(seed_labels=seeds, path=None)
    assert cut.next_batch().tolist() == expected
    assert sorted(cut.candidates.ids.tolist()) == sorted(whole.candidates.ids.tolist())
    with_default_k = Loop(client, seed_labels=seeds, train=centroids, count=400)
    assert len(with_default_k.next_batch()) > len(cut.candidates)


def test_labels_of_which_a_call_takes_fewer_are_searched_in_pieces(serve: Serve, tmp_path: Path) -> None:
    """Three exact searches at once are what 2^20 operations allow in a pool of 70,000 rows of 4 numbers."""
    vectors = RNG.normal(size=(70_000, 4)).astype(np.float32)
    pool = pools.write_pool(tmp_path / "large", vectors)
    seeds = dict.fromkeys(range(20), 1) | dict.fromkeys(range(20, 40), 2)
    of_one_call, of_many = (
        Loop(serve(onnx_models.identity(), pool=pool, **limits).client(), seed_labels=seeds, train=two_means, k=5)
        for limits in ({}, {"search_operations_max": 2**20})
    )
    assert of_many.next_batch().tolist() == of_one_call.next_batch().tolist()
    assert sorted(of_many.candidates.ids.tolist()) == sorted(of_one_call.candidates.ids.tolist())


def test_a_refusal_that_fewer_labels_do_not_help_with_is_told(serve: Serve, tmp_path: Path) -> None:
    server = serve(
        onnx_models.identity(), pool=pools.write_pool(tmp_path / "other", VECTORS), message_bytes_max=65536
    )
    loop = Loop(server.client(), seed_labels={0: 1, 1: 2}, train=two_means, count=10_000)
    with pytest.raises(InvalidArgumentError, match="new_ids: 2 are too many: the answer could be larger"):
        loop.next_batch()


def test_everything_may_be_labelled_at_once(
    make: Callable[..., Loop], names: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assayd.seals._EXPANDED_MAX", 100)
    loop = make(seed_labels=truth(names))
    assert len(loop.next_batch()) == 0


def test_vectors_are_fetched_once(
    make: Callable[..., Loop], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[Any] = []
    fetch = client.pool_vectors
    monkeypatch.setattr(client, "pool_vectors", lambda ids, **named: fetched.extend(ids) or fetch(ids, **named))
    loop = make()
    loop.run(4)
    loop.next_batch()
    assert len(fetched) == len(set(fetched)) == 6 + 4 * COUNT
    assert set(fetched) == loop.labels.keys()


def test_a_head_that_was_not_trained_leaves_it_to_the_models_own_last_layer(serve: Serve, tmp_path: Path) -> None:
    vectors = np.abs(RNG.normal(size=(50, 32))).astype(np.float32)
    server = serve(onnx_models.network(), pool=pools.write_pool(tmp_path / "pool", vectors))
    batches = [
        Loop(server.client(), train=train, seed_labels={3: "a"}, count=5, k=20).next_batch().tolist()
        for train in (None, lambda _vectors, _labels: None)
    ]
    assert batches[0] == batches[1]
    assert len(batches[0]) == 5


@pytest.mark.parametrize("shape", [(1, 4), (4,)])
@pytest.mark.parametrize("bias", [None, 0.5, [0.5]])
def test_a_head_of_one_row_tells_two_classes_apart(
    make: Callable[..., Loop], shape: tuple[int, ...], bias: Any
) -> None:
    weights = np.array([0.5, -1, 2, 0.25])
    both = (np.stack([0 * weights, weights]), [0, 0.5 if bias is not None else 0])
    one = make(path=None, train=lambda _vectors, _labels: (weights.reshape(shape), bias))
    two = make(path=None, train=lambda _vectors, _labels: both)
    assert one.next_batch().tolist() == two.next_batch().tolist()
    np.testing.assert_allclose(one.selection.scores, two.selection.scores, rtol=1e-6)


def test_a_label_may_be_put_right(make: Callable[..., Loop], names: np.ndarray) -> None:
    loop = make()
    seed = next(iter(loop.labels))
    batch = loop.next_batch().tolist()
    assert loop.add_labels({seed: 2}) == 0
    assert loop.labels[seed] == 2
    assert make().labels[seed] == 2  # a seed does not put it back
    assert loop.next_batch().tolist() == batch


def test_other_rows_of_the_pool_may_be_labelled_too(make: Callable[..., Loop], names: np.ndarray) -> None:
    loop = make()
    other = next(each for each in names.tolist() if each not in loop.labels)
    assert loop.add_labels({other: 1}) == 1
    assert other not in loop.next_batch().tolist()


def test_labels_of_every_kind_come_back_from_the_file(make: Callable[..., Loop], names: np.ndarray) -> None:
    given = dict(zip(names.tolist(), ["ä", 3, 2.5, True, np.int64(4), np.float32(0.5)], strict=False))
    make(seed_labels=given)
    kept = make(seed_labels=None).labels
    assert kept == given
    assert list(map(type, kept.values())) == [str, int, float, bool, int, float]
    assert list(map(type, kept)) == [type(names.tolist()[0])] * 6


@pytest.mark.parametrize(
    ("labels", "field", "message"),
    [
        ({"no such row": 1}, "labels", "labels: are text and those of before numbers, a pool has ids of one kind"),
        ({1.5: 1}, "labels", "labels: has an element of type float"),
        ({NUMBERS.tolist()[0]: [1]}, "labels", "labels: has [1], allowed are text, numbers and truth values"),
    ],
)
@pytest.mark.parametrize("names", ["numbers"], indirect=True)
def test_what_is_no_label_is_refused_and_nothing_is_recorded(
    make: Callable[..., Loop], labels: dict[Any, Any], field: str, message: str
) -> None:
    loop = make()
    before = loop.labels
    with pytest.raises(InvalidArgumentError) as caught:
        loop.add_labels(labels)
    assert caught.value.message.startswith(message)
    assert caught.value.field == field
    assert loop.labels == make().labels == before


def test_a_row_that_the_pool_does_not_have_is_refused_and_nothing_is_recorded(
    make: Callable[..., Loop], names: np.ndarray, path: Path
) -> None:
    unknown = 7 if names is NUMBERS else "zz"
    with pytest.raises(NotFoundError, match=f"{unknown!r} is not an id of the pool"):
        make(seed_labels={unknown: 1})
    assert not path.exists()


def test_labels_for_another_number_of_rows_are_refused(make: Callable[..., Loop]) -> None:
    loop = make(label=lambda _ids: [1])
    with pytest.raises(InvalidArgumentError, match=f"label: gave 1 labels for {COUNT} rows"):
        loop.round()


def test_a_loop_without_labels_says_how_to_begin(make: Callable[..., Loop]) -> None:
    with pytest.raises(InvalidArgumentError, match="labels: there are none yet, begin with seed_labels") as caught:
        make(seed_labels=None).next_batch()
    assert caught.value.field == "labels"


def test_a_round_without_a_label_function_is_refused(make: Callable[..., Loop]) -> None:
    with pytest.raises(InvalidArgumentError, match="label: was not given, round and run need it"):
        make(label=None).run(1)


def test_a_head_that_is_none_is_refused_where_it_is_sent(make: Callable[..., Loop]) -> None:
    with pytest.raises(InvalidArgumentError, match=r"head: must be \(weights, bias\), got 3 parts"):
        make(train=lambda _vectors, _labels: (1, 2, 3)).next_batch()


@pytest.mark.parametrize(
    ("given", "field"),
    [({"count": 0}, "count"), ({"measure": "bald"}, "measure"), ({"head": (1, 2)}, "head"), ({"k": 0}, "k")],
)
def test_what_no_round_can_be_is_refused_at_once(
    make: Callable[..., Loop], given: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        make(**given)
    assert caught.value.field == field


def test_a_file_in_no_folder_is_refused_at_once(make: Callable[..., Loop], tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"path: there is no folder .*nowhere"):
        make(path=tmp_path / "nowhere" / "loop.json")


def test_a_file_about_another_pool_is_refused(
    make: Callable[..., Loop], serve: Serve, tmp_path: Path, path: Path
) -> None:
    make().next_batch()
    other = serve(onnx_models.identity(), pool=pools.write_pool(tmp_path / "other", VECTORS[::-1]))
    loop = Loop(other.client(), train=centroids, path=path, count=COUNT, k=K)
    loop.release()
    with pytest.raises(
        FailedPreconditionError, match=r"pool: .*loop.json is about sha256:.*, the server has"
    ) as caught:
        loop.next_batch()
    assert (caught.value.reason, caught.value.field) == ("POOL_DIFFERS", "pool")


def test_a_pool_other_than_the_named_one_is_refused(make: Callable[..., Loop]) -> None:
    with pytest.raises(FailedPreconditionError, match=r"pool: .* is about sha256:mine, the server has"):
        make(pool_digest="sha256:mine", model="m", version=1)
