"""How a model is read: which of its outputs means what, and what it tells of a row."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assayd_server.contract import SAMPLE_ROWS, SCORES, Choice, Contract, TensorSpec
from assayd_server.core.tasks import Task
from assayd_server.errors import ArtefactError
from assayd_server.guessing import Evidence, guess_roles, guess_task, sum_to_one, within_zero_and_one


def read_contract(
    inputs: tuple[TensorSpec, ...],
    outputs: tuple[TensorSpec, ...],
    *,
    chosen: Choice,
    sample: Mapping[str, Any] | None,
    made_by: Mapping[str, str] = MappingProxyType({}),
) -> Contract:
    """Decide what each output means, and check the decision against real outputs.

    Args:
        inputs: as the graph declares them.
        outputs: as the graph declares them.
        chosen: as a manifest or flags say. Where it names logits, probabilities or values, the other outputs have
            no role; where it does not, the other roles are guessed.
        sample: what the model gave for SAMPLE_ROWS made-up rows, by output name; None where it takes none: then
            what the graph declares must do, and nothing is guessed by values.
        made_by: the kind of operation that gives an output, where that is known.

    Raises:
        ArtefactError: no output can be read as scores, or one is not what it is said to be.
    """
    evidence = _evidence(outputs, sample, made_by=made_by, chosen=chosen)
    roles, reasons = dict(chosen.outputs), dict.fromkeys(chosen.outputs, "was chosen")
    if not roles.keys() & set(SCORES):
        guessed, why = guess_roles(evidence, roles.values())
        roles, reasons = guessed | roles, why | reasons
    _check_roles(roles, evidence.matrices, outputs)
    task, why_task = _task(roles, evidence)
    _check_probabilities(roles, evidence.matrices, task)
    _check_rows(roles, evidence.matrices)
    widths = {role: evidence.matrices[name].shape[1] for role, name in roles.items()}
    sample_count = _sample_count(roles, evidence, chosen)
    return Contract(
        inputs,
        outputs,
        roles=roles,
        reasons=reasons,
        task=task,
        why_task=why_task,
        columns=next(widths[role] for role in SCORES if role in widths),
        embedding_width=widths.get("embedding", 0),
        sample_count=sample_count,
    )


def _evidence(
    outputs: tuple[TensorSpec, ...],
    sample: Mapping[str, Any] | None,
    *,
    made_by: Mapping[str, str],
    chosen: Choice,
) -> Evidence:
    given = _as_declared(outputs) if sample is None else sample
    sampled = {name: values for name, values in given.items() if chosen.sample_axis and _has_samples(values)}
    first = {name: values[:, 0] for name, values in sampled.items()}
    matrices = {name: values for name, values in {**given, **first}.items() if _is_matrix(values)}
    counts = {name: values.shape[1] for name, values in sampled.items()}
    return Evidence(given, matrices, counts, sample is not None, made_by, chosen.activation)


def _sample_count(roles: Mapping[str, str], evidence: Evidence, chosen: Choice) -> int:
    if not chosen.sample_axis:
        return 0
    if roles.get("embedding") in evidence.sample_counts:
        raise ArtefactError(f"output {roles['embedding']!r} has an axis of samples, it cannot be the embedding")
    name = next(roles[role] for role in SCORES if role in roles)
    if name not in evidence.sample_counts:
        raise ArtefactError(f"output {name!r} has no axis of samples: (rows, 2 or more samples, classes) is due")
    return evidence.sample_counts[name]


def _has_samples(values: Any) -> bool:
    """Whether it is (n, m, c), the opinions of m members."""
    return isinstance(values, np.ndarray) and values.ndim == 3 and values.shape[1] > 1


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


def _task(roles: Mapping[str, str], evidence: Evidence) -> tuple[Task, str]:
    activation = evidence.activation
    if "values" in roles:
        if activation is not None:
            raise ArtefactError(f"activation: {activation} goes with classes, and a regression model has none")
        return Task.REGRESSION, "it gives values"
    name = next(roles[role] for role in SCORES if role in roles)
    if activation is None or evidence.matrices[name].shape[1] == 1:
        return guess_task(evidence, name)
    task = Task.MULTILABEL if activation == "sigmoid" else Task.MULTICLASS
    return task, f"the activation {activation} was chosen"


def _check_roles(
    roles: Mapping[str, str], matrices: Mapping[str, NDArray[Any]], outputs: tuple[TensorSpec, ...]
) -> None:
    listed = "; ".join(map(str, outputs))
    for role, name in roles.items():
        if name not in matrices:
            raise ArtefactError(
                f"output {name!r} cannot be the {role}: no float matrix has that name among {listed}"
            )
    if not roles.keys() & set(SCORES):
        raise ArtefactError(
            f"no output is plainly logits or probabilities among {listed}: name one with --logits-output, "
            "--probabilities-output (of one column, that of the second of two classes) or --values-output (of a "
            "regression model), or in bundle.json"
        )
    if "values" in roles and roles.keys() & {"logits", "probabilities"}:
        raise ArtefactError("values are a regression model's, which has neither logits nor probabilities")


def _check_probabilities(roles: Mapping[str, str], matrices: Mapping[str, NDArray[Any]], task: Task) -> None:
    name = roles.get("probabilities")
    if name is None:
        return
    each_could_be, named = (
        within_zero_and_one(matrices[name]),
        "name it with --logits-output, or as logits in bundle.json",
    )
    if task is Task.MULTILABEL and not each_could_be:
        raise ArtefactError(f"output {name!r} cannot be probabilities, its values are not all in [0, 1]: {named}")
    if task is Task.MULTICLASS and not sum_to_one(matrices[name]):
        labels = "if a row may have several labels, say --activation sigmoid; else " if each_could_be else ""
        raise ArtefactError(f"output {name!r} cannot be probabilities, its rows do not sum to 1: {labels}{named}")


def _check_rows(roles: Mapping[str, str], matrices: Mapping[str, NDArray[Any]]) -> None:
    for name in roles.values():
        if len(matrices[name]) != SAMPLE_ROWS:
            raise ArtefactError(f"output {name!r} has {len(matrices[name])} rows for {SAMPLE_ROWS} rows of input")
