"""A model with its bundle: what must agree when it is loaded, and one forward pass over rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

import onnx_models
from assayd_server.deadline import NEVER, after
from assayd_server.errors import ArtefactError, DeadlineExceededError, InvalidArgumentError, ResourceExhaustedError
from assayd_server.gate import Gate
from assayd_server.metrics import ModelMetrics
from assayd_server.rows import Inputs, NamedArray
from assayd_server.servable import Forward, Servable

Load = Callable[..., Servable]
ROWS = np.random.default_rng(0).normal(0, 1, (3, 4)).astype(np.float32)


def inputs(values: np.ndarray, name: str = "") -> Inputs:
    return Inputs((NamedArray(name, values),), len(values))


def forward(model: Servable, rows: Inputs, metrics: ModelMetrics, *roles: str, **options: Any) -> Forward:
    given = {"gate": Gate(1000), "deadline": NEVER} | options
    return model.forward(rows, roles=roles, metrics=metrics, **given)


def passes(metrics: ModelMetrics) -> float:
    return next(
        sample.value for sample in metrics.executions.collect()[0].samples if sample.name.endswith("_total")
    )


def half_precision() -> bytes:
    matrix = (TensorProto.FLOAT16, ["rows", 4])
    return onnx_models.build(
        nodes=[helper.make_node("Identity", ["x"], ["logits"])], inputs={"x": matrix}, outputs={"logits": matrix}
    )


def test_a_model_without_a_manifest_entry_is_read_by_its_outputs(load: Load) -> None:
    model = load(onnx_models.identity())
    assert model.contract.roles == {"logits": "logits", "embedding": "embedding"}
    assert (model.labels, model.temperature) == ((), 1.0)


def test_the_manifest_says_which_output_is_what(load: Load) -> None:
    model = load(onnx_models.identity(), outputs={"logits": "embedding"})
    assert model.contract.roles == {"logits": "embedding"}


def test_a_flag_beats_the_manifest(load: Load) -> None:
    model = load(onnx_models.identity(), chosen={"logits": "logits"}, outputs={"logits": "embedding"})
    assert model.contract.roles == {"logits": "logits"}


def test_a_manifest_that_names_an_output_that_there_is_not_is_refused(load: Load) -> None:
    with pytest.raises(ArtefactError, match=r"^output 'nope' cannot be the logits"):
        load(onnx_models.identity(), outputs={"logits": "nope"})


def test_the_temperature_is_the_manifests(load: Load) -> None:
    assert load(onnx_models.identity(), temperature=2.5).temperature == 2.5


def test_inputs_that_the_manifest_declares_rightly_are_accepted(load: Load) -> None:
    entry = {"name": "x", "data_type": "float32", "shape": [None, 4]}
    assert load(onnx_models.identity(), inputs=[entry]).contract.inputs[0].name == "x"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"name": "image"}, "image: float32 (any, 4)"),
        ({"data_type": "float64"}, "x: float64 (any, 4)"),
        ({"shape": [None, 5]}, "x: float32 (any, 5)"),
        ({"shape": [None, 4, 1]}, "x: float32 (any, 4, 1)"),
        ({"shape": [None, None]}, "x: float32 (any, any)"),
    ],
)
def test_inputs_that_the_manifest_declares_wrongly_are_refused(
    load: Load, entry: dict[str, Any], said: str
) -> None:
    declared = {"name": "x", "data_type": "float32", "shape": [None, 4]} | entry
    with pytest.raises(ArtefactError) as caught:
        load(onnx_models.identity(), inputs=[declared])
    assert str(caught.value) == f"inputs: the manifest says {said}, the model has x: float32 (any, 4)"


def test_an_input_too_many_in_the_manifest_is_refused(load: Load) -> None:
    entries = [{"name": name, "data_type": "float32", "shape": [None, 4]} for name in ("x", "y")]
    with pytest.raises(ArtefactError, match=r"^inputs: the manifest says x: .*; y: "):
        load(onnx_models.identity(), inputs=entries)


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "c"], ["a", "b", "c", "d", "e"]], ids=len)
def test_labels_of_the_wrong_number_are_refused(load: Load, labels: list[str]) -> None:
    with pytest.raises(ArtefactError) as caught:
        load(onnx_models.identity(), labels=labels)
    assert str(caught.value) == f"labels: {len(labels)} names were given, the model has 4 classes"


def test_labels_of_the_right_number_are_kept_in_their_order(load: Load) -> None:
    assert load(onnx_models.identity(), labels=["d", "c", "b", "a"]).labels == ("d", "c", "b", "a")


def test_a_pass_gives_only_what_was_asked_for(load: Load, model_metrics: ModelMetrics) -> None:
    given = forward(load(onnx_models.identity()), inputs(ROWS), model_metrics, "logits")
    np.testing.assert_array_equal(given.logits, ROWS)
    assert (given.probabilities, given.embeddings) == (None, None)


def test_a_pass_gives_scores_and_embeddings_at_once(load: Load, model_metrics: ModelMetrics) -> None:
    given = forward(load(onnx_models.identity()), inputs(ROWS), model_metrics, "logits", "embedding")
    np.testing.assert_array_equal(given.logits, ROWS)
    np.testing.assert_array_equal(given.embeddings, 2 * ROWS)
    assert passes(model_metrics) == 1


def test_a_model_of_probabilities_gives_probabilities(load: Load, model_metrics: ModelMetrics) -> None:
    given = forward(load(onnx_models.softmax_only()), inputs(ROWS), model_metrics, "probabilities")
    assert given.logits is None
    np.testing.assert_allclose(np.asarray(given.probabilities).sum(axis=1), 1, rtol=1e-6)


def test_half_precision_is_widened(load: Load, model_metrics: ModelMetrics) -> None:
    given = forward(load(half_precision()), inputs(ROWS.astype(np.float16)), model_metrics, "logits")
    assert given.logits is not None
    assert given.logits.dtype == np.float32


def test_double_precision_stays_as_it_is(load: Load, model_metrics: ModelMetrics) -> None:
    matrix = (TensorProto.DOUBLE, ["rows", 4])
    content = onnx_models.build(
        nodes=[helper.make_node("Identity", ["x"], ["logits"])], inputs={"x": matrix}, outputs={"logits": matrix}
    )
    given = forward(load(content), inputs(ROWS), model_metrics, "logits")
    assert given.logits is not None
    assert given.logits.dtype == np.float64


def test_no_rows_run_nothing_and_have_the_right_widths(load: Load, model_metrics: ModelMetrics) -> None:
    model = load(onnx_models.network(width=6, hidden=3, class_count=5))
    given = forward(model, inputs(np.zeros((0, 6), np.float32)), model_metrics, "logits", "embedding")
    assert (np.shape(given.logits), np.shape(given.embeddings)) == ((0, 5), (0, 3))
    assert passes(model_metrics) == 0


def test_no_rows_must_still_fit_the_model(load: Load, model_metrics: ModelMetrics) -> None:
    with pytest.raises(InvalidArgumentError, match=r"tensors\[0\]\.shape: is \[0, 5\]"):
        forward(load(onnx_models.identity()), inputs(np.zeros((0, 5), np.float32)), model_metrics, "logits")


def test_no_rows_do_not_wait_for_their_turn(load: Load, model_metrics: ModelMetrics) -> None:
    gate = Gate(1)
    with gate.enter(1, NEVER):
        rows = inputs(np.zeros((0, 4), np.float32))
        assert np.shape(
            forward(load(onnx_models.identity()), rows, model_metrics, "logits", gate=gate).logits
        ) == (0, 4)


def test_rows_that_the_graph_refuses_are_the_callers_mistake(load: Load, model_metrics: ModelMetrics) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        forward(load(onnx_models.look_up()), inputs(np.array([99])), model_metrics, "logits")
    assert (caught.value.field, caught.value.reason) == ("rows.inputs", "MODEL_FAILED")
    assert "99" not in caught.value.message
    assert "99" in str(caught.value.__cause__)


def test_after_rows_that_the_graph_refused_nothing_is_pending(load: Load, model_metrics: ModelMetrics) -> None:
    gate, model = Gate(1000), load(onnx_models.look_up())
    with pytest.raises(InvalidArgumentError):
        forward(model, inputs(np.array([99])), model_metrics, "logits", gate=gate)
    assert gate.rows_pending == 0
    assert model_metrics.pending_rows.collect()[0].samples[0].value == 0


def test_a_deadline_that_passed_runs_nothing(load: Load, model_metrics: ModelMetrics) -> None:
    with pytest.raises(DeadlineExceededError):
        forward(load(onnx_models.identity()), inputs(ROWS), model_metrics, "logits", deadline=after(0))
    assert passes(model_metrics) == 0


def test_a_full_gate_runs_nothing(load: Load, model_metrics: ModelMetrics) -> None:
    gate = Gate(3)
    with gate.enter(1, NEVER), pytest.raises(ResourceExhaustedError):
        forward(load(onnx_models.identity()), inputs(ROWS), model_metrics, "logits", gate=gate)
    assert passes(model_metrics) == 0
