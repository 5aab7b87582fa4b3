"""Score requests from keywords: what each one becomes, and what is refused before anything is sent."""

import numpy as np
import pytest

from assayd import InvalidArgumentError, rank_options, select_options
from assayd.arrays import decode
from assayd.requests import OUTPUTS, TASKS, score_request, selector
from assayd.v1 import scoring_pb2, selection_pb2

WEIGHTS = np.arange(6, dtype=np.float32).reshape(3, 2)


def refusal(**wanted: object) -> InvalidArgumentError:
    """The error with which keywords are refused."""
    with pytest.raises(InvalidArgumentError) as caught:
        score_request(**wanted)
    return caught.value


def test_without_keywords_everything_is_left_to_the_server() -> None:
    assert score_request() == scoring_pb2.ScoreRequest()


def test_numbers_are_passed_on() -> None:
    request = score_request(top_k=3, temperature=0.5)
    assert (request.top_k, request.temperature) == (3, 0.5)


def test_a_temperature_is_only_set_where_it_is_given() -> None:
    assert not score_request().HasField("temperature")


def test_a_lane_is_only_set_where_it_is_not_the_first() -> None:
    assert score_request(lane="online") == scoring_pb2.ScoreRequest()
    assert score_request(lane="bulk").lane == scoring_pb2.LANE_BULK
    assert rank_options.rank_request(measure="entropy", count=1, lane="bulk").lane == scoring_pb2.LANE_BULK
    assert refusal(lane="fast").field == "lane"


def test_measures_keep_their_order() -> None:
    request = score_request(uncertainties=iter(["ratio", "entropy"]))
    expected = [scoring_pb2.UNCERTAINTY_MEASURE_RATIO, scoring_pb2.UNCERTAINTY_MEASURE_ENTROPY]
    assert list(request.uncertainties) == expected


def test_outputs_keep_their_order() -> None:
    request = score_request(outputs=("embeddings", "logits"))
    assert list(request.outputs) == [scoring_pb2.OUTPUT_EMBEDDINGS, scoring_pb2.OUTPUT_LOGITS]


def test_no_outputs_mean_predictions_alone() -> None:
    assert list(score_request(outputs=()).outputs) == [scoring_pb2.OUTPUT_PREDICTIONS]


def test_none_asks_for_no_measures() -> None:
    assert list(score_request(uncertainties=None).uncertainties) == []


def test_no_outputs_at_all_means_predictions_alone() -> None:
    assert list(score_request(outputs=[]).outputs) == [scoring_pb2.OUTPUT_PREDICTIONS]


def test_none_for_outputs_leaves_them_to_the_server() -> None:
    assert list(score_request(outputs=None).outputs) == []


def test_a_task_is_named() -> None:
    assert score_request(task="multilabel").task == scoring_pb2.TASK_MULTILABEL


def test_an_unknown_task_is_refused_with_those_allowed() -> None:
    error = refusal(task="ranking")
    assert error.message == "task: 'ranking' is unknown, allowed are multiclass, multilabel, regression"


def test_a_single_name_need_not_be_in_a_list() -> None:
    request = score_request(uncertainties="margin", outputs="logits")
    assert list(request.uncertainties) == [scoring_pb2.UNCERTAINTY_MEASURE_MARGIN]
    assert list(request.outputs) == [scoring_pb2.OUTPUT_LOGITS]


@pytest.mark.parametrize(
    ("names", "prefix", "enum"),
    [
        (rank_options.MEASURES, "UNCERTAINTY_MEASURE_", scoring_pb2.UncertaintyMeasure),
        (OUTPUTS, "OUTPUT_", scoring_pb2.Output),
        (TASKS, "TASK_", scoring_pb2.Task),
        (rank_options.ORDERS, "ORDER_", selection_pb2.Order),
        (select_options.POLICIES, "SELECTION_POLICY_", selection_pb2.SelectionPolicy),
    ],
)
def test_every_value_but_unspecified_can_be_named(names, prefix: str, enum) -> None:
    known = {prefix + name.upper(): number for name, number in names.items()}
    assert known == {name: number for name, number in enum.items() if number}


