"""What a model takes and gives, and which of its outputs means what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.core.binary import two_classes_of_probability
from assayd_server.core.validity import SUM_TOLERANCE, scorable_probabilities
from assayd_server.errors import ArtefactError

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
    columns: int
    """How wide the output with the scores is: 1 for a classifier of two classes that scores the second alone."""
    embedding_width: int
    """0 where there is no embedding."""

    @property
    def class_count(self) -> int:
        """How many classes it tells apart, 2 or more."""
        return max(self.columns, 2)


def read_contract(
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    *,
    chosen: Mapping[str, str],
    sample: Mapping[str, NDArray[Any]] | None,
) -> Contract:
    """Decide what each output means, and check the decision against real outputs.

    Args:
        inputs: as the graph declares them.
        outputs: as the graph declares them.
        chosen: output name by role, as the bundle or a flag says. Where it names logits or probabilities, the
            other outputs have no role; where it does not, the other roles are guessed.
        sample: what the model gave for SAMPLE_ROWS made-up rows, by output name; None where it takes none: then
            what the graph declares must do, and nothing is guessed but by name.

    Raises:
        ArtefactError: no output can be read as class scores, or one is not what it is said to be.
    """
    values = _as_declared(outputs) if sample is None else sample
    matrices = {name: found for name, found in values.items() if _is_matrix(found)}
    roles, reasons = dict(chosen), dict.fromkeys(chosen, "was chosen")
    if not {"logits", "probabilities"} & chosen.keys():
        rest = {name: found for name, found in matrices.items() if name not in chosen.values()}
        guessed, why = _guess(rest, by_values=sample is not None)
        roles, reasons = guessed | roles, why | reasons
    _check_roles(roles, matrices, outputs)
    _check_rows(roles, matrices)
    scores = matrices[roles.get("logits") or roles["probabilities"]]
    width = matrices[roles["embedding"]].shape[1] if "embedding" in roles else 0
    return Contract(inputs, outputs, roles, reasons, columns=scores.shape[1], embedding_width=width)


def _is_matrix(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.ndim == 2 and values.size > 0 and values.dtype.kind == "f"


def _as_declared(outputs: tuple[TensorSpec, ...]) -> dict[str, NDArray[Any]]:
    """Values of the shapes that the graph declares, the same in each column, so that they could be of any role."""
    shapes = {output.name: output.shape for output in outputs if output.data_type.startswith("float")}
    return {
        name: np.full((SAMPLE_ROWS, shape[1]), 1 / shape[1], np.float32)
        for name, shape in shapes.items()
        if len(shape) == 2 and shape[1]
    }


def _guess(matrices: Mapping[str, NDArray[Any]], *, by_values: bool) -> tuple[dict[str, str], dict[str, str]]:
    roles: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for role, parts in _NAME_PARTS.items():
        for name, values in matrices.items():
            free = not {role, name} & {*roles, *roles.values()}
            if free and any(part in name.lower() for part in parts) and not _contradicts(role, values):
                roles[role], reasons[role] = name, "by its name"
    rest = [name for name in matrices if name not in roles.values()]
    wide = [name for name in rest if matrices[name].shape[1] > 1]  # one column could be anything
    open_still = by_values and not {"logits", "probabilities"} & roles.keys()
    if open_still and len(wide) == 1 == len(rest):
        summing = _rows_sum_to_one(matrices[rest[0]])
        role = "probabilities" if summing else "logits"
        roles[role] = rest[0]
        reasons[role] = "its rows sum to 1" if summing else "its rows do not sum to 1"
    return roles, reasons


def _rows_sum_to_one(values: NDArray[Any]) -> bool:
    both = two_classes_of_probability(values) if values.shape[1] == 1 else values
    return bool(scorable_probabilities(both).all())


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
            "--probabilities-output, or in bundle.json (of one column, that of the second of two classes)"
        )
    if "probabilities" in roles and not _rows_sum_to_one(matrices[roles["probabilities"]]):
        raise ArtefactError(
            f"output {roles['probabilities']!r} cannot be probabilities, its rows do not sum to 1: "
            "name it with --logits-output, or as logits in bundle.json"
        )


def _check_rows(roles: Mapping[str, str], matrices: Mapping[str, NDArray[Any]]) -> None:
    for name in roles.values():
        if len(matrices[name]) != SAMPLE_ROWS:
            raise ArtefactError(f"output {name!r} has {len(matrices[name])} rows for {SAMPLE_ROWS} rows of input")
