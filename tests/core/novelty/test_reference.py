"""Novelty of rows beside a reference: what it holds, what it says of rows, and how often it errs."""

import io

import numpy as np
import pytest
from scipy.special import softmax

from assayd_server.core.novelty import (
    VERDICTS,
    NoveltyMeasure,
    NoveltyReference,
    Outputs,
    fit_novelty,
    row_novelty,
    verdicts,
)
from assayd_server.core.novelty.conformal import Calibration
from assayd_server.core.novelty.gaussians import distance_terms
from assayd_server.core.novelty.logit_novelty import energy, gen_of_logits, max_logit, msp_of_logits
from assayd_server.core.novelty.vim import vim

M = NoveltyMeasure
NAN, INF = np.nan, np.inf
WIDTH, CLASSES = 16, 4
CENTERS = 2 * np.random.default_rng(99).normal(size=(CLASSES, WIDTH))


def outputs_of(row_count: int, *, seed: int, spread: float = 1.0, step: float = 0.0) -> Outputs:
    """Rows about one of four centres, and logits of a linear head that are surer of the nearer ones."""
    random = np.random.default_rng(seed)
    centers = CENTERS[random.integers(CLASSES, size=row_count)]
    embeddings = (centers + spread * random.normal(size=(row_count, WIDTH)) + step).astype(np.float32)
    logits = embeddings @ (CENTERS.T / 4).astype(np.float32) - ((CENTERS**2).sum(axis=1) / 8).astype(np.float32)
    return Outputs(logits=logits, embeddings=embeddings)


def predicted(outputs: Outputs) -> np.ndarray:
    scores = outputs.probabilities if outputs.logits is None else outputs.logits
    assert scores is not None
    return scores.argmax(axis=1)


def reference_of(fit: Outputs, calibration: Outputs) -> NoveltyReference:
    return fit_novelty(fit, predicted(fit), calibration, predicted(calibration))


REFERENCE = reference_of(outputs_of(600, seed=1), outputs_of(800, seed=2))


def test_a_reference_has_every_measure_that_its_outputs_allow() -> None:
    assert REFERENCE.measures == tuple(M)
    assert REFERENCE.combined == (M.RELATIVE_MAHALANOBIS, M.GEN)


def test_each_score_is_that_of_its_formula() -> None:
    rows = outputs_of(50, seed=3)
    assert rows.logits is not None
    assert rows.embeddings is not None
    found = row_novelty(REFERENCE, rows, tuple(M))
    assert {*found} == {*M}
    fitted = REFERENCE.fitted
    assert fitted.gaussians
    assert fitted.vim
    terms = distance_terms(fitted.gaussians, rows.embeddings, with_outside=True)
    expected = {
        M.MSP: msp_of_logits(rows.logits),
        M.MAX_LOGIT: max_logit(rows.logits),
        M.ENERGY: energy(rows.logits),
        M.GEN: gen_of_logits(rows.logits),
        M.MAHALANOBIS: terms.mahalanobis,
        M.DOMAIN: terms.domain,
        M.RELATIVE_MAHALANOBIS: terms.relative_mahalanobis,
        M.VIM: vim(fitted.vim, rows.embeddings, rows.logits),
    }
    for measure, values in expected.items():
        np.testing.assert_allclose(found[measure].scores, values, rtol=1e-4, atol=1e-4, err_msg=measure)
    parts = [found[part].p_values for part in REFERENCE.combined]
    np.testing.assert_allclose(found[M.COMBINED].scores, -np.log(np.prod(parts, axis=0)) / 2, rtol=1e-6)
    for novelty in found.values():
        assert novelty.scores.dtype == np.float32
        assert ((novelty.p_values > 0) & (novelty.p_values <= 1)).all()


def test_only_what_is_asked_for_is_answered() -> None:
    rows = outputs_of(5, seed=3)
    assert list(row_novelty(REFERENCE, rows, [M.COMBINED])) == [M.COMBINED]
    assert row_novelty(REFERENCE, rows, []) == {}


