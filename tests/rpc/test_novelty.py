"""Novelty of rows through the wire: the verdicts of a reference, and what is said where it has none."""

from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest
from scipy.special import logsumexp

import onnx_models
import references
from assayd.arrays import decode, encode
from assayd.errors import AssaydError, from_rpc_error
from assayd.testing import Server
from assayd.v1 import novelty_pb2, rows_pb2, scoring_pb2, scoring_pb2_grpc

Serve = Callable[..., Server]
Scored = Callable[..., scoring_pb2.ScoreResponse]

RNG = np.random.default_rng(0)
CENTRES = 6 * np.eye(4)


def healthy(count: int) -> np.ndarray:
    """Rows around four centres; logits are the rows, the embedding is twice that."""
    return (CENTRES[RNG.integers(0, 4, count)] + RNG.normal(0, 0.5, (count, 4))).astype(np.float32)


FIT = healthy(2000)
FRESH = healthy(4000)
STRANGE = np.array([[3, 3, 0, 0], [90, 90, 90, -90]], np.float32)
COMBINED, ENERGY = novelty_pb2.NOVELTY_MEASURE_COMBINED, novelty_pb2.NOVELTY_MEASURE_ENERGY
DOMAIN = novelty_pb2.NOVELTY_MEASURE_DOMAIN
KNOWN, NOVEL, ANOMALY = novelty_pb2.VERDICT_KNOWN, novelty_pb2.VERDICT_NOVEL, novelty_pb2.VERDICT_ANOMALY
MEASURES = [number for number in novelty_pb2.NoveltyMeasure.values() if number]


def inputs(rows: np.ndarray) -> rows_pb2.Rows:
    return rows_pb2.Rows(inputs=rows_pb2.Inputs(tensors=[encode(rows, "x")]))


@pytest.fixture
def server(serve: Serve, tmp_path: Path) -> Server:
    model = onnx_models.identity()
    return serve(model, reference=references.write_reference(tmp_path / "r", model, FIT))


def scored(server: Server, **fields: object) -> scoring_pb2.ScoreResponse:
    with grpc.insecure_channel(server.address) as channel:
        return scoring_pb2_grpc.ScoringServiceStub(channel).Score(scoring_pb2.ScoreRequest(**fields))


def refused(server: Server, **fields: object) -> AssaydError:
    with pytest.raises(grpc.RpcError) as caught:
        scored(server, **fields)
    return from_rpc_error(caught.value)


def test_healthy_rows_are_known_at_the_declared_rate(server: Server) -> None:
    novelty = scored(server, rows=inputs(FRESH), novelty=[COMBINED], novelty_alpha=0.05).novelty
    verdicts = decode(novelty.verdicts)
    assert 0.025 < np.mean(verdicts != KNOWN) < 0.075
    p_class = np.sort(decode(novelty.p_class))
    assert np.abs(p_class - (np.arange(4000) + 0.5) / 4000).max() < 0.05  # uniform
    assert decode(novelty.discoveries).mean() < 0.01


def test_what_lies_between_the_classes_is_novel_and_what_lies_far_off_an_anomaly(server: Server) -> None:
    novelty = scored(server, rows=inputs(np.concatenate([FRESH[:2], STRANGE])), novelty=[COMBINED]).novelty
    assert decode(novelty.verdicts)[2:].tolist() == [NOVEL, ANOMALY]
    assert (decode(novelty.p_class)[2:] < 0.01).all()
    assert decode(novelty.p_domain)[3] < 0.01
    assert decode(novelty.p_domain)[2] > 0.05
    assert novelty.alpha == 0.05


def test_known_rows_have_the_p_value_of_the_domain_only_where_it_was_asked_for(server: Server) -> None:
    rows = inputs(np.concatenate([FRESH[:500], STRANGE]))
    short = scored(server, rows=rows, novelty=[COMBINED]).novelty
    full = scored(server, rows=rows, novelty=[COMBINED, DOMAIN]).novelty
    known = decode(short.verdicts) == KNOWN
    assert np.isnan(decode(short.p_domain)[known]).all()
    np.testing.assert_allclose(decode(short.p_domain)[~known], decode(full.p_domain)[~known], atol=0.001)
    np.testing.assert_array_equal(decode(full.p_domain), decode(full.scores[1].p_values))
    np.testing.assert_array_equal(decode(short.verdicts), decode(full.verdicts))


def test_every_measure_comes_as_it_was_asked_for_and_finds_the_strangest_row(server: Server) -> None:
    novelty = scored(
        server, rows=inputs(np.concatenate([FRESH[:500], STRANGE[1:]])), novelty=[*MEASURES, COMBINED]
    ).novelty
    assert [one.measure for one in novelty.scores] == MEASURES
    for one in novelty.scores:
        values, p_values = decode(one.values), decode(one.p_values)
        assert ((p_values > 0) & (p_values <= 1)).all()
        assert np.isfinite(values).all()


def test_energy_is_that_of_a_plain_computation(server: Server) -> None:
    rows = FRESH[:50]
    (one,) = scored(server, rows=inputs(rows), novelty=[ENERGY]).novelty.scores
    np.testing.assert_allclose(decode(one.values), -logsumexp(rows.astype(np.float64), axis=1), rtol=1e-5)


