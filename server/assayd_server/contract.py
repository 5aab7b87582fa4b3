"""What a model takes and gives, and which of its outputs means what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.validity import SUM_TOLERANCE, scorable_probabilities
from assayd_server.errors import ArtefactError

ROLES = ("logits", "probabilities", "embedding")

_NAME_PARTS = {
    "logits": ("logit",),
    "probabilities": ("prob", "softmax"),
    "embedding": ("embed", "feature", "hidden", "pooled", "represent"),
}
SAMPLE_ROWS = 4


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model."""

    name: str
    data_type: str
    """As on the wire: float32, int64, string and so on; or what ONNX calls it where the wire has no such type."""
    shape: tuple[int | None, ...]
    """None where any length will do."""

    def __str__(self) -> str:
        lengths = ", ".join("any" if length is None else str(length) for length in self.shape)
        return f"{self.name}: {self.data_type} ({lengths})"


@dataclass(frozen=True, slots=True)
class Contract:
    """What the server relies on when it runs a model. Logits win over probabilities where a model has both."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    roles: Mapping[str, str]
    """Output name by role: logits, probabilities, embedding; at least one of the first two."""
    reasons: Mapping[str, str]
    """Why, by role."""
    class_count: int
    embedding_width: int
    """0 where there is no embedding."""


def read_contract(
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    *,
    chosen: Mapping[str, str],
    sample: Mapping[str, NDArray[Any]],
) -> Contract:
    """Decide what each output means, and check the decision against real outputs.

    Args:
        inputs: as the graph declares them.
        outputs: as the graph declares them.
        chosen: output name by role, as the bundle or a flag says; the other outputs then have no role.
        sample: what the model gave for SAMPLE_ROWS made-up rows, by output name.

    Raises:
        ArtefactError: no output can be read as class scores, or one is not what it is said to be.
    """
    matrices = {name: values for name, values in sample.items() if _is_matrix(values)}
    if chosen:
        roles, reasons = dict(chosen), dict.fromkeys(chosen, "was chosen")
    else:
        roles, reasons = _guess(matrices)
    _check_roles(roles, matrices, outputs)
    _check_rows(roles, matrices)
    scores = sample[roles.get("logits") or roles["probabilities"]]
    width = sample[roles["embedding"]].shape[1] if "embedding" in roles else 0
    return Contract(inputs, outputs, roles, reasons, class_count=scores.shape[1], embedding_width=width)


def _is_matrix(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.ndim == 2 and values.size > 0 and values.dtype.kind == "f"


def _guess(matrices: Mapping[str, NDArray[Any]]) -> tuple[dict[str, str], dict[str, str]]:
    roles: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for role, parts in _NAME_PARTS.items():
        for name, values in matrices.items():
            free = not {role, name} & {*roles, *roles.values()}
            if free and any(part in name.lower() for part in parts) and not _contradicts(role, values):
                roles[role], reasons[role] = name, "by its name"
    rest = [name for name in matrices if name not in roles.values()]
    if "logits" not in roles and "probabilities" not in roles and len(rest) == 1:
        summing = _rows_sum_to_one(matrices[rest[0]])
        role = "probabilities" if summing else "logits"
        roles[role] = rest[0]
        reasons[role] = "its rows sum to 1" if summing else "its rows do not sum to 1"
    return roles, reasons


def _rows_sum_to_one(values: NDArray[Any]) -> bool:
    return bool(scorable_probabilities(values).all())


def _contradicts(role: str, values: NDArray[Any]) -> bool:
    """A name may say "softmax" of what goes into one; values below 0 or above 1 show that it does."""
    return role == "probabilities" and bool(values.min() < 0 or values.max() > 1 + SUM_TOLERANCE)


def _check_roles(
    roles: Mapping[str, str], matrices: Mapping[str, NDArray[Any]], outputs: tuple[TensorSpec, ...]
) -> None:
    listed = "; ".join(map(str, outputs))
    for role, name in roles.items():
        if name not in matrices:
            raise ArtefactError(
                f"output {name!r} cannot be the {role}: no float matrix has that name among {listed}"
            )
    scores = roles.get("logits") or roles.get("probabilities")
    if scores is None:
        raise ArtefactError(
            f"no output is plainly logits or probabilities among {listed}: name one with --logits-output or "
            "--probabilities-output, or in bundle.json"
        )
    if matrices[scores].shape[1] < 2:
        raise ArtefactError(f"output {scores!r} has one column, a classifier needs one for each of its classes")
    if "probabilities" in roles and not _rows_sum_to_one(matrices[roles["probabilities"]]):
        raise ArtefactError(
            f"output {roles['probabilities']!r} cannot be probabilities, its rows do not sum to 1: "
            "name it with --logits-output, or as logits in bundle.json"
        )


def _check_rows(roles: Mapping[str, str], matrices: Mapping[str, NDArray[Any]]) -> None:
    for name in roles.values():
        if len(matrices[name]) != SAMPLE_ROWS:
            raise ArtefactError(f"output {name!r} has {len(matrices[name])} rows for {SAMPLE_ROWS} rows of input")
