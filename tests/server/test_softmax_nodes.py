"""A graph that says its softmax itself says what NumPy would; and which graphs are not made to."""

from collections.abc import Callable
from functools import partial

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import onnx_models
from assayd_server import softmax_nodes
from assayd_server.contract import TensorSpec
from assayd_server.core.scores import RowScores, scores_of_logits
from assayd_server.core.uncertainty import Measure
from assayd_server.forward import SOFTMAX, Forward, Softmax, joined_forwards
from assayd_server.graph_extension import Make, extended
from assayd_server.plan import Plan
from assayd_server.rows import Inputs
from assayd_server.scoring import scored
from assayd_server.servable import Servable
from assayd_server.softmax_nodes import COLUMNS_MAX
from assayd_server.wanted import Wanted

Load = Callable[..., Servable]

TOLERANCE = 1e-6
COUNTS = [1, 2, 7, 300]
NETWORK = onnx_models.network(width=64, class_count=10)
INF, NAN, LARGE = np.inf, np.nan, 3e38


def rows(count: int, width: int = 64, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, width)).astype(np.float32)


def forward(model: Servable, x: np.ndarray, *roles: str) -> Forward:
    return model.forward({"x": x}, row_count=len(x), roles=roles or ("logits", SOFTMAX))


def said(model: Servable, x: np.ndarray) -> Softmax:
    softmax = forward(model, x).softmax
    assert softmax is not None
    return softmax


def of_numpy(model: Servable, x: np.ndarray) -> RowScores:
    logits = forward(model, x, "logits").logits
    assert logits is not None
    return scores_of_logits(logits, temperature=model.temperature, measures=[Measure.ENTROPY])


