"""Which output of a model means what, decided on declared outputs and real values."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from assayd_server.contract import Choice, Contract, TensorSpec
from assayd_server.errors import ArtefactError
from assayd_server.reading import read_contract

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (4, 5)).astype(np.float32)
PROBABILITIES = RNG.dirichlet(np.ones(5), 4).astype(np.float32)
SCORES_BETWEEN_0_AND_1 = RNG.uniform(0.3, 1, (4, 5)).astype(np.float32)
"""As a sigmoid gives them: their rows sum to more than 1."""
EMBEDDING = RNG.normal(0, 1, (4, 7)).astype(np.float32)
LABELS = np.arange(4)

Outputs = dict[str, NDArray[Any]]


def spec(name: str, values: NDArray[Any]) -> TensorSpec:
    return TensorSpec(name, values.dtype.name, (None, *values.shape[1:]))


def read(outputs: Outputs, **chosen: str) -> Contract:
    inputs = (TensorSpec("x", "float32", (None, 3)),)
    specs = tuple(spec(name, values) for name, values in outputs.items())
    return read_contract(inputs, specs, chosen=Choice(chosen), sample=outputs)


def refusal(outputs: Outputs, **chosen: str) -> str:
    with pytest.raises(ArtefactError) as caught:
        read(outputs, **chosen)
    return str(caught.value)


@pytest.mark.parametrize("name", ["logits", "Logit", "class_logits_raw"])
def test_an_output_called_logits_is_the_logits(name: str) -> None:
    contract = read({name: LOGITS, "other": EMBEDDING})
    assert (contract.roles, contract.reasons) == ({"logits": name}, {"logits": "by its name"})


@pytest.mark.parametrize("name", ["probabilities", "probs", "Output_Probability", "softmax:0"])
def test_an_output_called_probabilities_is_the_probabilities(name: str) -> None:
    assert read({name: PROBABILITIES, "other": EMBEDDING}).roles == {"probabilities": name}


@pytest.mark.parametrize(
    "name", ["embedding", "features", "last_hidden_state", "pooled_output", "representation", "image_embeds"]
)
def test_an_output_called_like_an_embedding_is_the_embedding(name: str) -> None:
    assert read({"logits": LOGITS, name: EMBEDDING}).roles == {"logits": "logits", "embedding": name}


def test_of_two_outputs_with_a_fitting_name_the_first_is_taken() -> None:
    assert read({"hidden_1": EMBEDDING, "hidden_2": LOGITS, "logits": LOGITS}).roles["embedding"] == "hidden_1"


def test_classes_and_width_are_counted_on_real_values() -> None:
    contract = read({"logits": LOGITS, "embedding": EMBEDDING})
    assert (contract.class_count, contract.embedding_width) == (5, 7)


def test_a_model_without_an_embedding_has_width_zero() -> None:
    assert read({"logits": LOGITS}).embedding_width == 0


def test_logits_win_where_a_model_has_both() -> None:
    contract = read({"probabilities": PROBABILITIES, "logits": np.hstack([LOGITS, LOGITS])})
    assert contract.class_count == 10


def test_inputs_and_outputs_are_kept_as_declared() -> None:
    contract = read({"logits": LOGITS, "label": LABELS})
    assert [str(tensor) for tensor in (*contract.inputs, *contract.outputs)] == [
        "x: float32 (any, 3)",
        "logits: float32 (any, 5)",
        "label: int64 (any)",
    ]


def test_one_unnamed_matrix_whose_rows_sum_to_one_is_the_probabilities() -> None:
    contract = read({"y": PROBABILITIES, "label": LABELS})
    assert contract.roles == {"probabilities": "y"}
    assert contract.reasons == {"probabilities": "its rows sum to 1"}


def test_one_unnamed_matrix_whose_rows_sum_to_something_else_is_the_logits() -> None:
    contract = read({"y": LOGITS, "label": LABELS})
    assert contract.roles == {"logits": "y"}
    assert contract.reasons == {"logits": "its rows do not sum to 1"}


def test_rows_with_a_negative_number_are_no_probabilities_even_if_they_sum_to_one() -> None:
    rows = np.tile(np.array([1.5, -0.5, 0.0], np.float32), (4, 1))
    assert read({"y": rows}).roles == {"logits": "y"}


def test_one_row_that_does_not_sum_to_one_is_enough_to_be_no_probabilities() -> None:
    rows = PROBABILITIES.copy()
    rows[3] *= 0.9
    assert read({"y": rows}).roles == {"logits": "y"}


def test_rows_with_nan_are_no_probabilities() -> None:
    rows = PROBABILITIES.copy()
    rows[0, 0] = np.nan
    assert read({"y": rows}).roles == {"logits": "y"}


def test_half_precision_probabilities_sum_to_one_well_enough() -> None:
    assert read({"y": PROBABILITIES.astype(np.float16)}).roles == {"probabilities": "y"}


def test_an_unnamed_matrix_beside_an_embedding_is_the_class_scores() -> None:
    assert read({"y": LOGITS, "embedding": EMBEDDING}).roles == {"embedding": "embedding", "logits": "y"}


def test_two_unnamed_matrices_are_refused_with_the_list() -> None:
    assert refusal({"a": LOGITS, "b": EMBEDDING, "label": LABELS}) == (
        "no output is plainly logits or probabilities among a: float32 (any, 5); b: float32 (any, 7); "
        "label: int64 (any): name one with --logits-output, --probabilities-output (of one column, that of the "
        "second of two classes) or --values-output (of a regression model), or in bundle.json"
    )


@pytest.mark.parametrize(
    "values",
    [LABELS, LOGITS.astype(np.int64), LOGITS[None], LOGITS > 0],
    ids=["one axis", "integers", "three axes", "truth values"],
)
def test_outputs_that_are_no_float_matrices_are_no_class_scores(values: NDArray[Any]) -> None:
    assert refusal({"logits": values}).startswith("no output is plainly logits or probabilities among logits: ")


def test_an_output_that_is_no_array_at_all_is_passed_over() -> None:
    sample: dict[str, Any] = {"logits": LOGITS, "maps": [{0: 1.0}]}
    outputs = (spec("logits", LOGITS), TensorSpec("maps", "seq(map(int64,tensor(float)))", ()))
    assert read_contract((), outputs, chosen=Choice(), sample=sample).roles == {"logits": "logits"}


def test_a_model_without_outputs_is_refused() -> None:
    assert refusal({}).startswith("no output is plainly logits or probabilities among ")


@pytest.mark.parametrize("name", ["logits", "probabilities"])
def test_one_column_scores_the_second_of_two_classes(name: str) -> None:
    found = read({name: np.full((4, 1), 0.25, np.float32)})
    assert (found.roles, found.columns, found.class_count) == ({name: name}, 1, 2)


def test_one_column_that_nothing_is_known_of_is_not_guessed() -> None:
    assert "of one column, that of the second of two classes" in refusal({"y": np.full((4, 1), 0.25, np.float32)})


def test_one_column_of_more_than_1_is_no_probability() -> None:
    values = np.full((4, 1), 1.5, np.float32)
    assert "cannot be probabilities" in refusal({"y": values}, probabilities="y")


def declared(*specs: TensorSpec, **chosen: str) -> Contract:
    """Of a model that takes no made-up rows."""
    return read_contract((), specs, chosen=Choice(chosen), sample=None)


def test_without_values_names_and_declared_widths_must_do() -> None:
    found = declared(TensorSpec("probs", "float32", (None, 3)), TensorSpec("embedding", "float32", (None, 7)))
    assert (found.roles, found.class_count, found.embedding_width) == (
        {"probabilities": "probs", "embedding": "embedding"},
        3,
        7,
    )


def test_without_values_an_unnamed_matrix_is_not_guessed() -> None:
    with pytest.raises(ArtefactError, match="no output is plainly logits or probabilities"):
        declared(TensorSpec("y", "float32", (None, 3)))
    assert declared(TensorSpec("y", "float32", (None, 3)), logits="y").class_count == 3


def test_without_values_a_width_that_is_not_declared_is_unknown() -> None:
    with pytest.raises(ArtefactError, match="output 'y' cannot be the logits"):
        declared(TensorSpec("y", "float32", (None, None)), logits="y")


def test_a_name_that_promises_probabilities_must_keep_it() -> None:
    assert refusal({"probs": SCORES_BETWEEN_0_AND_1}) == (
        "output 'probs' cannot be probabilities, its rows do not sum to 1: if a row may have several labels, say "
        "--activation sigmoid; else name it with --logits-output, or as logits in bundle.json"
    )


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_a_name_that_promises_probabilities_counts_for_nothing_where_a_value_can_be_none(value: float) -> None:
    values = SCORES_BETWEEN_0_AND_1.copy()
    values[2, 3] = value
    contract = read({"probs": values})
    assert contract.roles == {"logits": "probs"}
    assert contract.reasons == {"logits": "its rows do not sum to 1"}


def test_a_name_that_is_not_kept_leaves_the_role_to_the_next_that_fits() -> None:
    assert read({"softmax_in": LOGITS, "softmax": PROBABILITIES}).roles == {"probabilities": "softmax"}


def test_a_name_that_is_not_kept_makes_nothing_plain_beside_another_matrix() -> None:
    assert refusal({"probs": LOGITS, "other": EMBEDDING}).startswith(
        "no output is plainly logits or probabilities"
    )


def test_a_name_that_promises_probabilities_does_not_excuse_nan() -> None:
    values = PROBABILITIES.copy()
    values[0, 0] = np.nan
    assert refusal({"probs": values}).startswith("output 'probs' cannot be probabilities")


def test_a_choice_of_probabilities_must_keep_it() -> None:
    assert refusal({"y": LOGITS}, probabilities="y").endswith(
        "name it with --logits-output, or as logits in bundle.json"
    )


def test_probabilities_beside_logits_must_keep_it_too() -> None:
    outputs = {"logits": LOGITS, "probs": SCORES_BETWEEN_0_AND_1}
    assert refusal(outputs).startswith("output 'probs' cannot be probabilities")


def test_what_is_no_probabilities_beside_logits_has_no_role() -> None:
    assert read({"logits": LOGITS, "probs": LOGITS}).roles == {"logits": "logits"}


def test_a_choice_beats_the_names() -> None:
    contract = read({"logits": EMBEDDING, "embedding": LOGITS}, logits="embedding", embedding="logits")
    assert contract.roles == {"logits": "embedding", "embedding": "logits"}
    assert set(contract.reasons.values()) == {"was chosen"}
    assert (contract.class_count, contract.embedding_width) == (5, 7)


def test_with_a_choice_the_other_outputs_have_no_role() -> None:
    assert read({"a": LOGITS, "embedding": EMBEDDING}, logits="a").roles == {"logits": "a"}


def test_a_choice_settles_what_is_not_plain() -> None:
    assert read({"a": LOGITS, "b": EMBEDDING}, logits="b").class_count == 7


def test_rows_that_sum_to_one_may_be_chosen_as_logits() -> None:
    assert read({"y": PROBABILITIES}, logits="y").roles == {"logits": "y"}


@pytest.mark.parametrize("role", ["logits", "probabilities", "embedding"])
def test_a_choice_of_an_output_that_there_is_not_is_refused(role: str) -> None:
    assert refusal({"logits": LOGITS}, **{role: "nope"}) == (
        f"output 'nope' cannot be the {role}: no float matrix has that name among logits: float32 (any, 5)"
    )


def test_a_choice_of_an_output_of_another_kind_is_refused() -> None:
    assert refusal({"logits": LOGITS, "label": LABELS}, logits="label").startswith(
        "output 'label' cannot be the logits: no float matrix has that name among "
    )


def test_a_choice_of_an_embedding_alone_leaves_the_rest_to_be_guessed() -> None:
    contract = read({"a": LOGITS, "b": EMBEDDING}, embedding="b")
    assert (contract.roles, contract.reasons["embedding"]) == ({"logits": "a", "embedding": "b"}, "was chosen")