def test_strange_rows_have_the_smallest_p_values_by_every_measure() -> None:
    healthy, strange = outputs_of(500, seed=4), outputs_of(500, seed=5, spread=0.1)
    assert strange.embeddings is not None
    between = Outputs(
        logits=np.zeros((500, CLASSES), np.float32), embeddings=np.float32(3) - 2 * strange.embeddings
    )
    for measure in M:
        usual, odd = (row_novelty(REFERENCE, rows, [measure])[measure].p_values for rows in (healthy, between))
        assert odd.mean() < usual.mean(), measure


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_verdict_calls_a_declared_share_of_healthy_rows_novel(alpha: float) -> None:
    """Averaged over references, of rows that they have not seen."""
    rates, by_class = [], []
    for seed in range(30):
        reference = reference_of(outputs_of(300, seed=1000 + seed), outputs_of(500, seed=2000 + seed))
        rows = outputs_of(1000, seed=3000 + seed)
        found = row_novelty(reference, rows, [M.COMBINED, M.DOMAIN])
        judged = verdicts(found[M.COMBINED].p_values, found[M.DOMAIN].p_values, alpha)
        rates.append(np.mean(judged != VERDICTS.index("known")))
        own = row_novelty(reference, rows, [M.COMBINED], classes=predicted(rows))[M.COMBINED].p_values
        by_class.append([np.mean(own[predicted(rows) == one] <= alpha) for one in range(CLASSES)])
    assert 0.85 * alpha < np.mean(rates) < 1.1 * alpha
    means = np.mean(by_class, axis=0)  # of some 100 rows each: p-values come in steps of a hundredth
    assert ((means > 0.6 * alpha) & (means < 1.1 * alpha)).all()


def test_rows_far_from_everything_are_anomalies_and_rows_between_the_classes_are_novel() -> None:
    between = Outputs(
        logits=np.zeros((100, CLASSES), np.float32),
        embeddings=np.tile(CENTERS.mean(axis=0), (100, 1)).astype(np.float32),
    )
    far = Outputs(logits=between.logits, embeddings=-40 * outputs_of(100, seed=6).embeddings)  # type: ignore[operator]
    for rows, verdict in ((between, "novel"), (far, "anomaly")):
        found = row_novelty(REFERENCE, rows, [M.COMBINED, M.DOMAIN])
        judged = verdicts(found[M.COMBINED].p_values, found[M.DOMAIN].p_values, 0.05)
        assert {VERDICTS[code] for code in judged} == {verdict}


def test_a_reference_survives_a_file_without_pickles() -> None:
    file = io.BytesIO()
    np.savez(file, **REFERENCE.arrays(), other=np.zeros(3))
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        found = NoveltyReference.from_arrays(dict(arrays))
    rows = outputs_of(40, seed=7)
    one, other = (row_novelty(reference, rows, tuple(M)) for reference in (REFERENCE, found))
    for measure in M:
        np.testing.assert_array_equal(one[measure].p_values, other[measure].p_values)
    assert found.arrays().keys() == REFERENCE.arrays().keys()


def test_a_file_that_lacks_an_array_or_has_an_unknown_measure_is_no_reference() -> None:
    arrays = REFERENCE.arrays()
    for name in ("gaussians.means", "neighbors.directions", "vim.factor", "calibration.gen.scores"):
        rest = {other: array for other, array in arrays.items() if other != name} | {
            f"{name.rpartition('.')[0]}.x": np.zeros(1)
        }
        with pytest.raises(KeyError):
            NoveltyReference.from_arrays(rest)
    with pytest.raises(ValueError, match="unheard"):
        NoveltyReference.from_arrays({**arrays, "calibration.unheard.scores": np.zeros(1)})


def test_probabilities_alone_are_a_reference_too() -> None:
    def probabilities(seed: int) -> Outputs:
        return Outputs(probabilities=softmax(outputs_of(300, seed=seed).logits, axis=1))

    reference = reference_of(probabilities(1), probabilities(2))
    assert reference.measures == (M.MSP, M.GEN, M.COMBINED)
    found = row_novelty(NoveltyReference.from_arrays(reference.arrays()), probabilities(3), reference.measures)
    logits = row_novelty(reference, outputs_of(300, seed=3), [M.COMBINED])[M.COMBINED]
    np.testing.assert_allclose(found[M.COMBINED].p_values, logits.p_values, atol=0.01)


def test_an_embedding_alone_is_a_reference_too() -> None:
    fit, calibration, rows = (Outputs(embeddings=outputs_of(300, seed=seed).embeddings) for seed in (1, 2, 3))
    none = np.zeros(300, int)
    reference = fit_novelty(fit, none, calibration, none)
    assert reference.combined == (M.MAHALANOBIS,)
    assert reference.measures == (M.KNN, M.MAHALANOBIS, M.DOMAIN, M.COMBINED)
    for novelty in row_novelty(reference, rows, reference.measures).values():
        assert np.isfinite(novelty.p_values).all()


