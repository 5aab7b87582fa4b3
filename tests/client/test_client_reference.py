"""Novelty and drift by a real server: both clients, batches that are cut, tables, and what goes wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import onnx_models
import references
from assayd import (
    ChannelSettings,
    Client,
    DriftReport,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    Scores,
)
from assayd.testing import Server

Connect = Callable[..., Client]

RNG = np.random.default_rng(0)
CENTRES = 6 * np.eye(4)
ALL = [
    "combined",
    "msp",
    "max_logit",
    "energy",
    "gen",
    "mahalanobis",
    "relative_mahalanobis",
    "knn",
    "vim",
    "domain",
]


def healthy(count: int) -> np.ndarray:
    """Rows around four centres; logits are the rows, the embedding is twice that."""
    return (CENTRES[RNG.integers(0, 4, count)] + RNG.normal(0, 0.5, (count, 4))).astype(np.float32)


FIT, WINDOW = healthy(3000), healthy(120)
STRANGE = np.array([[3, 3, 0, 0], [90, 90, 90, -90]], np.float32)
X = np.concatenate([WINDOW, np.repeat(STRANGE, 5, axis=0)])
MODEL = onnx_models.identity()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    labels = FIT.argmax(axis=1)
    return references.write_reference(tmp_path_factory.mktemp("reference"), MODEL, FIT, labels=labels)


@pytest.fixture
def server(serve: Callable[..., Server], reference: Path) -> Server:
    return serve(MODEL, reference=reference)


@pytest.fixture
def client(server: Server, connect: Connect) -> Client:
    return connect(server)


def assert_same(left: Scores, right: Scores) -> None:
    assert left.novelty is not None
    assert right.novelty is not None
    assert left.novelty.verdicts.tolist() == right.novelty.verdicts.tolist()
    for name in ("discoveries", "p_class", "p_domain"):
        np.testing.assert_array_equal(getattr(left.novelty, name), getattr(right.novelty, name))
    for name, values in right.novelty.scores.items():
        np.testing.assert_allclose(left.novelty.scores[name], values, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(left.novelty.p_values[name], right.novelty.p_values[name])


def test_every_measure_comes_with_a_p_value_for_each_row(client: Client) -> None:
    novelty = client.score(X, novelty=ALL).novelty
    assert list(novelty.scores) == list(novelty.p_values) == ALL
    for name in ALL:
        assert novelty.scores[name].shape == novelty.p_values[name].shape == (len(X),)
        assert ((novelty.p_values[name] > 0) & (novelty.p_values[name] <= 1)).all()
    assert novelty.reference_digest == client.reference().digest


def test_rows_are_known_novel_or_anomalies(client: Client) -> None:
    novelty = client.score(X, novelty="combined").novelty
    assert (novelty.verdicts[: len(WINDOW)] == "known").mean() > 0.85
    assert novelty.verdicts[len(WINDOW) :].tolist()[::5] == ["novel", "anomaly"]
    assert novelty.discoveries[len(WINDOW) :].all()
    assert novelty.alpha == 0.05


def test_a_batch_that_is_cut_is_judged_as_it_is_uncut(server: Server, connect: Connect) -> None:
    rows = np.concatenate([X, np.full((1, 4), np.nan, np.float32)])
    whole = connect(server).score(rows, novelty=ALL, novelty_alpha=0.1)
    cut = connect(server, settings=ChannelSettings(rows_max=7)).score(rows, novelty=ALL, novelty_alpha=0.1)
    assert whole.novelty.verdicts[-1] == ""
    assert_same(cut, whole)


def test_scores_of_a_stream_are_judged_batch_by_batch(client: Client) -> None:
    batches = list(client.score_stream(np.array_split(X, 3), novelty=["combined"]))
    assert_same(batches[2], client.score(np.array_split(X, 3)[2], novelty=["combined"]))


def test_logits_have_a_novelty_too(client: Client) -> None:
    by_logits = client.score(logits=X, model="m", novelty=["gen"]).novelty
    np.testing.assert_allclose(by_logits.p_values["gen"], client.score(X, novelty=["gen"]).novelty.p_values["gen"])


def test_a_model_without_a_reference_has_neither_novelty_nor_drift(
    serve: Callable[..., Server], connect: Connect
) -> None:
    client = connect(serve(MODEL))
    calls = (
        lambda: client.score(X, novelty=["gen"]),
        lambda: client.test_drift(X),
        client.reference,
    )
    for call in calls:
        with pytest.raises(FailedPreconditionError) as caught:
            call()
        assert caught.value.reason == "NO_REFERENCE"


def test_a_model_that_there_is_not_has_no_reference(client: Client) -> None:
    with pytest.raises(NotFoundError):
        client.reference("other")


def drifted(report: DriftReport) -> set[str]:
    return {column.name for column in report.columns if column.drifted}


def test_a_window_of_healthy_rows_has_not_drifted(client: Client) -> None:
    report = client.test_drift(WINDOW)
    assert (report.drifted, drifted(report), report.row_count) == (False, set(), len(WINDOW))
    assert (report.alpha, report.delta, report.sampled_from) == (0.01, 0.1, None)
    assert sum(report.class_shares.values()) == pytest.approx(1)
    assert set(report.class_shifts) == {"0", "1", "2", "3"}
    assert str(report).startswith("no drift in 9 columns: 120 rows against the reference of m version 1")


def test_a_window_that_has_moved_has_drifted(client: Client) -> None:
    report = client.test_drift(WINDOW + 2, alpha=0.05, delta=0.2)
    assert report.drifted
    assert report.columns[0].drifted
    assert (report.alpha, report.delta) == (0.05, 0.2)
    embedding = next(column for column in report.columns if column.kind == "embedding")
    assert (embedding.test, list(embedding.informing), embedding.bins) == ("mmd", ["hotelling"], ())
    for column in report.columns:
        assert len(column.bins) == len(column.reference_counts) == len(column.window_counts)
        assert column.drifted == (column.effect >= column.effect_min and column.p_adjusted <= 0.05)


def counts(report: DriftReport) -> dict[str, tuple[int, ...]]:
    return {column.name: column.window_counts for column in report.columns}


def test_a_table_is_tested_as_its_numbers_are(client: Client) -> None:
    table = pd.DataFrame(WINDOW, columns=list("abcd"))
    assert counts(client.test_drift(table)) == counts(client.test_drift(WINDOW))


def test_scores_and_embeddings_are_tested_without_the_model(client: Client) -> None:
    of_rows = counts(client.test_drift(WINDOW))
    assert counts(client.test_drift(logits=WINDOW, embeddings=2 * WINDOW)) == of_rows
    assert counts(client.test_drift(embeddings=2 * WINDOW)).items() < of_rows.items()
    assert counts(client.test_drift(logits=WINDOW)).keys() & {"embedding", "component_1"} == set()


def test_only_the_columns_that_are_named_are_tested(client: Client) -> None:
    assert counts(client.test_drift(WINDOW, columns=["entropy", "novelty"])).keys() == {"entropy", "novelty"}


def test_a_window_that_the_server_does_not_take_at_once_is_told_with_how_many_rows_do(
    serve: Callable[..., Server], connect: Connect, reference: Path
) -> None:
    client = connect(serve(MODEL, reference=reference, rows_max=100))
    with pytest.raises(InvalidArgumentError, match="rows: are 120, one call takes 100 of these") as caught:
        client.test_drift(WINDOW)
    assert caught.value.details == {"rows_max": "100"}
    report = client.test_drift(WINDOW, sample_rows=100, seed=5)
    assert (report.row_count, report.sampled_from) == (100, 120)


def test_a_window_that_is_too_small_is_refused(client: Client) -> None:
    with pytest.raises(InvalidArgumentError, match="rows: are 49, a window needs 50 at least") as caught:
        client.test_drift(WINDOW[:49])
    assert caught.value.field == "rows"


def test_the_reference_that_is_meant_is_the_one_that_is_compared_with(client: Client) -> None:
    digest = client.reference("m", version=1).digest
    assert client.test_drift(WINDOW, reference_digest=digest).reference_digest == digest
    with pytest.raises(FailedPreconditionError) as caught:
        client.test_drift(WINDOW, reference_digest="sha256:other")
    assert caught.value.reason == "REFERENCE_DIFFERS"


def test_a_reference_says_what_it_holds(client: Client) -> None:
    info = client.reference()
    assert (info.row_count, info.model.name, info.model_digest) == (3000, "m", client.model().digest)
    assert info.fitted_rows + info.calibration_rows == 3000
    assert set(info.novelty_measures) == set(ALL)
    entropy = next(column for column in info.columns if column.name == "entropy")
    assert (entropy.kind, len(entropy.bins), sum(entropy.counts)) == ("numeric", len(entropy.counts), 3000)
    assert info.columns[-1].kind == "embedding"


@pytest.fixture
def two_references(serve: Callable[..., Server], tmp_path: Path, reference: Path) -> list[Server]:
    """Two servers of the same model, each with another reference."""
    other = references.write_reference(tmp_path / "other", MODEL, healthy(1000))
    return [serve(MODEL, reference=path) for path in (reference, other)]


def test_replicas_with_different_references_do_not_judge_one_batch(
    two_references: list[Server], fleet: Callable[..., Client]
) -> None:
    client = fleet(*two_references, settings=ChannelSettings(rows_max=1, calls_in_flight_max=1))

    def score_often() -> None:
        for _ in range(100):  # both servers are reached sooner or later
            client.score(WINDOW[:10], novelty=["gen"])

    with pytest.raises(FailedPreconditionError, match="replicas have different references: sha256:") as caught:
        score_often()
    assert (caught.value.reason, caught.value.field) == ("REPLICAS_DISAGREE", "reference")


def test_a_reference_that_is_named_is_found_on_whichever_replica_has_it(
    two_references: list[Server], fleet: Callable[..., Client]
) -> None:
    client = fleet(*two_references)
    for digest in [server.client().reference().digest for server in two_references] * 3:
        assert client.test_drift(WINDOW, reference_digest=digest).reference_digest == digest
