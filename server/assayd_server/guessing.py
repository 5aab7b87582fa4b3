"""What the outputs of a model are likely to be, by their names and by their values."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from assayd_server.contract import SCORES, Activation
from assayd_server.core.binary import two_classes_of_probability
from assayd_server.core.tasks import Task
from assayd_server.core.validity import SUM_TOLERANCE, scorable_label_probabilities, scorable_probabilities

Matrices = Mapping[str, NDArray[Any]]

_NAME_PARTS = {
    "logits": ("logit",),
    "probabilities": ("prob", "softmax", "sigmoid"),
    "embedding": ("embed", "feature", "hidden", "pooled", "represent"),
    "values": ("variable", "regress"),  # variable is what skl2onnx and onnxmltools call the output of a regressor
}


def guess_roles(
    matrices: Matrices, *, by_values: bool, activation: Activation | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Which output has which role, and why; a role that nothing speaks for is left out.

    Args:
        matrices: what the model gave, by output name.
        by_values: whether the values are real ones, or stand for the shape alone.
        activation: as it was chosen; None where nobody chose.
    """
    roles: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for role, parts in _NAME_PARTS.items():
        for name, values in matrices.items():
            free = not {role, name} & {*roles, *roles.values()} and _goes_with(role, roles)
            if free and any(part in name.lower() for part in parts) and not _contradicts(role, values):
                roles[role], reasons[role] = name, "by its name"
    rest = [name for name in matrices if name not in roles.values()]
    if by_values and len(rest) == 1 and not roles.keys() & set(SCORES):
        role, why = _by_values(matrices[rest[0]], activation)
        if role:
            roles[role], reasons[role] = rest[0], why
    return roles, reasons


def guess_task(scores: NDArray[Any], name: str, outputs: Matrices) -> tuple[Task, str]:
    """Whether classes exclude each other, where nobody says, and why.

    Args:
        scores: the model's logits or probabilities, (n, c).
        name: of that output.
        outputs: all that the model gave.
    """
    if scores.shape[1] == 1:
        return Task.MULTICLASS, "one column scores the second of two classes"
    for other, values in outputs.items():
        if (
            getattr(values, "dtype", None) is not None
            and values.dtype.kind in "ib"
            and values.shape == scores.shape
        ):
            return Task.MULTILABEL, f"{other} has a column for each label"
    if "sigmoid" in name.lower():
        return Task.MULTILABEL, f"{name} is named so"
    return Task.MULTICLASS, "nothing says otherwise"


def sum_to_one(values: NDArray[Any]) -> bool:
    """Whether each row holds the probabilities of its classes; a single column is that of the second of two."""
    both = two_classes_of_probability(values) if values.shape[1] == 1 else values
    return bool(scorable_probabilities(both).all())


def within_zero_and_one(values: NDArray[Any]) -> bool:
    """Whether each value could be a probability by itself."""
    return bool(scorable_label_probabilities(values).all())


def _by_values(values: NDArray[Any], activation: Activation | None) -> tuple[str, str]:
    """The role of the only output, and why; an empty role where it could be anything."""
    one_of_many = values.shape[1] > 1 and activation != "sigmoid"
    if one_of_many and sum_to_one(values):
        return "probabilities", "its rows sum to 1"
    if within_zero_and_one(values):  # of labels each by itself, or logits that happen to lie there
        return "", ""
    if one_of_many:
        return "logits", "its rows do not sum to 1"
    return ("logits", "its values are not all in [0, 1]") if activation == "sigmoid" else ("", "")


def _goes_with(role: str, roles: Mapping[str, str]) -> bool:
    """Values are a regression model's, which has neither of the others."""
    return role != "values" or not roles.keys() & {"logits", "probabilities"}


def _contradicts(role: str, values: NDArray[Any]) -> bool:
    """A name may say "softmax" of what goes into one; values below 0 or above 1 show that it does."""
    return role == "probabilities" and bool(values.min() < 0 or values.max() > 1 + SUM_TOLERANCE)