def assert_agrees(softmax: Softmax, scores: RowScores) -> None:
    assert (softmax.predictions == scores.predictions).all()
    np.testing.assert_allclose(softmax.probabilities, scores.probabilities, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(softmax.entropy, scores.uncertainties[Measure.ENTROPY], rtol=0, atol=TOLERANCE)


def passing(data_type: int, *, columns: int = 4, output: str = "logits", middle: str = "y") -> bytes:
    """An output that is the input, in its type, by way of a tensor with a name."""
    matrix = (data_type, ["rows", columns])
    nodes = [helper.make_node("Identity", ["x"], [middle]), helper.make_node("Identity", [middle], [output])]
    return onnx_models.build(nodes=nodes, inputs={"x": matrix}, outputs={output: matrix})


def of_opset(version: int) -> bytes:
    model = onnx.load_from_string(onnx_models.identity())
    model.opset_import[0].version = version
    return model.SerializeToString()


def with_samples() -> bytes:
    """Logits of the members 1 and 2 of a committee: the input, once for each."""
    return onnx_models.build(
        nodes=[
            helper.make_node("Unsqueeze", ["x", "axis"], ["one"]),
            helper.make_node("Concat", ["one", "one"], ["logits"], axis=1),
        ],
        inputs={"x": (TensorProto.FLOAT, ["rows", 4])},
        outputs={"logits": (TensorProto.FLOAT, ["rows", 2, 4])},
        weights={"axis": np.array([1])},
    )


def four_rows_at_a_time() -> bytes:
    """Logits that are the input, of exactly four rows."""
    matrix = (TensorProto.FLOAT, [4, 5])
    nodes = [helper.make_node("Identity", ["x"], ["logits"])]
    return onnx_models.build(nodes=nodes, inputs={"x": matrix}, outputs={"logits": matrix})


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("temperature", [1.0, 0.5, 0.7, 2.5, 40.0])
def test_what_a_network_says_is_what_numpy_says(load: Load, temperature: float, count: int) -> None:
    model, x = load(NETWORK, temperature=temperature), rows(count)
    assert_agrees(said(model, x), of_numpy(model, x))


@pytest.mark.parametrize("opset", [13, 17, 18, 21])
@pytest.mark.parametrize(("temperature", "offset"), [(0.05, 100), (0.3, 100), (1.7, 1000), (1.0, 1000)])
def test_large_logits_keep_their_differences(load: Load, temperature: float, offset: float, opset: int) -> None:
    model, x = load(of_opset(opset), temperature=temperature), rows(200, 4) + np.float32(offset)
    np.testing.assert_allclose(
        said(model, x).probabilities, of_numpy(model, x).probabilities, rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("columns", [2, 3, 4, 17, 100, COLUMNS_MAX])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_it_says_so_of_any_number_of_classes(load: Load, temperature: float, columns: int) -> None:
    model, x = load(onnx_models.identity(columns), temperature=temperature), 3 * rows(50, columns, seed=columns)
    assert_agrees(said(model, x), of_numpy(model, x))


@pytest.mark.parametrize("factor", [0.0, 1e-30, 30.0, 1e3, 1e15])
def test_it_says_so_of_logits_of_any_size(load: Load, factor: float) -> None:
    model, x = load(onnx_models.identity()), np.float32(factor) * rows(40, 4)
    softmax = said(model, x)
    assert_agrees(softmax, of_numpy(model, x))
    assert softmax.entropy.min() >= 0
    assert softmax.entropy.max() <= 1


@pytest.mark.parametrize("columns", [2, 6, 14, 30, 75, 157])
def test_no_entropy_is_above_one(load: Load, columns: int) -> None:
    entropy = said(load(onnx_models.identity(columns)), np.zeros((3, columns), np.float32)).entropy
    assert entropy.max() <= 1  # where most of these sums round to a little more
    np.testing.assert_allclose(entropy, 1, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("columns", [2, 5, 16, 33, 200])
def test_a_tie_goes_to_the_lower_class(load: Load, columns: int) -> None:
    model, rng = load(onnx_models.identity(columns), temperature=1.3), np.random.default_rng(columns)
    x = rng.normal(0, 1, (100, columns)).astype(np.float32)
    tied = np.sort(np.array([rng.choice(columns, 2, replace=False) for _ in x]))
    np.put_along_axis(x, tied, np.float32(5.25), axis=1)
    assert said(model, x).predictions.tolist() == tied[:, 0].tolist()


def test_it_is_said_in_types_that_are_sent_as_they_are(load: Load) -> None:
    softmax = said(load(NETWORK), rows(3))
    kinds = [values.dtype.name for values in (softmax.predictions, softmax.probabilities, softmax.entropy)]
    assert kinds == ["int32", "float32", "float32"]
    assert (softmax.predictions.shape, softmax.probabilities.shape, softmax.entropy.shape) == ((3,), (3, 10), (3,))


def test_it_is_said_only_where_it_is_asked_for(load: Load) -> None:
    model, x = load(NETWORK), rows(3)
    assert forward(model, x, "logits", "embedding").softmax is None
    asked = forward(model, x, "embedding", SOFTMAX, "logits")
    assert asked.softmax is not None
    np.testing.assert_array_equal(asked.logits, forward(model, x, "logits").logits)
    np.testing.assert_array_equal(asked.embeddings, forward(model, x, "embedding").embeddings)


def test_of_no_rows_nothing_is_said(load: Load) -> None:
    none = forward(load(NETWORK), rows(0))
    assert none.softmax is None
    assert none.logits is not None
    assert none.logits.shape == (0, 10)


@pytest.mark.parametrize("bad", [[NAN, 0], [INF, 0], [-INF, 0], [-INF, -INF], [INF, -INF], [LARGE, -LARGE]])
def test_of_rows_that_are_not_tame_nothing_is_said_and_numpy_is_asked(load: Load, bad: list[float]) -> None:
    model, x = load(onnx_models.identity(), temperature=1.5), rows(5, 4)
    x[2, 1:3] = bad
    scores = scored(forward(model, x), Plan(Inputs((), 0), Wanted(uncertainties=(Measure.ENTROPY,)), model)).rows
    assert forward(model, x).softmax is None
    assert scores.valid.tolist() == of_numpy(model, x).valid.tolist()
    np.testing.assert_array_equal(scores.predictions, of_numpy(model, x).predictions)
    np.testing.assert_array_equal(scores.probabilities, of_numpy(model, x).probabilities)
    entropies = of_numpy(model, x).uncertainties[Measure.ENTROPY]
    np.testing.assert_array_equal(scores.uncertainties[Measure.ENTROPY], entropies)


def test_scores_are_those_of_numpy_with_every_measure_and_the_top_classes(load: Load) -> None:
    model, x = load(NETWORK, temperature=0.8), rows(60)
    measures = (Measure.MARGIN, Measure.ENTROPY, Measure.LEAST_CONFIDENCE, Measure.RATIO, Measure.MAX_ENTROPY)
    plan = Plan(Inputs((), 0), Wanted(uncertainties=measures, top_k=3), model)
    assert SOFTMAX in plan.score_roles
    found = scored(forward(model, x, *plan.score_roles), plan).rows
    logits = forward(model, x, "logits").logits
    assert logits is not None
    expected = scores_of_logits(logits, temperature=0.8, measures=measures, top_k=3)
    assert (found.all_valid, found.valid.all()) == (True, True)
    assert list(found.uncertainties) == list(measures)
    np.testing.assert_array_equal(found.top_classes, expected.top_classes)
    np.testing.assert_allclose(found.top_probabilities, expected.top_probabilities, rtol=0, atol=TOLERANCE)
    for measure, values in expected.uncertainties.items():
        np.testing.assert_allclose(found.uncertainties[measure], values, rtol=0, atol=1e-5, err_msg=measure)


def test_a_request_with_a_temperature_of_its_own_asks_numpy(load: Load) -> None:
    model = load(NETWORK, temperature=0.8)
    roles = {
        temperature: Plan(Inputs((), 0), Wanted(temperature=temperature), model).score_roles
        for temperature in (None, 0.8, 1.0)
    }
    assert roles == {None: ["logits", SOFTMAX], 0.8: ["logits", SOFTMAX], 1.0: ["logits"]}


@pytest.mark.parametrize(
    ("content", "manifest"),
    [
        pytest.param(of_opset(12), {}, id="an old opset"),
        pytest.param(onnx_models.identity(COLUMNS_MAX + 1), {}, id="many classes"),
        pytest.param(onnx_models.softmax_only(output="probabilities"), {}, id="probabilities only"),
        pytest.param(passing(TensorProto.FLOAT, columns=1), {}, id="one column"),
        pytest.param(onnx_models.identity(), {"activation": "sigmoid"}, id="labels"),
        pytest.param(passing(TensorProto.FLOAT16), {}, id="half precision"),
        pytest.param(passing(TensorProto.DOUBLE), {}, id="double precision"),
        pytest.param(passing(TensorProto.FLOAT, middle="assayd.sum"), {}, id="a tensor of that name"),
        pytest.param(with_samples(), {"sample_axis": True}, id="an axis of samples"),
        pytest.param(onnx_models.regression(), {}, id="values"),
    ],
)
def test_a_graph_of_another_kind_is_left_as_it_is(load: Load, content: bytes, manifest: dict[str, object]) -> None:
    model = load(content, **manifest)
    assert SOFTMAX not in model.said
    assert SOFTMAX not in Plan(Inputs((), 0), Wanted(), model).score_roles


@pytest.mark.parametrize("name", ["assayd.axis", "assayd.sum", "assayd.probabilities"])
def test_a_graph_with_a_weight_of_such_a_name_that_nothing_uses_is_served_as_it_is(load: Load, name: str) -> None:
    graph = onnx.load_from_string(onnx_models.identity())
    graph.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.float32), name))
    model = load(graph.SerializeToString())
    assert SOFTMAX not in model.said
    np.testing.assert_array_equal(forward(model, rows(3, 4), "logits").logits, rows(3, 4))