def test_without_the_combined_measure_there_are_no_verdicts(server: Server) -> None:
    novelty = scored(server, rows=inputs(FRESH[:5]), novelty=[ENERGY]).novelty
    assert not novelty.HasField("verdicts")
    assert novelty.reference_digest.startswith("sha256:")


def test_logits_that_are_given_have_the_measures_of_logits(server: Server) -> None:
    rows = rows_pb2.Rows(logits=encode(FRESH[:5]))
    given = scored(server, rows=rows, novelty=[ENERGY], model=scoring_pb2.ModelSelector(name="m")).novelty
    own = scored(server, rows=inputs(FRESH[:5]), novelty=[ENERGY]).novelty
    np.testing.assert_allclose(decode(given.scores[0].values), decode(own.scores[0].values), rtol=1e-5)


def test_a_row_that_cannot_be_judged_keeps_no_other_from_it(server: Server) -> None:
    rows = FRESH[:3].copy()
    rows[1, 2] = np.nan
    novelty = scored(server, rows=inputs(rows), novelty=[COMBINED, ENERGY]).novelty
    assert decode(novelty.verdicts).tolist()[1] == novelty_pb2.VERDICT_UNSPECIFIED
    for values in (decode(novelty.p_class), decode(novelty.scores[1].values), decode(novelty.scores[1].p_values)):
        assert np.isnan(values).tolist() == [False, True, False]
    assert not decode(novelty.discoveries)[1]


def test_no_rows_have_no_novelty(server: Server) -> None:
    novelty = scored(server, rows=inputs(FRESH[:0]), novelty=[COMBINED]).novelty
    assert len(decode(novelty.verdicts)) == 0


def test_a_request_of_another_temperature_is_judged_by_that_of_the_reference(server: Server) -> None:
    plain = scored(server, rows=inputs(FRESH[:9]), novelty=[ENERGY]).novelty
    hot = scored(server, rows=inputs(FRESH[:9]), novelty=[ENERGY], temperature=5.0).novelty
    assert plain == hot


@pytest.mark.parametrize(
    ("fields", "field", "says"),
    [
        ({"novelty": [99]}, "novelty[0]", "99 is unknown"),
        ({"novelty": [0]}, "novelty[0]", "0 is unknown"),
        (
            {"novelty": [COMBINED], "novelty_alpha": 0.6},
            "novelty_alpha",
            "is 0.6, allowed are above 0 and up to 0.5",
        ),
        ({"novelty": [COMBINED], "novelty_alpha": -1}, "novelty_alpha", "is -1, allowed are"),
        ({"novelty": [COMBINED], "novelty_alpha": np.nan}, "novelty_alpha", "is nan, allowed are"),
        ({"novelty": [COMBINED] * 100}, "novelty", "has 100 entries"),
        (
            {
                "rows": rows_pb2.Rows(logits=encode(FRESH[:2])),
                "novelty": [COMBINED],
                "model": scoring_pb2.ModelSelector(name="m"),
            },
            "novelty",
            "combined needs an embedding, which these rows have not",
        ),
        ({"rows": rows_pb2.Rows(logits=encode(FRESH[:2])), "novelty": [ENERGY]}, "model", "is missing"),
        (
            {"novelty": [ENERGY], "head": rows_pb2.LinearHead(weights=encode(np.ones((2, 4))))},
            "novelty",
            "is told of inputs",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_is_said(server: Server, fields: dict, field: str, says: str) -> None:
    error = refused(server, **{"rows": inputs(FRESH[:2]), **fields})
    assert (error.status, error.field) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    assert says in error.message


def test_more_comparisons_than_the_server_makes_at_once_say_how_many_rows_are_not(
    serve: Serve, tmp_path: Path
) -> None:
    model = onnx_models.identity()
    reference = references.write_reference(tmp_path / "r", model, FIT)
    server = serve(model, reference=reference, search_operations_max=2**20)
    knn = novelty_pb2.NOVELTY_MEASURE_KNN
    error = refused(server, rows=inputs(FRESH), novelty=[knn])
    assert (error.reason, error.details["rows_max"]) == ("ANSWER_TOO_LARGE", str(2**20 // (1000 * 4)))
    found = server.client().score(FRESH, novelty=["knn"])  # which the client keeps to
    assert len(found.novelty.scores["knn"]) == 4000


def test_a_model_without_a_reference_says_how_to_make_one(serve: Serve) -> None:
    error = refused(serve(onnx_models.identity()), rows=inputs(FRESH[:2]), novelty=[ENERGY])
    assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_REFERENCE")
    assert "make one with assayd reference build" in error.message


def test_a_model_of_probabilities_alone_has_other_measures(serve: Serve, tmp_path: Path) -> None:
    model = onnx_models.softmax_only(output="probabilities")
    server = serve(model, reference=references.write_reference(tmp_path / "r", model, FIT))
    novelty = scored(server, rows=inputs(np.concatenate([FRESH[:50], STRANGE[:1]])), novelty=[COMBINED]).novelty
    assert decode(novelty.verdicts)[-1] == NOVEL
    assert np.isnan(decode(novelty.p_domain)).all()
    error = refused(server, rows=inputs(FRESH[:2]), novelty=[ENERGY])
    assert (error.status, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NO_NOVELTY")
    assert "the reference has no energy, it has msp, gen, combined" in error.message
