"""Whether a row has one of the classes, any of the labels, or values: decided on names and real values."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assayd_server.contract import Activation, Choice, Contract, TensorSpec
from assayd_server.core.tasks import Task
from assayd_server.errors import ArtefactError
from assayd_server.reading import read_contract

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (4, 5)).astype(np.float32)
CLASSES = RNG.dirichlet(np.ones(5), 4).astype(np.float32)
LABELS = RNG.uniform(0.3, 1, (4, 5)).astype(np.float32)
CHOSEN = (LABELS > 0.5).astype(np.int64)
VALUES = RNG.normal(0, 3, (4, 1)).astype(np.float32)


def read(
    outputs: dict[str, NDArray[Any]],
    activation: Activation | None = None,
    made_by: dict[str, str] | None = None,
    **chosen: str,
) -> Contract:
    specs = tuple(
        TensorSpec(name, values.dtype.name, (None, *values.shape[1:])) for name, values in outputs.items()
    )
    return read_contract((), specs, chosen=Choice(chosen, activation), sample=outputs, made_by=made_by or {})


def refusal(outputs: dict[str, NDArray[Any]], activation: Activation | None = None, **chosen: str) -> str:
    with pytest.raises(ArtefactError) as caught:
        read(outputs, activation, **chosen)
    return str(caught.value)


def test_a_model_is_for_classes_unless_something_says_otherwise() -> None:
    contract = read({"logits": LOGITS, "label": np.arange(4)})
    assert (contract.task, contract.why_task) == (Task.MULTICLASS, "nothing says otherwise")


def test_a_column_of_labels_for_each_probability_makes_it_labels() -> None:
    contract = read({"label": CHOSEN, "probabilities": LABELS})
    assert (contract.task, contract.why_task) == (Task.MULTILABEL, "label has a column for each label")
    assert contract.class_count == 5


def test_a_name_that_says_sigmoid_makes_it_labels() -> None:
    contract = read({"sigmoid_1": LABELS})
    assert (contract.roles, contract.task) == ({"probabilities": "sigmoid_1"}, Task.MULTILABEL)
    assert contract.why_task == "sigmoid_1 is named so"


def test_an_operation_that_is_a_sigmoid_makes_it_labels_whatever_the_name() -> None:
    contract = read({"7": LABELS}, made_by={"7": "Sigmoid"})
    assert (contract.roles, contract.reasons) == ({"probabilities": "7"}, {"probabilities": "a sigmoid gives it"})
    assert (contract.task, contract.why_task) == (Task.MULTILABEL, "7 is given by a sigmoid")


@pytest.mark.parametrize("name", ["probabilities", "scores"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_logits_beside_their_sigmoids_are_those_of_labels(name: str, dtype: type[np.floating[Any]]) -> None:
    sigmoids = (1 / (1 + np.exp(-LOGITS))).astype(dtype)
    contract = read({"logits": LOGITS.astype(dtype), name: sigmoids})
    assert (contract.task, contract.why_task) == (Task.MULTILABEL, f"{name} is the sigmoid of logits")
    assert contract.scores_role == "logits"


def test_logits_beside_other_sigmoids_are_those_of_classes() -> None:
    assert read({"logits": LOGITS, "hidden": LABELS}, made_by={"hidden": "Sigmoid"}).task is Task.MULTICLASS


def test_a_single_column_given_by_a_sigmoid_is_that_of_the_second_of_two_classes() -> None:
    contract = read({"7": LABELS[:, :1]}, made_by={"7": "Sigmoid"})
    assert (contract.roles, contract.task) == ({"probabilities": "7"}, Task.MULTICLASS)


def test_values_within_0_and_1_that_no_sigmoid_gives_are_logits() -> None:
    assert read({"7": LABELS}, made_by={"7": "Gemm"}).roles == {"logits": "7"}


def test_a_single_column_named_sigmoid_is_that_of_the_second_of_two_classes() -> None:
    contract = read({"sigmoid": LABELS[:, :1]})
    assert (contract.task, contract.class_count) == (Task.MULTICLASS, 2)


@pytest.mark.parametrize(("activation", "task"), [("sigmoid", Task.MULTILABEL), ("softmax", Task.MULTICLASS)])
def test_what_was_chosen_decides(activation: Activation, task: Task) -> None:
    contract = read({"logits": LOGITS}, activation)
    assert (contract.task, contract.why_task) == (task, f"the activation {activation} was chosen")


def test_a_single_column_stays_two_classes_whatever_the_activation() -> None:
    assert read({"logit": VALUES}, "sigmoid").class_count == 2


def test_probabilities_of_labels_are_taken_where_it_is_said() -> None:
    assert read({"probs": LABELS}, "sigmoid").roles == {"probabilities": "probs"}


def test_what_cannot_be_the_probability_of_a_label_is_refused() -> None:
    assert refusal({"y": LOGITS}, "sigmoid", probabilities="y") == (
        "output 'y' cannot be probabilities, its values are not all in [0, 1]: name it with --logits-output, "
        "or as logits in bundle.json"
    )


def test_an_unnamed_output_with_values_outside_of_0_and_1_is_the_logits_of_labels() -> None:
    contract = read({"y": LOGITS}, "sigmoid")
    assert contract.reasons == {"logits": "its values are not all in [0, 1]"}


def test_an_unnamed_output_within_0_and_1_could_be_logits_as_well() -> None:
    assert refusal({"y": LABELS}, "sigmoid").startswith("no output is plainly logits or probabilities")
    assert refusal({"y": CLASSES}, "sigmoid").startswith("no output is plainly logits or probabilities")


@pytest.mark.parametrize("name", ["variable", "regression_output"])
def test_an_output_named_as_regressors_name_theirs_holds_values(name: str) -> None:
    contract = read({name: VALUES})
    assert (contract.task, contract.why_task) == (Task.REGRESSION, "it gives values")
    assert (contract.roles, contract.scores_role) == ({"values": name}, "values")
    assert (contract.class_count, contract.value_count) == (0, 1)


def test_an_output_of_classes_has_no_values() -> None:
    assert read({"logits": LOGITS}).value_count == 0
    assert read({"logits": LOGITS, "variable": VALUES}).roles == {"logits": "logits"}


def test_any_output_holds_values_where_it_is_said() -> None:
    assert read({"y": VALUES, "z": VALUES}, values="z").roles == {"values": "z"}


def test_values_have_no_activation() -> None:
    assert refusal({"y": VALUES}, "softmax", values="y") == (
        "activation: softmax goes with classes, and a regression model has none"
    )


def test_values_do_not_go_with_logits() -> None:
    assert refusal({"y": VALUES, "z": LOGITS}, values="y", logits="z").startswith(
        "values are a regression model's"
    )


def test_an_embedding_goes_with_values() -> None:
    assert read({"variable": VALUES, "embedding": LOGITS}).embedding_width == 5