@pytest.mark.parametrize(
    "content",
    [of_opset(13), NETWORK, onnx_models.identity(COLUMNS_MAX), passing(TensorProto.FLOAT)],
    ids=["an opset just new enough", "a network", "as many classes as may be", "a matrix of scores"],
)
def test_a_graph_of_that_kind_says_its_softmax(load: Load, content: bytes) -> None:
    assert SOFTMAX in load(content).said


def test_the_oldest_opset_says_what_numpy_says(load: Load) -> None:
    model, x = load(of_opset(13), temperature=2.0), rows(9, 4)
    assert_agrees(said(model, x), of_numpy(model, x))


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 11])
def test_a_graph_of_a_fixed_number_of_rows_says_it_of_any_number(load: Load, count: int) -> None:
    model, x = load(four_rows_at_a_time(), temperature=1.2), rows(count, 5)
    softmax = said(model, x)
    assert len(softmax.predictions) == len(softmax.probabilities) == len(softmax.entropy) == count
    assert_agrees(softmax, of_numpy(model, x))


def test_the_contract_has_the_outputs_of_the_model_alone(load: Load) -> None:
    model = load(NETWORK)
    assert SOFTMAX in model.said
    assert model.contract.outputs == (
        TensorSpec("logits", "float32", (None, 10)),
        TensorSpec("embedding", "float32", (None, 32)),
    )
    assert not any(name.startswith("assayd.") for name in model.contract.roles.values())


def test_no_outputs_are_added_to_what_is_no_model_or_has_no_such_output() -> None:
    def of(logits: str) -> list[Make]:
        return [partial(softmax_nodes.softmax, logits=logits, columns=10, temperature=1.0)]

    assert extended(b"no model", of("logits")) is None
    assert extended(NETWORK, of("nope")) is None
    assert extended(NETWORK, of("logits")) is not None


def test_parts_of_a_pass_are_joined_again_as_they_were(load: Load) -> None:
    whole = forward(load(NETWORK), rows(9))
    again = joined_forwards([whole.part(slice(0, 2)), whole.part(slice(2, 9))])
    assert whole.softmax is not None
    assert again.softmax is not None
    np.testing.assert_array_equal(again.softmax.predictions, whole.softmax.predictions)
    np.testing.assert_array_equal(again.softmax.probabilities, whole.softmax.probabilities)
    np.testing.assert_array_equal(again.softmax.entropy, whole.softmax.entropy)


def test_a_pass_that_says_none_leaves_none_to_those_that_are_joined(load: Load) -> None:
    model, wild = load(onnx_models.identity()), rows(2, 4)
    wild[0, 0] = NAN
    joined = joined_forwards([forward(model, rows(3, 4)), forward(model, wild)])
    assert joined.softmax is None
    assert joined.logits is not None
    assert joined.logits.shape == (5, 4)


def test_a_graph_whose_first_output_has_no_axis_of_rows_says_its_softmax_all_the_same(load: Load) -> None:
    graph = onnx.load_from_string(onnx_models.identity())
    graph.graph.node.append(helper.make_node("ReduceMax", ["x"], ["largest"], keepdims=0))
    graph.graph.output.insert(0, helper.make_tensor_value_info("largest", TensorProto.FLOAT, []))
    model = load(graph.SerializeToString(), chosen={"logits": "logits"})
    assert SOFTMAX in model.said
    assert_agrees(said(model, rows(5, 4)), of_numpy(model, rows(5, 4)))
