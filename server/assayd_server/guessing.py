"""What the outputs of a model are likely to be, by names, by operations and by values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.contract import SCORES, Activation
from assayd_server.core.binary import two_classes_of_probability
from assayd_server.core.sigmoid import sigmoid
from assayd_server.core.tasks import Task
from assayd_server.core.validity import SUM_TOLERANCE, scorable_label_probabilities, scorable_probabilities

_NAME_PARTS = {
    "logits": ("logit",),
    "probabilities": ("prob", "softmax", "sigmoid"),
    "embedding": ("embed", "feature", "hidden", "pooled", "represent"),
    "values": ("variable", "regress"),  # variable is what skl2onnx and onnxmltools call the output of a regressor
}

_SAME = 1e-3
"""As near as half precision comes."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a model's outputs."""

    outputs: Mapping[str, Any]
    """All that the model gave, by name; what is no array is passed over."""
    matrices: Mapping[str, NDArray[Any]]
    """Those that could hold scores or an embedding, (n, c); of several samples the first."""
    sample_counts: Mapping[str, int]
    """How many samples an output has, by name; of those alone that have an axis of samples."""
    real: bool
    """Whether the values are real ones, or stand for the shape alone."""
    made_by: Mapping[str, str]
    """The kind of operation that gives an output, where that is known."""
    activation: Activation | None
    """As it was chosen."""


def guess_roles(evidence: Evidence, taken: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Which output has which role, and why; a role that nothing speaks for is left out.

    Args:
        evidence: what is known.
        taken: the outputs that have a role already.
    """
    matrices = {name: values for name, values in evidence.matrices.items() if name not in taken}
    roles: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for role, parts in _NAME_PARTS.items():
        for name, values in matrices.items():
            free = not {role, name} & {*roles, *roles.values()} and _goes_with(role, roles)
            if free and any(part in name.lower() for part in parts) and not _contradicts(role, values):
                roles[role], reasons[role] = name, "by its name"
    rest = [name for name in matrices if name not in roles.values()]
    if evidence.real and len(rest) == 1 and not roles.keys() & set(SCORES):
        role, why = _by_values(evidence, rest[0])
        if role:
            roles[role], reasons[role] = rest[0], why
    return roles, reasons


def guess_task(evidence: Evidence, name: str) -> tuple[Task, str]:
    """Whether classes exclude each other, where nobody says, and why.

    Args:
        evidence: what is known.
        name: of the output that holds logits or probabilities.
    """
    shape = evidence.matrices[name].shape
    if shape[1] == 1:
        return Task.MULTICLASS, "one column scores the second of two classes"
    for other, values in evidence.outputs.items():
        if getattr(values, "shape", None) == shape and values.dtype.kind in "ib":
            return Task.MULTILABEL, f"{other} has a column for each label"
        if evidence.real and other in evidence.matrices and _are_sigmoids(values, evidence.matrices[name]):
            return Task.MULTILABEL, f"{other} is the sigmoid of {name}"
    if _is_sigmoid(evidence, name):
        return Task.MULTILABEL, f"{name} is given by a sigmoid"
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


def _by_values(evidence: Evidence, name: str) -> tuple[str, str]:
    """The role of the only output, and why; an empty role where it could be anything."""
    values = evidence.matrices[name]
    if _is_sigmoid(evidence, name):
        return "probabilities", "a sigmoid gives it"
    if evidence.activation == "sigmoid":  # logits may happen to lie within [0, 1], probabilities never lie outside
        return ("", "") if within_zero_and_one(values) else ("logits", "its values are not all in [0, 1]")
    if values.shape[1] == 1:
        return "", ""
    if sum_to_one(values):
        return "probabilities", "its rows sum to 1"
    return "logits", "its rows do not sum to 1"


def _is_sigmoid(evidence: Evidence, name: str) -> bool:
    return evidence.made_by.get(name) == "Sigmoid"


def _are_sigmoids(values: NDArray[Any], logits: NDArray[Any]) -> bool:
    return values.shape == logits.shape and np.allclose(values, sigmoid(logits), rtol=0, atol=_SAME)


def _goes_with(role: str, roles: Mapping[str, str]) -> bool:
    """Values are a regression model's, which has neither of the others."""
    return role != "values" or not roles.keys() & {"logits", "probabilities"}


def _contradicts(role: str, values: NDArray[Any]) -> bool:
    """A name may say "softmax" of what goes into one; values below 0 or above 1 show that it does."""
    return role == "probabilities" and bool(values.min() < 0 or values.max() > 1 + SUM_TOLERANCE)
