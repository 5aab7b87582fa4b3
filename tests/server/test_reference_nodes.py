"""A graph that says what its reference looks at says what NumPy would; and when it is not asked, or not heard."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import onnx_models
from assayd_server import servable
from assayd_server.bundle import ReferenceContent, content_of, read_folder
from assayd_server.coordinate_nodes import coordinates
from assayd_server.core.drift.layout import component_columns
from assayd_server.core.novelty import NoveltyMeasure, NoveltyReference
from assayd_server.core.novelty.logit_novelty import gen_of_logits
from assayd_server.core.novelty.scoring import novelty_scores
from assayd_server.forward import COORDINATES, NOVELTY, SOFTMAX, Forward, joined_forwards
from assayd_server.graph_extension import Ground
from assayd_server.novelty_nodes import MEASURES, novelty
from assayd_server.novelty_scoring import outputs_of
from assayd_server.plan import Plan
from assayd_server.rows import Head, Inputs
from assayd_server.scoring import scored
from assayd_server.servable import Servable
from assayd_server.wanted import Wanted
from references import write_reference

WIDTH, CLASSES = 64, 10
NETWORK = onnx_models.network(width=WIDTH, class_count=CLASSES)
COMBINED = Wanted(novelty=(NoveltyMeasure.COMBINED,))
ALL = ("logits", "embedding", SOFTMAX, COORDINATES, NOVELTY)
INF, NAN = np.inf, np.nan

Served = Callable[..., Servable]


def scaled_network(factor: float) -> bytes:
    """The same network, surer of its classes or less so."""
    model = onnx.load_from_string(NETWORK)
    for tensor in model.graph.initializer:
        if tensor.name in ("w2", "b2"):
            scaled = np.float32(factor) * onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(scaled, tensor.name))
    return model.SerializeToString()


def rows(count: int, *, scale: float = 1.0, seed: int = 0, width: int = WIDTH) -> np.ndarray:
    return (scale * np.random.default_rng(seed).normal(0, 1, (count, width))).astype(np.float32)


@pytest.fixture
def served(tmp_path: Path) -> Served:
    """Load a model with a reference of rows like those of rows()."""

    def load(content: bytes = NETWORK, **manifest: object) -> Servable:
        folder = onnx_models.write_bundle(tmp_path, content, **manifest)
        path = write_reference(tmp_path / "reference", content, rows(900, seed=7))
        reference = ReferenceContent(path, content_of(path))
        return servable.load(replace(read_folder(folder), reference=reference), threads=1)

    return load


def forward(model: Servable, x: np.ndarray, *roles: str) -> Forward:
    return model.forward({"x": x}, row_count=len(x), roles=roles or ALL)


def plan_of(model: Servable, wanted: Wanted = COMBINED) -> Plan:
    return Plan(Inputs((), 0), wanted, model)


def assert_same_novelty(model: Servable, found: Forward) -> None:
    """What is said of rows with what the graph said, and without it."""
    plan = plan_of(model)
    own, other = scored(found, plan).novelty, scored(replace(found, novelty=None), plan).novelty
    assert own is not None
    assert other is not None
    assert own.judged is not None
    assert other.judged is not None
    combined = NoveltyMeasure.COMBINED
    np.testing.assert_allclose(own.measures[combined].scores, other.measures[combined].scores, atol=0.02)
    np.testing.assert_allclose(own.judged.p_class, other.judged.p_class, atol=0.01)


@pytest.mark.parametrize("count", [1, 2, 300])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_the_scores_that_are_combined_are_those_of_numpy(served: Served, scale: float, count: int) -> None:
    model, x = served(), rows(count, scale=scale)
    found = forward(model, x)
    assert found.novelty is not None
    assert model.reference is not None
    outputs = replace(outputs_of(found, model.reference, plan_of(model).task), scores={})
    for measure, scores in novelty_scores(model.reference.novelty.fitted, outputs, MEASURES).items():
        said_so = found.novelty[measure]
        assert (said_so.shape, said_so.dtype) == ((count,), np.float32)
        size = np.abs(scores).max()
        np.testing.assert_allclose(said_so, scores, rtol=1e-4, atol=1e-5 * size)
    assert_same_novelty(model, found)


@pytest.mark.parametrize("factor", [1e-6, 0.3, 8.0, 60.0])
def test_certain_and_undecided_rows_have_the_scores_of_numpy(served: Served, factor: float) -> None:
    model = served(scaled_network(factor))
    found = forward(model, rows(200))
    assert found.novelty is not None
    assert found.logits is not None
    expected = gen_of_logits(found.logits)
    np.testing.assert_allclose(found.novelty[NoveltyMeasure.GEN], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("count", [1, 5, 200])
def test_the_coordinates_are_those_of_numpy(served: Served, count: int) -> None:
    model, x = served(), rows(count, scale=3.0)
    x[0, 0] = INF
    x[-1, 3] = NAN
    found = forward(model, x)
    assert model.reference is not None
    embedding = model.reference.drift.layout.embedding
    assert embedding is not None
    assert found.projected is not None
    assert found.embeddings is not None
    reduction = embedding.reduction
    expected = reduction.components(found.embeddings, component_columns(reduction))
    np.testing.assert_array_equal(reduction.of_projected(found.projected), expected)


@pytest.mark.parametrize("wild", [NAN, INF, -INF])
def test_of_rows_that_are_not_finite_numpy_is_asked(served: Served, wild: float) -> None:
    model, x = served(), rows(9)
    x[4, 2] = wild
    found = forward(model, x)
    assert (found.novelty, found.softmax) == (None, None)
    judged = scored(found, plan_of(model)).novelty
    assert judged is not None
    assert np.isnan(judged.measures[NoveltyMeasure.COMBINED].scores).tolist() == [row == 4 for row in range(9)]


def test_it_is_asked_for_where_novelty_is_combined_and_no_head_came(served: Served) -> None:
    model = served()
    head = Head(np.ones((2, model.contract.embedding_width), np.float32), np.zeros(2, np.float32))
    asked = {
        name: NOVELTY in plan_of(model, wanted).score_roles
        for name, wanted in {
            "combined": COMBINED,
            "gen": Wanted(novelty=(NoveltyMeasure.GEN,)),
            "none": Wanted(),
            "head": Wanted(head=head),
        }.items()
    }
    assert asked == {"combined": True, "gen": False, "none": False, "head": False}


def test_passes_that_are_not_asked_for_novelty_run_a_graph_that_does_not_say_it(served: Served) -> None:
    model = served()
    plain, judging = (model._asked_of(roles).model for roles in (("logits", SOFTMAX), ALL))
    assert plain is not judging


def test_a_large_model_is_not_loaded_twice(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servable, "BYTES_MAX", len(NETWORK) - 1)
    assert set(served().said) == {SOFTMAX, COORDINATES}


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_novelty_is_said_at_the_temperature_of_the_reference_alone(served: Served, temperature: float) -> None:
    assert (NOVELTY in served(temperature=temperature).said) == (temperature == 1.0)


def test_without_a_reference_only_the_softmax_is_said(tmp_path: Path) -> None:
    folder = onnx_models.write_bundle(tmp_path, NETWORK)
    assert set(servable.load(read_folder(folder), threads=1).said) == {SOFTMAX}


def test_other_combinations_and_precisions_are_left_to_numpy(served: Served) -> None:
    model = served()
    assert model.reference is not None
    ground = Ground(onnx.load_from_string(NETWORK), 17)
    reference, others = model.reference.novelty, NoveltyReference.empty()

    def made(
        ground: Ground, of: NoveltyReference, *, columns: int = CLASSES, embedding: str = "embedding"
    ) -> bool:
        return novelty(ground, logits="logits", embedding=embedding, columns=columns, reference=of) is not None

    assert made(ground, reference)
    assert not made(ground, others)
    assert not made(ground, reference, columns=101)
    assert not made(ground, reference, embedding="elsewhere")
    embeds = model.reference.drift.layout.embedding
    assert embeds is not None
    assert coordinates(ground, embedding="elsewhere", reduction=embeds.reduction) is None


def test_a_center_that_is_too_long_to_be_taken_off_afterwards_is_left_to_numpy(served: Served) -> None:
    model = served()
    assert model.reference is not None
    reference = model.reference.novelty
    gaussians = reference.fitted.gaussians
    assert gaussians is not None
    far = replace(gaussians, center=gaussians.center + 1e9)
    moved = replace(reference, fitted=replace(reference.fitted, gaussians=far))
    ground = Ground(onnx.load_from_string(NETWORK), 17)
    assert novelty(ground, logits="logits", embedding="embedding", columns=CLASSES, reference=moved) is None


def test_parts_of_a_pass_are_joined_again_as_they_were(served: Served) -> None:
    whole = forward(served(), rows(9))
    again = joined_forwards([whole.part(slice(0, 2)), whole.part(slice(2, 9))])
    assert whole.novelty is not None
    assert again.novelty is not None
    np.testing.assert_array_equal(again.projected, whole.projected)
    for measure, scores in whole.novelty.items():
        np.testing.assert_array_equal(again.novelty[measure], scores)
    assert joined_forwards([whole, replace(whole, novelty=None)]).novelty is None