def test_an_unknown_measure_is_refused_with_those_allowed() -> None:
    error = refusal(uncertainties=["entropy", "bald"])
    assert error.message == (
        "uncertainties: 'bald' is unknown, allowed are least_confidence, margin, ratio, entropy, "
        "multilabel_max, multilabel_mean, max_entropy"
    )
    assert error.field == "uncertainties"


def test_an_unknown_output_is_refused_with_those_allowed() -> None:
    error = refusal(outputs="labels")
    assert error.message == (
        "outputs: 'labels' is unknown, allowed are predictions, probabilities, logits, embeddings, values"
    )
    assert error.field == "outputs"


@pytest.mark.parametrize("top_k", [2**31, -(2**31) - 1])
def test_a_top_k_beyond_32_bits_is_refused(top_k: int) -> None:
    error = refusal(top_k=top_k)
    assert (error.message, error.field) == (f"top_k: {top_k} is not a 32-bit number", "top_k")


@pytest.mark.parametrize("top_k", [2**31 - 1, -(2**31)])
def test_a_top_k_within_32_bits_is_left_to_the_server(top_k: int) -> None:
    assert score_request(top_k=top_k).top_k == top_k


def test_a_head_is_weights_and_bias() -> None:
    head = score_request(head=(WEIGHTS, [1.0, 2.0, 3.0])).head
    np.testing.assert_array_equal(decode(head.weights), WEIGHTS)
    assert decode(head.bias).tolist() == [1, 2, 3]


def test_a_head_may_have_no_bias() -> None:
    assert not score_request(head=(WEIGHTS, None)).head.HasField("bias")


def test_a_head_of_whole_numbers_becomes_one_of_floats() -> None:
    head = score_request(head=([[1, 2], [3, 4]], [5, 6])).head
    weights, bias = decode(head.weights), decode(head.bias)
    assert (weights.dtype, bias.dtype) == (np.float64, np.float64)
    assert (weights.tolist(), bias.tolist()) == ([[1, 2], [3, 4]], [5, 6])


def test_a_head_of_floats_keeps_its_dtype() -> None:
    assert decode(score_request(head=(WEIGHTS, None)).head.weights).dtype == np.float32


def test_no_head_is_sent_unless_given() -> None:
    assert not score_request().HasField("head")


@pytest.mark.parametrize("head", [(), (WEIGHTS,), (WEIGHTS, None, None), WEIGHTS])
def test_a_head_of_another_length_is_refused(head) -> None:
    error = refusal(head=head)
    assert (error.message, error.field) == (f"head: must be (weights, bias), got {len(head)} parts", "head")


def test_a_head_of_a_dtype_that_the_wire_lacks_is_refused() -> None:
    error = refusal(head=(WEIGHTS.astype(np.complex64), None))
    assert error.message.startswith("head: data_type: dtype complex64 is not one of ")
    assert error.field == "head"


def test_no_model_is_sent_unless_given() -> None:
    assert not score_request().HasField("model")


@pytest.mark.parametrize(("model", "version"), [("m", 0), ("", 3), ("m", 3), ("m", 2**63 - 1)])
def test_a_model_is_selected_by_name_and_version(model: str, version: int) -> None:
    expected = scoring_pb2.ModelSelector(name=model, version=version)
    assert score_request(model=model, version=version).model == expected


def test_nothing_selected_is_none() -> None:
    assert selector("", 0) is None


@pytest.mark.parametrize("version", [-1, 2**63])
def test_a_number_that_is_no_version_is_refused(version: int) -> None:
    expected = f"version: {version} is not a version, allowed are 0 (the newest) and above"
    assert refusal(version=version).message == expected