def test_rows_that_are_not_valid_have_neither_score_nor_p_value_and_spoil_no_other() -> None:
    rows = outputs_of(6, seed=8)
    expected = row_novelty(REFERENCE, rows, tuple(M))
    assert rows.logits is not None
    assert rows.embeddings is not None
    rows.embeddings[1, 0], rows.logits[2, 0], rows.embeddings[4, 1] = NAN, NAN, INF
    found = row_novelty(REFERENCE, rows, tuple(M), classes=predicted(rows))
    assert np.isnan(found[M.COMBINED].p_values).tolist() == [False, True, True, False, True, False]
    assert np.isnan(found[M.ENERGY].scores).tolist() == [False, False, True, False, False, False]
    assert np.isnan(found[M.KNN].scores).tolist() == [False, True, False, False, True, False]
    for measure in M:
        np.testing.assert_array_equal(found[measure].scores[[0, 3, 5]], expected[measure].scores[[0, 3, 5]])


def test_rows_that_are_no_probabilities_have_no_score() -> None:
    rows = softmax(outputs_of(4, seed=8).logits, axis=1)
    reference = reference_of(Outputs(probabilities=rows), Outputs(probabilities=rows))
    odd = rows.copy()
    odd[0], odd[1, 0], odd[2] = 2 * odd[0], NAN, [-0.5, 0.5, 0.5, 0.5]
    found = row_novelty(reference, Outputs(probabilities=odd), [M.MSP, M.GEN])
    for novelty in found.values():
        assert np.isnan(novelty.scores).tolist() == [True, True, True, False]


def test_a_row_too_strange_for_numbers_is_the_strangest_and_not_invalid() -> None:
    rows = outputs_of(3, seed=8)
    assert rows.embeddings is not None
    rows.embeddings[1] *= np.float32(1e36)
    found = row_novelty(REFERENCE, rows, [M.MAHALANOBIS, M.RELATIVE_MAHALANOBIS, M.DOMAIN, M.VIM])
    for measure, novelty in found.items():
        assert np.isfinite(novelty.scores).all()
        assert novelty.p_values[1] == REFERENCE.calibrations[measure].p_value_min


def test_calibration_rows_that_are_not_valid_are_left_out_for_every_measure() -> None:
    calibration = outputs_of(50, seed=2)
    assert calibration.logits is not None
    assert calibration.embeddings is not None
    calibration.logits[0, 0], calibration.embeddings[1, 0] = NAN, NAN
    reference = reference_of(outputs_of(300, seed=1), calibration)
    assert {len(one.scores) for one in reference.calibrations.values()} == {48}


def test_without_a_row_to_calibrate_with_there_is_no_reference() -> None:
    calibration = Outputs(logits=np.full((3, CLASSES), NAN), embeddings=np.zeros((3, WIDTH)))
    with pytest.raises(ValueError, match="no row of the calibration"):
        fit_novelty(outputs_of(30, seed=1), np.zeros(30, int), calibration, np.zeros(3, int))


def test_neighbours_may_be_looked_for_among_other_rows() -> None:
    fit, calibration = outputs_of(100, seed=1), outputs_of(100, seed=2)
    train = outputs_of(250, seed=9).embeddings
    reference = fit_novelty(fit, predicted(fit), calibration, predicted(calibration), neighbors=train)
    assert reference.fitted.neighbors
    assert len(reference.fitted.neighbors.directions) == 250


def test_the_temperature_is_that_of_the_probabilities() -> None:
    rows = outputs_of(20, seed=3)
    assert rows.logits is not None
    warm = Outputs(logits=rows.logits, embeddings=rows.embeddings, temperature=2.0)
    found = row_novelty(REFERENCE, warm, [M.MSP, M.ENERGY])
    np.testing.assert_allclose(found[M.MSP].scores, 1 - softmax(rows.logits / 2, axis=1).max(axis=1), rtol=1e-4)
    np.testing.assert_allclose(found[M.ENERGY].scores, energy(rows.logits, 2.0), rtol=1e-6)


def test_a_calibration_may_be_of_one_row() -> None:
    calibration = Calibration(np.array([1.0], np.float32), np.array([0], np.int32))
    assert calibration.p_values(np.array([0.5, 2.0], np.float32)).tolist() == [1, 0.5]
